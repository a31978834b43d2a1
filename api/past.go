package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
	"interdict/screening/replica"
)

const (
	pastMost = 2           // earlier generations that are loaded at the same time
	pastKept = time.Minute // how long one that nobody uses stays loaded
	// PastPatience is how long a request of a server waits for an earlier generation to be loaded. Loading goes on after it.
	PastPatience = 20 * time.Second
)

// Past answers from earlier generations. The filters of one are in memory while it is loaded; layers that have to be built again are in a
// temporary store on disk.
type Past struct {
	loader   *loader.Loader
	present  *replica.Replica
	scratch  func() (lists.Store, error)
	patience time.Duration
	log      *slog.Logger

	life  context.Context // of loading
	end   context.CancelFunc
	tasks sync.WaitGroup

	mu      sync.Mutex // guards the rest, and the fields of every pastGeneration
	loaded  map[string]*pastGeneration
	changed chan struct{} // closed, and replaced, when one is no longer used
	closed  bool
}

// pastGeneration is an earlier generation that is loaded, or being loaded.
type pastGeneration struct {
	name    string
	ready   chan struct{} // closed once it is loaded; the two below are set then
	replica *replica.Replica
	err     error
	scratch lists.Store // nil: none was needed
	users   int
	dropped bool // to be closed when nobody uses it
	unused  *time.Timer
}

// NewPast returns a Past. scratch opens a temporary store, which its Close deletes. patience limits the time that a request waits until a generation is
// loaded; 0: no limit.
func NewPast(l *loader.Loader, present *replica.Replica, scratch func() (lists.Store, error), patience time.Duration, log *slog.Logger) *Past {
	p := &Past{loader: l, present: present, scratch: scratch, patience: patience, log: log, loaded: map[string]*pastGeneration{}, changed: make(chan struct{})}
	p.life, p.end = context.WithCancel(context.Background())
	return p
}

// Close gives up what is being loaded, and deletes the temporary stores.
func (p *Past) Close() {
	p.end()
	p.tasks.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, g := range p.loaded {
		p.drop(g)
	}
}

// Use calls work with a replica that answers from an earlier generation, or from two, and does not change.
func (p *Past) Use(ctx context.Context, generations []lists.Generation, work func(*replica.Replica) error) error {
	for again := true; ; again = false {
		g, err := p.take(ctx, generations)
		if err != nil {
			return err
		}
		err = work(g.replica)
		// A sweep may have dropped its layers in the meantime.
		gone := errors.As(err, new(*lists.DamagedError))
		p.release(g, gone)
		if !gone || !again {
			return err
		}
	}
}

// take returns a generation that is loaded. release must follow.
func (p *Past) take(ctx context.Context, generations []lists.Generation) (*pastGeneration, error) {
	if p.patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.patience)
		defer cancel()
	}
	for {
		g, changed, err := p.find(generations)
		if err != nil {
			return nil, err
		}
		if g == nil {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return nil, retryLater{fault.E(fault.Unavailable, "%d earlier generations are in use, and no more are loaded at the same time; try again", pastMost), 5 * time.Second}
			}
		}
		select {
		case <-g.ready:
			if g.err == nil {
				return g, nil
			}
			err = g.err
		case <-ctx.Done():
			err = retryLater{fault.E(fault.Unavailable, "generation %d is still being loaded; try again", generations[0].Number), 10 * time.Second}
		}
		p.release(g, false)
		return nil, err
	}
}

// find returns the loaded generation, or starts to load it. It returns nil if all places are in use; changed is closed when one is free.
func (p *Past) find(generations []lists.Generation) (g *pastGeneration, changed <-chan struct{}, err error) {
	name := ""
	for i := range generations {
		name += fmt.Sprintf("%d %s ", generations[i].Number, generations[i].ID)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.life.Err() != nil {
		return nil, nil, fault.E(fault.Unavailable, "the server is shutting down")
	}
	if g = p.loaded[name]; g == nil {
		if len(p.loaded) >= pastMost && !p.dropUnused() {
			return nil, p.changed, nil
		}
		g = &pastGeneration{name: name, ready: make(chan struct{})}
		p.loaded[name] = g
		p.tasks.Go(func() { p.load(g, generations) })
	}
	if g.users++; g.unused != nil {
		g.unused.Stop()
		g.unused = nil
	}
	return g, nil, nil
}

func (p *Past) load(g *pastGeneration, generations []lists.Generation) {
	var scratch lists.Store
	past, err := p.read(generations, func() (lists.Store, error) {
		var err error
		if scratch == nil {
			scratch, err = p.scratch()
		}
		return scratch, err
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	g.replica, g.scratch, g.err = past, scratch, err
	close(g.ready)
	if err != nil {
		p.drop(g)
	} else if g.users == 0 {
		p.expire(g)
	}
}

func (p *Past) read(generations []lists.Generation, scratch func() (lists.Store, error)) (*replica.Replica, error) {
	var store lists.Store // that has the layers of all of them
	held, built := make([]lists.Generation, len(generations)), false
	for i := range generations {
		builds := false
		g, from, err := p.loader.Past(p.life, generations[i], func() (lists.Store, error) {
			builds = true
			return scratch()
		})
		if err != nil {
			return nil, err
		}
		if held[i] = g; builds || !built {
			store = from
		}
		built = built || builds
	}
	return p.present.At(p.life, store, held...)
}

func (p *Past) release(g *pastGeneration, drop bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g.users--
	switch {
	case drop || p.closed || g.dropped:
		p.drop(g)
	case g.users == 0 && g.replica != nil:
		p.expire(g)
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// expire drops a generation after a time in which nobody has used it.
func (p *Past) expire(g *pastGeneration) {
	var timer *time.Timer
	timer = time.AfterFunc(pastKept, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if g.unused == timer {
			p.drop(g)
		}
	})
	g.unused = timer
}

// dropUnused drops a loaded generation that nobody uses. It returns false if there is none.
func (p *Past) dropUnused() bool {
	for _, g := range p.loaded {
		if g.unused != nil {
			p.drop(g)
			return true
		}
	}
	return false
}

// drop forgets a generation, and deletes its temporary store once nobody uses it.
func (p *Past) drop(g *pastGeneration) {
	if p.loaded[g.name] == g {
		delete(p.loaded, g.name)
	}
	if g.dropped = true; g.unused != nil {
		g.unused.Stop()
		g.unused = nil
	}
	if g.users > 0 || g.scratch == nil {
		return
	}
	if err := g.scratch.Close(); err != nil {
		p.log.Warn("a temporary store was not deleted; the next one that is opened deletes it", "error", err)
	}
	g.scratch = nil
}
