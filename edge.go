package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"interdict/api"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/lists/lease"
	"interdict/loader"
	"interdict/screening"
	"interdict/screening/archive/vault"
	"interdict/screening/edge"
	"interdict/screening/replica"
)

// edgeFlags say where this server publishes what it serves, or what it follows.
type edgeFlags struct {
	Publish       string        `help:"Publish what is served, with a signed manifest, for servers that follow: s3://BUCKET/PREFIX?endpoint=…&region=…, or a folder that exists. Of several servers on one store one does it." placeholder:"URL"`
	ManifestValid time.Duration `help:"How long a manifest is valid: servers that follow report no misses when they hear nothing for longer." default:"10m"`
	Follow        string        `help:"Take the lists from what another server publishes: its http:// or https:// URL, that of a bucket or cache, s3://…, or a folder." placeholder:"URL"`
	FollowKey     []string      `help:"Public keys of the server that is followed, as its audit keys prints them; each manifest must be signed by one of them." placeholder:"KEY"`
	FollowToken   string        `help:"API key for the server that is followed; better as INTERDICT_FOLLOW_TOKEN_FILE." placeholder:"KEY"`
	FollowEvery   time.Duration `help:"How often to ask for a new manifest." default:"10s"`
	EdgeAccessKey string        `help:"Access key for the bucket of --publish or --follow; the usual variables and roles of AWS when not given." placeholder:"KEY"`
	EdgeSecretKey string        `help:"Its secret; better as INTERDICT_EDGE_SECRET_KEY_FILE." placeholder:"SECRET"`
}

// check refuses flags that do not go together.
func (f *edgeFlags) check(redis string, demo bool) error {
	_, _, err := edge.Open(nil, f.FollowKey)
	bad := err != nil && strings.HasPrefix(err.Error(), "public key")
	var errs []error
	refuse := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, usage(format, args...))
		}
	}
	follows := f.Follow != ""
	refuse(f.ManifestValid < 10*time.Second || f.ManifestValid > 24*time.Hour, "--manifest-valid must be from 10s to 24h")
	refuse(f.FollowEvery < time.Second, "--follow-every must be at least 1s")
	refuse(!follows && (len(f.FollowKey) > 0 || f.FollowToken != ""), "--follow-key and --follow-token are for --follow")
	refuse(follows && f.Publish != "", "a server that follows another one publishes nothing: leave out --publish")
	refuse(follows && (redis != "" || demo), "a server that follows another one keeps its lists in the folder --data: leave out --redis and --demo")
	refuse(follows && len(f.FollowKey) == 0, "--follow needs --follow-key: the keys that audit keys of the other server prints")
	refuse(follows && bad, "--follow-key: %w", err)
	return errors.Join(errs...)
}

func (f *edgeFlags) bucket() vault.BucketOptions {
	return vault.BucketOptions{AccessKey: f.EdgeAccessKey, SecretKey: f.EdgeSecretKey, Shared: true, Unlocked: true}
}

func (f *edgeFlags) source() edge.SourceOptions {
	return edge.SourceOptions{Token: f.FollowToken, Bucket: f.bucket()}
}

// spreader spreads lists: it serves a manifest to those who ask, publishes, or follows.
type spreader struct {
	local      *edge.Local
	publisher  *edge.Publisher // nil: nothing is published
	bucket     vault.Bucket
	lease      *lease.Lease
	publishing atomic.Pointer[publishing]
	follower   *edge.Follower // nil: nothing is followed
	source     edge.Source
	log        *slog.Logger
}

// spreader opens what the flags name. If another server is followed, the lists of o can be changed by the follower only.
func (c *serveCmd) spreader(ctx context.Context, o *opened, log *slog.Logger) (s *spreader, err error) {
	s = &spreader{log: log}
	options := edge.PublishOptions{Store: o.store, Name: c.RecordName, Signer: o.journal.Keys(), Valid: c.ManifestValid, Log: log, Now: time.Now}
	s.local = edge.NewLocal(filepath.Join(c.Data, "manifest"), options)
	raw, guarded := edge.Unguarded(o.store)
	switch {
	case c.Follow != "":
		s.source, err = edge.OpenSource(ctx, c.Follow, c.source())
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(c.Follow, "http://") && c.FollowToken != "" {
			log.Warn("the API key of --follow-token is sent without TLS", "to", s.source.Describe())
		}
		o.store = edge.Guard(raw)
		o.loader = loader.New(o.store, recorder{o.journal}, log, "", time.Now)
		s.follower = edge.NewFollower(edge.FollowOptions{Store: raw, Source: s.source, VKeys: c.FollowKey, Dir: filepath.Join(c.Data, "follow"), Every: c.FollowEvery, Log: log, Now: time.Now})
	case guarded:
		return nil, usage("the lists in %s are those of another server: start with --follow, or with an empty folder", c.Data)
	case c.Publish != "":
		if s.bucket, err = vault.OpenBucket(ctx, c.Publish, c.edgeFlags.bucket()); err != nil {
			return nil, err
		}
		options.Bucket = s.bucket
		s.publisher = edge.NewPublisher(options)
		sum := sha256.Sum256([]byte(s.bucket.Describe()))
		owner, ttl := hostname()+"-"+uuid.NewString(), min(lease.TTL/4, c.ManifestValid/4)
		if c.Redis == "" {
			owner = "the one server of an embedded store" // it goes on where one that was killed ended
		}
		s.lease = lease.New(o.store, "publish-"+hex.EncodeToString(sum[:8]), owner, ttl, time.Now)
	}
	return s, nil
}

// run publishes or follows until ctx ends.
func (s *spreader) run(ctx context.Context) {
	switch {
	case s.follower != nil:
		s.follower.Run(ctx)
	case s.publisher != nil:
		s.publish(ctx)
	}
}

// publishing is who publishes, as the last look at the lease told; there is none while the store cannot be read.
type publishing struct {
	here bool
	// standby is why this server could not take over from the one that publishes; nil if it could, or publishes itself.
	standby error
}

// publish publishes while this server has the lease.
func (s *spreader) publish(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var looked time.Time // for whether this server could take over
	for {
		taken, err := s.lease.Take(ctx)
		switch {
		case taken:
			s.publishing.Store(&publishing{here: true})
			s.publisher.Forget() // another server may have published meanwhile
			s.lease.While(ctx, s.publisher.Run)
			s.publishing.Store(nil)
			looked = time.Time{}
		case err == nil && time.Since(looked) >= time.Minute:
			looked = time.Now()
			standby := s.publisher.CanTakeOver(ctx)
			if before := s.publishing.Swap(&publishing{standby: standby}); standby != nil && (before == nil || before.standby == nil) {
				s.log.Warn("this server could not take over from the one that publishes", "error", standby)
			}
		case err == nil:
		case ctx.Err() == nil:
			s.publishing.Store(nil)
			looked = time.Time{}
			s.log.Debug("take the lease to publish", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *spreader) close() {
	s.local.Close()
	if s.bucket != nil {
		_ = s.bucket.Close() // connections only
	}
	if s.source != nil {
		_ = s.source.Close()
	}
}

// state is what the readiness probe shows.
func (s *spreader) state() (check, detail string, err error) {
	switch {
	case s.follower != nil:
		_, err = s.follower.Status()
		return "follow", "", err
	case s.publisher != nil:
		switch p := s.publishing.Load(); {
		case p == nil:
			return "publish", "", s.publisher.Status().Error
		case p.here:
			return "publish", "this server publishes", s.publisher.Status().Error
		case p.standby != nil:
			return "publish", "", fault.E(fault.KindOf(p.standby), "another server publishes, and this one could not take over: %w", p.standby)
		default: // an error of this server's last attempt is past
			return "publish", "another server publishes", nil
		}
	}
	return "", "", nil
}

// measured adds the figures to the metrics.
func (s *spreader) measured(m *api.Metrics, screener *screening.Screener) {
	register := func(name, help string, value func() float64) { registerFigure(m.Registry, name, help, value) }
	published := func(value func(*edge.Manifest) float64) func() float64 {
		return func() float64 {
			if p := s.publishing.Load(); p == nil || !p.here || s.publisher.Status().Manifest == nil { // it may know that of another server
				return 0
			}
			return value(s.publisher.Status().Manifest)
		}
	}
	register("interdict_published_generation", "The generation that this server has published; 0 for none.", published(func(x *edge.Manifest) float64 { return float64(x.Generation) }))
	register("interdict_published_not_after_timestamp_seconds", "Until when the manifest that this server has published is valid; 0 for none.",
		published(func(x *edge.Manifest) float64 { return float64(x.NotAfter.Unix()) }))
	register("interdict_publish_failures_total", "Attempts to publish that have failed.", func() float64 {
		if s.publisher == nil {
			return 0
		}
		return s.publisher.Status().Failed
	})
	followed := func(value func(*lists.Followed) float64) func() float64 {
		return func() float64 {
			var st replica.Status
			if st = screener.Status(); st.Followed == nil {
				return 0
			}
			return value(st.Followed)
		}
	}
	register("interdict_followed_generation", "The generation of the followed server that is served here; 0 if none is followed.", followed(func(x *lists.Followed) float64 { return float64(x.Generation) }))
	register("interdict_followed_created_timestamp_seconds", "When its manifest was signed; 0 if none is followed.", followed(func(x *lists.Followed) float64 { return float64(x.Created.Unix()) }))
	register("interdict_followed_not_after_timestamp_seconds", "Until when it is valid: no misses are reported from then on; 0 if none is followed.",
		followed(func(x *lists.Followed) float64 { return float64(x.NotAfter.Unix()) }))
	register("interdict_follow_failures_total", "Attempts to read what is followed that have failed.", func() float64 {
		if s.follower == nil {
			return 0
		}
		failed, _ := s.follower.Status()
		return failed
	})
}

// registerFigure adds a counter, if its name ends with _total, or a gauge.
func registerFigure(r *prometheus.Registry, name, help string, value func() float64) {
	if strings.HasSuffix(name, "_total") {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
		return
	}
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}
