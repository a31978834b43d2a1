package api

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/api/certs"
	"interdict/api/certs/certstest"
)

// A caller is called by what its certificate says, and only if the certificate was verified in the handshake.
func TestNamesOfAClientCertificate(t *testing.T) {
	ca, dir := certstest.NewCA(t, "authority"), t.TempDir()
	pair := ca.Issue(t, certstest.Named("server"))
	file := func(name string, b []byte) string { return certstest.Write(t, filepath.Join(dir, name), b) }
	c, err := certs.Open(certs.Options{Cert: file("crt", pair.Cert), Key: file("key", pair.Key), ClientCA: file("ca", ca.PEM), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	names := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = json.NewEncoder(w).Encode(clientCertNames(r)) })
	verifying, unverified := httptest.NewUnstartedServer(names), httptest.NewUnstartedServer(names)
	verifying.TLS, unverified.TLS = c.TLS(), &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	for _, s := range []*httptest.Server{verifying, unverified} {
		s.StartTLS()
		defer s.Close()
	}
	ask := func(server *httptest.Server, config *tls.Config) (out []string) {
		t.Helper()
		transport := &http.Transport{TLSClientConfig: config}
		defer transport.CloseIdleConnections()
		res, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	full := certstest.Named("till")
	full.DNSNames = []string{"till.shop.internal", "till"}
	full.URIs = []*url.URL{{Scheme: "spiffe", Host: "shop", Path: "/till"}}
	full.EmailAddresses = []string{"till@shop.example"} // an e-mail address does not name a service
	for name, x := range map[string]struct {
		template x509.Certificate
		want     []string
	}{
		"all":       {full, []string{"spiffe://shop/till", "till", "till.shop.internal"}},
		"a name":    {certstest.Named("till"), []string{"till"}},
		"no name":   {certstest.Named(""), []string{}},
		"alt names": {x509.Certificate{DNSNames: []string{"b", "a"}}, []string{"a", "b"}},
	} {
		if diff := cmp.Diff(x.want, ask(verifying, ca.Client(t, ca.Issue(t, x.template)))); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
	if got := ask(verifying, ca.Client(t)); got != nil {
		t.Errorf("without a certificate: %v", got)
	}
	self := certstest.NewCA(t, "other").Issue(t, full)
	config := ca.Client(t, self)
	config.InsecureSkipVerify = true //nolint:gosec // the server of this test has no certificate that matters
	if got := ask(unverified, config); got != nil {
		t.Errorf("a certificate that nobody verified: %v", got)
	}
	if got := clientCertNames(httptest.NewRequest(http.MethodGet, "/", nil)); got != nil {
		t.Errorf("without TLS: %v", got)
	}
}
