package filter

import (
	"context"
	"io"
	"sync"

	"interdict/lists"
)

// Save stores a filter as the blob of its layer.
func Save(ctx context.Context, store lists.Store, f *Filter) error {
	pr, pw := io.Pipe()
	var writer sync.WaitGroup
	writer.Go(func() {
		_, err := f.WriteTo(pw)
		pw.CloseWithError(err)
	})
	err := store.PutBlob(ctx, lists.BlobFilter(f.layer), pr)
	pr.CloseWithError(io.ErrClosedPipe)
	writer.Wait()
	return err
}

// Load reads the filter of a layer that has this many keys. It returns fault.NotFound if the store has none.
func Load(ctx context.Context, store lists.Store, layer string, keys int) (*Filter, error) {
	b, err := store.OpenBlob(ctx, lists.BlobFilter(layer))
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return Read(b, layer, keys)
}
