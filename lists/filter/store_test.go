package filter

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"interdict/lists"
	"interdict/lists/fault"
)

// blobs is a store of blobs in memory. A blob whose name is full cannot be stored.
type blobs struct {
	lists.Store
	stored map[string][]byte
	full   string
}

func (b *blobs) PutBlob(_ context.Context, name string, r io.Reader) error {
	if name == b.full {
		return errors.New("disk full")
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b.stored[name] = text
	return nil
}

func (b *blobs) OpenBlob(_ context.Context, name string) (io.ReadCloser, error) {
	text, ok := b.stored[name]
	if !ok {
		return nil, fault.E(fault.NotFound, "no blob %s", name)
	}
	return io.NopCloser(bytes.NewReader(text)), nil
}

func TestASavedFilterIsLoaded(t *testing.T) {
	s := &blobs{stored: map[string][]byte{}, full: lists.BlobFilter("full")}
	f := built("layer", 1000, Rate)
	if err := Save(t.Context(), s, f); err != nil {
		t.Fatal(err)
	}
	got, err := Load(t.Context(), s, "layer", 1000)
	if err != nil || !bytes.Equal(stored(t, got), stored(t, f)) {
		t.Errorf("the filter that was loaded differs: %v", err)
	}
	if _, err := Load(t.Context(), s, "other", 1000); !fault.Is(err, fault.NotFound) {
		t.Errorf("a filter that was never saved: %v", err)
	}
	if err := Save(t.Context(), s, New("part", 1, Rate)); err == nil || s.stored[lists.BlobFilter("part")] != nil {
		t.Error("a filter without its keys was saved")
	}
	if err := Save(t.Context(), s, built("full", 10, Rate)); err == nil {
		t.Error("a filter that the store did not take is no error")
	}
}
