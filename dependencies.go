package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"interdict/lists/fault"
	"interdict/lists/logs"
	"interdict/screening/record"
)

// dependency is something that a server needs, and how to find out whether it works.
type dependency struct {
	name, means            string
	every, limit, patience time.Duration
	probe                  func(context.Context) error
}

// slowSync is how long a flush of the journal to disk may take until its disk counts as away.
const slowSync = 1500 * time.Millisecond

// dependencies returns what this server needs. Redis and the disk of the journal are known to be away within two seconds, also when they hang.
func (c *serveCmd) dependencies(o *opened, k *keeper) []dependency {
	all := []dependency{
		{"disk of the journal", "no check is answered: 503 store_unavailable", 250 * time.Millisecond, time.Second, 0,
			func(context.Context) error { return journalStuck(o.journal, time.Now()) }},
		{"store: " + o.store.Describe(), "misses, and hits of lists in memory, are answered; other hits are 503 store_unavailable with possible_match; lists, keys and sessions cannot be changed",
			500 * time.Millisecond, 500 * time.Millisecond, time.Second, o.store.Ping},
	}
	if c.Redis == "" { // it is flushed to disk by each probe, and writes wait for one another
		all[1].every, all[1].limit, all[1].patience = 15*time.Second, 30*time.Second, 0
	}
	if k.index != nil && k.shared() {
		all = append(all, dependency{"index of the record: " + k.index.Describe(), "checks are answered; searches of the record and alerts fail, and are behind afterwards",
			500 * time.Millisecond, 1500 * time.Millisecond, time.Second, func(ctx context.Context) error { _, err := k.index.Marks(ctx); return err }})
	}
	if k.vault != nil {
		all = append(all, dependency{"bucket of the record: " + k.vault.Describe(), "checks are answered; segments of the record stay on this disk, and those in the bucket cannot be read",
			30 * time.Second, 10 * time.Second, 20 * time.Second, k.vault.Reachable})
	}
	if c.OIDCIssuer != "" {
		all = append(all, dependency{"identity provider: " + c.OIDCIssuer, "checks are answered; staff sign in with local accounts only, and sessions go on", 15 * time.Second, 5 * time.Second,
			10 * time.Second, discovery(c.OIDCIssuer)})
	}
	return all
}

// watchDependencies logs when something that the server needs goes away, and when it is back, until ctx ends.
func watchDependencies(ctx context.Context, all []dependency, log *slog.Logger) {
	var group sync.WaitGroup
	for _, d := range all {
		group.Go(func() {
			logs.NewDependency(d.name, d.means, d.patience, log, time.Now).Watch(ctx, d.every, d.limit, d.probe)
		})
	}
	group.Wait()
}

// journalStuck tells why decisions cannot be recorded at this moment.
func journalStuck(j *record.Record, now time.Time) error {
	st := j.Stats()
	switch {
	case st.LastError != nil && now.Sub(st.LastErrorAt) < time.Second:
		return st.LastError
	case !st.Syncing.IsZero() && now.Sub(st.Syncing) > slowSync:
		return fault.E(fault.Unavailable, "a flush to disk has been running since %s", st.Syncing.UTC().Format(time.RFC3339))
	}
	return j.Lost()
}

// discovery returns a probe of an identity provider: whether it shows its description (OpenID Connect Discovery, section 4).
func discovery(issuer string) func(context.Context) error {
	client := &http.Client{}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // so that the connection is used again
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("its description is answered with %d %s", res.StatusCode, http.StatusText(res.StatusCode))
		}
		return nil
	}
}
