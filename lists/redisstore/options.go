package redisstore

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"interdict/lists/fault"
)

// Options are settings that override the URL, or that a URL should not contain. The zero value is valid.
type Options struct {
	Username         string // of the ACL user; "": that of the URL
	Password         string // "": that of the URL
	SentinelUsername string
	SentinelPassword string

	Prefix      string        // of all keys; "": "interdict"
	Timeout     time.Duration // of Lookup and Attributions with few keys, and of Ping; 0: 50 ms
	BulkTimeout time.Duration // of one step of all other operations; 0: 5 s
	PoolSize    int           // connections to one server; 0: ten for each CPU
	TLS         *tls.Config   // for rediss; nil: trust the certificate authorities of the system
}

const (
	defaultPrefix      = "interdict"
	defaultTimeout     = 50 * time.Millisecond
	defaultBulkTimeout = 5 * time.Second
	// timeoutPerKey is added to Timeout for each key: a thousand keys may take 50 ms more.
	timeoutPerKey = 50 * time.Microsecond
	dialTimeout   = time.Second

	defaultPort         = "6379"
	defaultSentinelPort = "26379"
)

// target holds the servers of a store and the options to connect to them.
type target struct {
	kind        string // "", "sentinel" or "cluster"
	hosts       []string
	master      string
	db          int
	options     Options
	description string
}

// parseURL reads the forms
//
//	redis://[user[:password]@]host[:port][/db]
//	redis+sentinel://[user[:password]@]host[:port],host[:port]…/master[/db]
//	redis+cluster://[user[:password]@]host[:port],host[:port]…
//
// and the same with rediss for TLS. Parameters may follow: ?prefix=, timeout=, bulk_timeout=, pool_size=, tls_ca=, tls_cert=, tls_key=, tls_server_name=
// and sentinel_username=. Errors never contain the URL, which may contain a password.
func parseURL(raw string, o Options) (*target, error) {
	bad := func(format string, args ...any) (*target, error) {
		return nil, fault.E(fault.Invalid, "the URL of Redis: "+format, args...)
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return bad("the scheme is missing: use redis://, rediss://, redis+sentinel:// or redis+cluster://")
	}
	t := &target{options: o}
	secure, kind, _ := strings.Cut(scheme, "+")
	if secure != "redis" && secure != "rediss" || kind != "" && kind != "sentinel" && kind != "cluster" || strings.HasSuffix(scheme, "+") {
		return bad("unknown scheme: use redis, rediss, redis+sentinel, rediss+sentinel, redis+cluster or rediss+cluster")
	}
	t.kind = kind
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		user, password, _ := strings.Cut(authority[:i], ":")
		authority = authority[i+1:]
		user, err := url.PathUnescape(user)
		if err != nil {
			return bad("the user name has an invalid %% escape")
		}
		if password, err = url.PathUnescape(password); err != nil {
			return bad("the password has an invalid %% escape")
		}
		t.options.Username = cmp.Or(o.Username, user)
		t.options.Password = cmp.Or(o.Password, password)
	}
	port := defaultPort
	if t.kind == "sentinel" {
		port = defaultSentinelPort
	}
	for host := range strings.SplitSeq(authority, ",") {
		addr, ok := hostPort(host, port)
		if !ok {
			return bad("a host is missing, or a port is not a number from 1 to 65535")
		}
		t.hosts = append(t.hosts, addr)
	}
	if t.kind == "" && len(t.hosts) > 1 {
		return bad("for several hosts use redis+sentinel:// or redis+cluster://")
	}
	db := path
	if t.kind == "sentinel" {
		t.master, db, _ = strings.Cut(path, "/")
		if t.master == "" {
			return bad("the name of the master is missing: use redis+sentinel://host,host/master")
		}
	}
	if db != "" {
		n, err := strconv.Atoi(db)
		if err != nil || n < 0 || t.kind == "cluster" && n != 0 {
			return bad("the database is not a number from 0; a cluster has only database 0")
		}
		t.db = n
	}
	if err := t.query(query); err != nil {
		return nil, err
	}
	if secure == "redis" {
		if t.options.TLS != nil {
			return bad("TLS is configured, but the scheme is redis: use rediss")
		}
	} else if t.options.TLS == nil {
		t.options.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.options.Prefix = cmp.Or(t.options.Prefix, defaultPrefix)
	t.options.Timeout = cmp.Or(t.options.Timeout, defaultTimeout)
	t.options.BulkTimeout = cmp.Or(t.options.BulkTimeout, defaultBulkTimeout)
	if t.options.Timeout < 0 || t.options.BulkTimeout < 0 || t.options.PoolSize < 0 {
		return bad("timeouts and pool size must not be negative")
	}
	t.describe()
	return t, nil
}

func hostPort(host, port string) (addr string, ok bool) {
	name := host
	if i := strings.LastIndex(host, ":"); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
	}
	if inner, found := strings.CutPrefix(name, "["); found {
		name = strings.TrimSuffix(inner, "]")
	} else if strings.Contains(name, ":") {
		return "", false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return net.JoinHostPort(name, port), err == nil && n > 0 && name != "" && !strings.ContainsAny(name, " @/")
}

// query reads the parameters of the URL. Options override them.
func (t *target) query(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return fault.E(fault.Invalid, "the URL of Redis: the parameters after ? are not name=value&…")
	}
	o := &t.options
	var ca, cert, key, serverName string
	for name, v := range values {
		var err error
		switch value := v[len(v)-1]; name {
		case "prefix":
			o.Prefix = cmp.Or(o.Prefix, value)
		case "sentinel_username":
			o.SentinelUsername = cmp.Or(o.SentinelUsername, value)
		case "timeout":
			err = setDuration(&o.Timeout, value)
		case "bulk_timeout":
			err = setDuration(&o.BulkTimeout, value)
		case "pool_size":
			var n int
			n, err = strconv.Atoi(value)
			o.PoolSize = cmp.Or(o.PoolSize, n)
		case "tls_ca":
			ca = value
		case "tls_cert":
			cert = value
		case "tls_key":
			key = value
		case "tls_server_name":
			serverName = value
		default:
			return fault.E(fault.Invalid, "the URL of Redis: unknown parameter %.40q", name)
		}
		if err != nil {
			return fault.E(fault.Invalid, "the URL of Redis: parameter %s has an invalid value", name)
		}
	}
	if ca == "" && cert == "" && key == "" && serverName == "" {
		return nil
	}
	if o.TLS == nil {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	} else {
		o.TLS = o.TLS.Clone()
	}
	o.TLS.ServerName = cmp.Or(serverName, o.TLS.ServerName)
	return setTLSFiles(o.TLS, ca, cert, key)
}

func setDuration(d *time.Duration, value string) error {
	v, err := time.ParseDuration(value)
	*d = cmp.Or(*d, v)
	return err
}

func setTLSFiles(c *tls.Config, ca, cert, key string) error {
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return fault.E(fault.Invalid, "tls_ca: read the certificates of the authority: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return fault.E(fault.Invalid, "tls_ca: %s contains no certificate", ca)
		}
	}
	if cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return fault.E(fault.Invalid, "tls_cert, tls_key: read the client certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return nil
}

func (t *target) describe() {
	d := "redis "
	if t.kind != "" {
		d += t.kind + " "
	}
	d += strings.Join(t.hosts, ",")
	if t.master != "" {
		d += " master " + t.master
	}
	if t.db != 0 {
		d += " database " + strconv.Itoa(t.db)
	}
	if t.options.Prefix != defaultPrefix {
		d += " prefix " + t.options.Prefix
	}
	t.description = d
}

// client returns a client. It connects on first use.
func (t *target) client() redis.UniversalClient {
	o := t.options
	return redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs:            t.hosts,
		MasterName:       t.master,
		IsClusterMode:    t.kind == "cluster",
		DB:               t.db,
		Username:         o.Username,
		Password:         o.Password,
		SentinelUsername: o.SentinelUsername,
		SentinelPassword: o.SentinelPassword,
		TLSConfig:        o.TLS,
		PoolSize:         o.PoolSize,

		// The context of each operation has its own deadline. These are upper bounds.
		ContextTimeoutEnabled: true,
		ReadTimeout:           o.BulkTimeout,
		WriteTimeout:          o.BulkTimeout,
		DialTimeout:           dialTimeout,
		// No retries: a dead server must be noticed at once, and a commit that was sent twice would conflict with itself.
		DialerRetries: 1,
		MaxRetries:    -1,

		// RESP2 returns HGETALL in the order of the listpack, and needs no handshake.
		Protocol:                 2,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
}
