//go:build unix

package storetest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"interdict/lists/storetest/freeaddr"
)

// Do sends a command to the server and gives the first line of its reply, without its mark.
func (r *Redis) Do(args ...string) (string, error) {
	c, err := net.DialTimeout("tcp", r.Addr, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := c.Write([]byte(b.String())); err != nil {
		return "", err
	}
	in := bufio.NewReader(c)
	line, err := in.ReadString('\n')
	if err != nil {
		return "", err
	}
	switch line = strings.TrimRight(line, "\r\n"); line[0] {
	case '-':
		return "", fmt.Errorf("redis: %s", line[1:])
	case '$':
		n, err := strconv.Atoi(line[1:])
		if err != nil || n < 0 {
			return "", err
		}
		text := make([]byte, n)
		for at := 0; at < n; {
			m, err := in.Read(text[at:])
			if err != nil {
				return "", err
			}
			at += m
		}
		return string(text), nil
	}
	return line[1:], nil
}

// Must is Do, where an error ends the test.
func (r *Redis) Must(args ...string) string {
	r.t.Helper()
	reply, err := r.Do(args...)
	if err != nil {
		r.t.Fatalf("%s: %v", args[0], err)
	}
	return reply
}

// eventually waits for a condition of servers that talk to each other.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

// NewReplica starts a replica of a server and waits until it has its data.
func NewReplica(t testing.TB, master *Redis, args ...string) *Redis {
	t.Helper()
	host, port, _ := net.SplitHostPort(master.Addr)
	r := NewRedis(t, append([]string{"--replicaof", host + " " + port, "--repl-diskless-sync-delay", "0"}, args...)...)
	eventually(t, "replication", func() bool {
		info, err := r.Do("INFO", "replication")
		return err == nil && strings.Contains(info, "master_link_status:up")
	})
	return r
}

// NewCluster starts masters that share the slots of a cluster, and gives its URL.
func NewCluster(t testing.TB, masters int) (url string, nodes []*Redis) {
	t.Helper()
	const slots = 16384
	var addrs []string
	for i := range masters {
		_, bus, _ := net.SplitHostPort(freeaddr.Get(t))
		r := NewRedis(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000")
		r.Must("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(slots*i/masters), strconv.Itoa(slots*(i+1)/masters-1))
		r.Must("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i > 0 {
			host, port, _ := net.SplitHostPort(r.Addr)
			nodes[0].Must("CLUSTER", "MEET", host, port, bus)
		}
		nodes, addrs = append(nodes, r), append(addrs, r.Addr)
	}
	for _, r := range nodes {
		eventually(t, "the cluster", func() bool {
			info, err := r.Do("CLUSTER", "INFO")
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", masters))
		})
	}
	return "redis+cluster://" + strings.Join(addrs, ","), nodes
}

// NewSentinels starts sentinels that watch a master under the name "main", and gives the URL.
func NewSentinels(t testing.TB, n int, master *Redis) (url string) {
	t.Helper()
	host, port, _ := net.SplitHostPort(master.Addr)
	var addrs []string
	var all []*Redis
	for range n {
		dir := t.TempDir()
		conf := filepath.Join(dir, "sentinel.conf")
		text := fmt.Sprintf("sentinel monitor main %s %s %d\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n", host, port, n/2+1)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := start(t, &Redis{Dir: dir, args: func(port string) []string {
			return []string{conf, "--sentinel", "--port", port, "--bind", "127.0.0.1", "--protected-mode", "no"}
		}})
		all, addrs = append(all, r), append(addrs, r.Addr)
	}
	for _, r := range all {
		eventually(t, "the watch of the sentinels", func() bool {
			info, err := r.Do("INFO", "sentinel")
			return err == nil && strings.Contains(info, "status=ok") && strings.Contains(info, fmt.Sprintf("sentinels=%d", n)) &&
				!strings.Contains(info, "slaves=0")
		})
	}
	return "redis+sentinel://" + strings.Join(addrs, ",") + "/main"
}

// NewRedisTLS starts a server that speaks TLS only, with a certificate of its own authority: see its URL.
func NewRedisTLS(t testing.TB, args ...string) *Redis {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"ca.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return start(t, &Redis{Dir: dir, tls: true, args: func(port string) []string {
		return append([]string{"--port", "0", "--tls-port", port, "--bind", "127.0.0.1", "--save", "", "--protected-mode", "no",
			"--tls-cert-file", "ca.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "ca.pem", "--tls-auth-clients", "no"}, args...)
	}})
}
