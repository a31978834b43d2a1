package diskstore

import (
	"context"
	"sync"
)

// watches holds the channels of Watch. No other process can commit a change.
type watches struct {
	mu     sync.Mutex
	open   map[chan struct{}]bool
	closed bool
}

// Watch returns a channel that receives a value after a change of DocHead or of a key under "fresh/".
// It is closed when ctx ends, or the store is closed.
func (s *Store) Watch(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	s.watches.add(c)
	context.AfterFunc(ctx, func() { s.watches.remove(c) })
	return c
}

func (w *watches) add(c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		close(c)
		return
	}
	if w.open == nil {
		w.open = map[chan struct{}]bool{}
	}
	w.open[c] = true
}

func (w *watches) remove(c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open[c] {
		delete(w.open, c)
		close(c)
	}
}

func (w *watches) notify() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		select {
		case c <- struct{}{}:
		default: // a value is pending already
		}
	}
}

func (w *watches) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for c := range w.open {
		close(c)
	}
	w.open = nil
}
