// Package certs serves TLS with a certificate that is read from files, and read again when they change.
//
//	files ── every few seconds: other bytes? ── a pair that fits, certificate authorities ── swap one pointer ── the next handshake
//	                                              └─ cannot be used: the old one stays, one line in the log, a warning in the readiness probe
//
// Files are compared by their content, so that a swap of symbolic links counts, as Kubernetes makes for secrets.
package certs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"interdict/lists/fault"
)

// Options name the files, all of them PEM.
type Options struct {
	Cert, Key string
	// ClientCA has the authorities whose client certificates are accepted; "" if none are asked for. A caller needs none, but one that is
	// presented must be valid.
	ClientCA string
	Now      func() time.Time
	Log      *slog.Logger
	Poll     time.Duration // how often the files are looked at; 0 for 2 s
}

// Certificate is the certificate of a server.
type Certificate struct {
	o       Options
	current atomic.Pointer[loaded]
	refused atomic.Pointer[refusal] // why the files cannot be used; nil: they are in use
	warned  *loaded                 // whose dates are in the log
	suspect [sha256.Size]byte       // of files that cannot be used and were seen once: they may be half written
}

// loaded is what the files held when they were read.
type loaded struct {
	digest          [sha256.Size]byte
	config          *tls.Config
	from, until     time.Time // when every certificate of the chain is valid
	subject, serial string
}

type refusal struct {
	digest [sha256.Size]byte
	since  time.Time
	err    error
}

// Open reads the files.
func Open(o Options) (*Certificate, error) {
	if o.Poll == 0 {
		o.Poll = 2 * time.Second
	}
	c := &Certificate{o: o}
	files, digest, err := c.read()
	if err != nil {
		return nil, err
	}
	next, err := c.load(files, digest)
	if err != nil {
		return nil, err
	}
	c.current.Store(next)
	c.warnOfDates()
	return c, nil
}

// TLS returns the configuration of a server.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current.Load().config, nil }}
}

var protocols = []string{"h2", "http/1.1"}

// Expires returns the earliest expiry of the certificates in the served chain.
func (c *Certificate) Expires() time.Time { return c.current.Load().until }

// Check returns what is served. The error says what a person has to look at: the dates, or files that cannot be used.
func (c *Certificate) Check() (detail string, err error) {
	now := c.current.Load()
	if err := now.dates(c.o.Now()); err != nil {
		return "", err
	}
	if r := c.refused.Load(); r != nil {
		return "", fault.E(fault.Invalid, "the certificate in the files cannot be used since %s, and the one that expires on %s is served: %w",
			r.since.UTC().Format(time.RFC3339), now.until.UTC().Format(time.RFC3339), r.err)
	}
	return "expires on " + now.until.UTC().Format(time.RFC3339), nil
}

func (l *loaded) dates(now time.Time) error {
	switch {
	case now.After(l.until):
		return fault.E(fault.Invalid, "the certificate %s expired on %s", l.subject, l.until.UTC().Format(time.RFC3339))
	case now.Before(l.from):
		return fault.E(fault.Invalid, "the certificate %s is not valid before %s", l.subject, l.from.UTC().Format(time.RFC3339))
	}
	return nil
}

// Watch takes what the files hold whenever that changes, until ctx ends.
func (c *Certificate) Watch(ctx context.Context) {
	tick := time.NewTicker(c.o.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c.reload()
		c.warnOfDates()
	}
}

func (c *Certificate) reload() {
	files, digest, err := c.read()
	if err == nil && digest == c.current.Load().digest {
		c.refused.Store(nil)
		return
	}
	if was := c.refused.Load(); was != nil && was.digest == digest {
		return
	}
	var next *loaded
	if err == nil {
		next, err = c.load(files, digest)
	}
	if err != nil && c.suspect != digest {
		c.suspect = digest
		return
	}
	if err != nil {
		c.refused.Store(&refusal{digest, c.o.Now(), err})
		c.o.Log.Warn("the new TLS certificate cannot be used; the old one stays", "error", err)
		return
	}
	c.current.Store(next)
	c.refused.Store(nil)
	c.o.Log.Info("the TLS certificate was read again", "subject", next.subject, "serial", next.serial, "expires", next.until.UTC().Format(time.RFC3339))
}

// warnOfDates logs once that the certificate that is served is not valid now.
func (c *Certificate) warnOfDates() {
	now := c.current.Load()
	if err := now.dates(c.o.Now()); err == nil {
		c.warned = nil
	} else if c.warned != now {
		c.warned = now
		c.o.Log.Warn("callers will refuse the TLS certificate", "error", err)
	}
}

// read returns the bytes of the files. The digest tells them apart, and files that cannot be read in different ways.
func (c *Certificate) read() (files [3][]byte, digest [sha256.Size]byte, err error) {
	sum := sha256.New()
	for i, name := range []string{c.o.Cert, c.o.Key, c.o.ClientCA} {
		if name == "" {
			continue
		}
		b, rerr := os.ReadFile(name)
		if rerr != nil && err == nil {
			err = fault.E(fault.Invalid, "TLS: %w", rerr)
		}
		fmt.Fprintf(sum, "%d %d %v ", i, len(b), rerr)
		sum.Write(b)
		files[i] = b
	}
	return files, [sha256.Size]byte(sum.Sum(nil)), err
}

// load makes a configuration of what the files hold. A new one has new keys for session tickets: sessions of another one are not resumed.
func (c *Certificate) load(files [3][]byte, digest [sha256.Size]byte) (*loaded, error) {
	pair, err := tls.X509KeyPair(files[0], files[1])
	if err != nil {
		return nil, fault.E(fault.Invalid, "TLS: %s and %s: %w", c.o.Cert, c.o.Key, err)
	}
	out := &loaded{digest: digest, subject: pair.Leaf.Subject.String(), serial: pair.Leaf.SerialNumber.Text(16)}
	for _, der := range pair.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fault.E(fault.Invalid, "TLS: %s: %w", c.o.Cert, err)
		}
		if cert.NotBefore.After(out.from) {
			out.from = cert.NotBefore
		}
		if out.until.IsZero() || cert.NotAfter.Before(out.until) {
			out.until = cert.NotAfter
		}
	}
	out.config = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, Certificates: []tls.Certificate{pair}, Time: c.o.Now}
	if c.o.ClientCA != "" {
		pool := x509.NewCertPool()
		if len(bytes.TrimSpace(files[2])) == 0 || !pool.AppendCertsFromPEM(files[2]) {
			return nil, fault.E(fault.Invalid, "TLS: %s holds no certificate of an authority", c.o.ClientCA)
		}
		out.config.ClientCAs, out.config.ClientAuth = pool, tls.VerifyClientCertIfGiven
	}
	return out, nil
}
