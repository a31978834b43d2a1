package webhook

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"interdict/lists/logs"
)

// receiverPatience is how long the receiver of a webhook may fail until the log says that it is away.
const receiverPatience = 30 * time.Second

// receivers log when the receiver of a webhook goes away, and when it is back.
type receivers struct {
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex
	known map[string]*logs.Dependency // by the id of the webhook: few
}

func (r *receivers) note(webhook string, begun time.Time, a *Attempt) {
	r.mu.Lock()
	d := r.known[webhook]
	if d == nil {
		d = logs.NewDependency("webhook "+webhook, "its events wait and are sent when it is back, for up to "+RetryFor.String(), receiverPatience, r.log, r.now)
		r.known[webhook] = d
	}
	r.mu.Unlock()
	var err error
	if a.Error != "" {
		err = errors.New(a.Error)
	}
	d.Note(begun, err)
}
