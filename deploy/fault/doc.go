// Package fault keeps real servers answering checks while their Redis, their processes and their disk fail, and holds every answer
// against the generation it names.
//
//	loader processes ── activate versions that list an odd or an even canary ──┐
//	                                                                           Redis, behind toxiproxy ← a fault
//	checkers ── three servers: two that hold their lists in memory, one that does not ┘
//
// What must hold under every fault: no answer contradicts the generation that it names; that generation was really made, and once
// acknowledged it stays; numbers never fall; what was told is in the journal; servers that hold their lists in memory answer every check. Histories of
// activations are checked for linearizability with porcupine. A generation that the store has lost is answered together with the store's own. A table at the end tells how it went.
//
// make fault is the long form, make test has the short one.
package fault
