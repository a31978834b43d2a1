// Package selftest proves that this program, and the lists that it answers from, find a listed address however it is written, and refuse what
// is not an address.
//
//	vectors.jsonl ── Vectors ── address.Parse and relations
//	listings ── Sampler (random, bounded, from a seed) ── Spellings ── Ask, as a check would ── hit, or refused
//	                                                                       └─ Report ── Seal (signed note) ── Open
package selftest
