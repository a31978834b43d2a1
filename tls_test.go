package main

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"interdict/api/certs/certstest"
	"interdict/lists/storetest/freeaddr"
)

// The whole program with TLS: served and reached by its commands, client certificates, a renewal by the swap of a link, and the drain.
func TestServeWithTLS(t *testing.T) {
	ca, foreign, dir := certstest.NewCA(t, "authority"), certstest.NewCA(t, "foreign"), t.TempDir()
	file := func(name string, b []byte) string { return certstest.Write(t, filepath.Join(dir, name), b) }
	folder := func(name string, p certstest.Pair) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		file(name+"/tls.crt", p.Cert)
		file(name+"/tls.key", p.Key)
	}
	swap := func(to string) {
		t.Helper()
		link := filepath.Join(dir, "..data")
		if err := os.Symlink(to, link+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link+".new", link); err != nil {
			t.Fatal(err)
		}
	}
	one, two := ca.Issue(t, certstest.Named("one")), ca.Issue(t, certstest.Named("two"))
	folder("..one", one)
	folder("..two", two)
	swap("..one")
	authority := file("ca.crt", ca.PEM)
	listen, admin := freeaddr.Get(t), freeaddr.Get(t)
	cmd, _ := start(t, "program", []string{"INTERDICT_BOOTSTRAP_KEY=" + testKey, "INTERDICT_LOG_LEVEL=error"}, "serve", "--listen", listen, "--admin-listen", admin,
		"--data", filepath.Join(dir, "data"), "--drain-delay", "100ms",
		"--tls-cert", dir+"/..data/tls.crt", "--tls-key", dir+"/..data/tls.key", "--tls-client-ca", authority)
	base := "https://" + listen

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: ca.Client(t), ForceAttemptHTTP2: true, DisableKeepAlives: true}}
	get := func(url string) (res *http.Response, body string) {
		t.Helper()
		eventually(t, url, 10*time.Second, func() bool {
			var err error
			if res, err = client.Get(url); err != nil {
				return false
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			body = string(b)
			return err == nil
		})
		return res, body
	}
	res, _ := get(base + "/livez")
	if res.Proto != "HTTP/2.0" || res.TLS.PeerCertificates[0].Subject.CommonName != "one" {
		t.Errorf("%s %v", res.Proto, res.TLS.PeerCertificates[0].Subject)
	}
	leaf := res.TLS.PeerCertificates[0]
	if _, body := get(base + "/readyz"); !strings.Contains(body, `{"name":"certificate","status":"ok","detail":"expires on `+leaf.NotAfter.UTC().Format(time.RFC3339)) {
		t.Errorf("%s", body)
	}
	if _, body := get("http://" + admin + "/metrics"); !strings.Contains(body, "interdict_tls_certificate_expiry_timestamp_seconds 1.") {
		t.Error("the end of the certificate is no metric")
	}

	mine := ca.Issue(t, certstest.Named("till"))
	old := certstest.Named("old")
	old.NotBefore, old.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	pair := func(name string, p certstest.Pair) []string {
		return []string{"--ca", authority, "--client-cert", file(name+".crt", p.Cert), "--client-key", file(name+".key", p.Key)}
	}
	for name, x := range map[string]struct {
		flags []string
		code  int
		words string
	}{
		"the private authority": {[]string{"--ca", authority}, exitDone, ""},
		"no authority":          {nil, exitError, "certificate signed by unknown authority"},
		"another authority":     {[]string{"--ca", file("foreign.crt", foreign.PEM)}, exitError, "certificate signed by unknown authority"},
		"a client certificate":  {pair("till", mine), exitDone, ""},
		"a foreign one":         {pair("foreign-till", foreign.Issue(t, certstest.Named("till"))), exitDone, ""}, // not presented: the server names its authorities
		"an expired one":        {pair("old", ca.Issue(t, old)), exitError, "expired certificate"},
		"a key without it":      {[]string{"--client-key", dir + "/till.key"}, exitUsage, "both --client-cert and --client-key"},
		"another's key":         {[]string{"--client-cert", file("a.crt", mine.Cert), "--client-key", file("a.key", one.Key)}, exitUsage, "does not match"},
		"no such file":          {[]string{"--ca", dir + "/nosuch"}, exitUsage, "nosuch"},
		"a file without one":    {[]string{"--ca", file("empty", nil)}, exitUsage, "no certificate"},
	} {
		code, _, errs := program(t, "", append([]string{"lists", "--server", base, "--key", testKey}, x.flags...)...)
		if code != x.code || !strings.Contains(errs, x.words) {
			t.Errorf("%s: %d %s", name, code, errs)
		}
	}
	if code, _, errs := program(t, "", "lists", "--server", "http://"+listen, "--key", testKey, "--ca", authority); code != exitUsage {
		t.Errorf("plain HTTP with an authority: %d %s", code, errs)
	}
	if code, _, errs := program(t, "", "lists", "--server", "http://"+listen, "--key", testKey); code != exitError {
		t.Errorf("plain HTTP: %d %s", code, errs)
	}
	config := ca.Client(t, foreign.Issue(t, certstest.Named("till"))) // presented all the same
	if res, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: config}}).Get(base + "/livez"); err == nil {
		res.Body.Close()
		t.Error("a foreign client certificate is taken")
	}
	conn, err := tls.Dial("tcp", listen, ca.Client(t))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()

	swap("..two")
	eventually(t, "the new certificate is served", 15*time.Second, func() bool {
		res, _ := get(base + "/livez")
		return res.TLS.PeerCertificates[0].Subject.CommonName == "two"
	})
	(&server{cmd: cmd}).stop(t)
}

func TestWrongUseOfTLSFlags(t *testing.T) {
	ca, dir := certstest.NewCA(t, "authority"), t.TempDir()
	file := func(name string, b []byte) string { return certstest.Write(t, filepath.Join(dir, name), b) }
	p := ca.Issue(t, x509.Certificate{})
	cert, key := file("crt", p.Cert), file("key", p.Key)
	for _, x := range []struct {
		code int
		args []string
	}{
		{exitUsage, []string{"--tls-cert", cert}},
		{exitUsage, []string{"--tls-key", key}},
		{exitUsage, []string{"--tls-client-ca", cert}},
		{exitUsage, []string{"--demo", "--tls-cert", cert, "--tls-key", key}},
		{exitError, []string{"--tls-cert", key, "--tls-key", cert}},
		{exitError, []string{"--tls-cert", dir + "/nosuch", "--tls-key", key}},
		{exitError, []string{"--tls-cert", cert, "--tls-key", key, "--tls-client-ca", key}},
	} {
		code, _, errs := program(t, "", append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}, x.args...)...)
		if code != x.code || errs == "" || strings.Contains(errs, "-----") {
			t.Errorf("%v: %d %s", x.args, code, errs)
		}
	}
}
