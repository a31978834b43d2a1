package main

import (
	"context"
	"fmt"
	"log/slog"

	"interdict/api/auth"
	"interdict/lists/redisstore"
	"interdict/screening"
	"interdict/screening/archive/vault"
	"interdict/screening/edge"
)

// unstartable returns what a start would find to be wrong with the settings, without opening a store or a port, or asking a server. It has no rules of its own: it calls
// what the start calls. Its errors name the settings.
func (c *serveCmd) unstartable() (all []error) {
	add := func(settings string, err error) {
		if err != nil && !flagInText.MatchString(err.Error()) && !variableInText.MatchString(err.Error()) {
			err = fmt.Errorf("%s: %w", settings, err)
		}
		if err != nil {
			all = append(all, err)
		}
	}
	if c.Redis != "" {
		store, err := redisstore.Open(context.Background(), c.Redis, redisstore.Options{Prefix: c.RedisPrefix, Password: c.RedisPassword}) // it connects later
		add("--redis", err)
		if err == nil {
			store.Close()
		}
	}
	_, err := c.holds(nil)
	add("--holds", err)
	_, err = c.signingKeys()
	add("--record-key", err)
	_, err = c.witnesses()
	add("--witness", err)
	_, err = screening.NewCustomers(c.Customers, c.CustomerKey)
	add("--customer-key", err)
	if c.BootstrapKey != "" {
		add("--bootstrap-key", auth.CheckBootstrap(c.BootstrapKey))
	}
	add("--session-idle and --session-lifetime", c.signInFlags.check())
	all = append(all, c.localMistakes()...)
	add("--archive", c.checkIndex())
	if c.Bucket != "" {
		add("--bucket", vault.CheckBucket(c.Bucket, c.bucketFlags.bucket()))
	}
	if c.Publish != "" {
		add("--publish", vault.CheckBucket(c.Publish, c.edgeFlags.bucket()))
	}
	if c.Follow != "" {
		add("--follow", edge.CheckSource(c.Follow, c.source()))
	}
	if c.TLSCert != "" && c.TLSKey != "" {
		_, err := c.certificate(slog.New(slog.DiscardHandler))
		add("--tls-cert and --tls-key", err)
	}
	return all
}
