package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"

	"interdict/api/auth"
	"interdict/lists/redisstore"
	"interdict/screening"
)

// unstartable returns what a start would find to be wrong with the settings, without opening a store or a port. It names the settings.
func (c *serveCmd) unstartable() (all []error) {
	add := func(settings string, err error) {
		if err != nil && !strings.Contains(err.Error(), "--") && !strings.Contains(err.Error(), "_") {
			err = fmt.Errorf("%s: %w", settings, err)
		}
		if err != nil {
			all = append(all, err)
		}
	}
	for _, x := range [][2]string{{"--listen", c.Listen}, {"--admin-listen", c.AdminListen}} {
		name, address := x[0], x[1]
		_, port, err := net.SplitHostPort(address)
		if err == nil {
			_, err = net.DefaultResolver.LookupPort(context.Background(), "tcp", port)
		}
		if err != nil {
			add(name, fmt.Errorf("%s: %q is not HOST:PORT", name, address))
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
	if strings.Contains(c.Archive, "://") && !isPostgres(c.Archive) {
		add("--archive", usage("--archive: use postgres://…, a folder, or none"))
	}
	if strings.Contains(c.Bucket, "://") && !strings.HasPrefix(c.Bucket, "s3://") {
		add("--bucket", usage("--bucket: use s3://BUCKET/PREFIX?endpoint=…&region=…, or a folder that exists"))
	} else if c.Bucket != "" && !strings.Contains(c.Bucket, "://") {
		if info, err := os.Stat(c.Bucket); err != nil || !info.IsDir() {
			add("--bucket", usage("--bucket: %s is not a folder", c.Bucket))
		}
	}
	if c.TLSCert != "" && c.TLSKey != "" {
		_, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		add("--tls-cert and --tls-key", err)
	}
	return all
}
