// Package record keeps the record of decisions and changes in a folder: the journal, and the proof that nobody changed it later.
//
//	FOLDER/…segments          the journal, one set of segments for each writer
//	FOLDER/proof/<writer>/    the transparency log of each writer
//	FOLDER/proof/id           the identity of the folder
//	FOLDER/proof/witnesses    the public keys of the witnesses that have been asked
//	FOLDER/proof/published/   an empty file for each writer whose last checkpoint has been published
//	FOLDER/keys/              the keys that sign checkpoints, unless they are given
//
//	Open ──► journal.Open ──► Record.AppendBatch ──► the answer
//	             │ records on disk
//	             ▼
//	         proof.Log ──► checkpoints, once a second ──► Options.Publish ──► the store, and from there the journals of others
//
//	settle (goroutine): completes the logs of writers that crashed
//	watch (goroutine): sees within seconds that files are gone
//
//	Folder ──► Find, Receipt, Verify, Export: no server is needed for them
//
// Deleting a whole writer shows by its last checkpoint, which the store and the journals of other writers have.
package record
