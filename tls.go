package main

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"interdict/api"
	"interdict/api/certs"
)

// certificate opens the certificate of the API; nil: the API speaks plain HTTP.
func (c *serveCmd) certificate(log *slog.Logger) (*certs.Certificate, error) {
	if c.TLSCert == "" {
		return nil, nil
	}
	return certs.Open(certs.Options{Cert: c.TLSCert, Key: c.TLSKey, ClientCA: c.TLSClientCA, Now: time.Now, Log: log})
}

// serveOn serves a listener, over TLS if there is a certificate.
func serveOn(s *http.Server, ln net.Listener, cert *certs.Certificate) error {
	if cert == nil {
		return s.Serve(ln)
	}
	s.TLSConfig = cert.TLS()
	return s.ServeTLS(ln, "", "")
}

// watchCertificate adds the end of the certificate to the metrics.
func watchCertificate(m *api.Metrics, c *certs.Certificate) {
	m.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "interdict_tls_certificate_expiry_timestamp_seconds",
		Help: "When the TLS certificate of the API expires, or the first one of its chain."}, func() float64 { return unixSeconds(c.Expires()) }))
}

// tls returns the configuration of connections to the server that the flags name.
func (f *serverFlags) tls() (*tls.Config, error) {
	if !strings.HasPrefix(f.Server, "https://") {
		return nil, usage("--ca, --client-cert and --client-key are for a server with https://")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		b, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, usage("--ca: %w", err)
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(b) {
			return nil, usage("--ca: %s holds no certificate", f.CA)
		}
	}
	if f.ClientCert == "" && f.ClientKey == "" {
		return config, nil
	}
	if f.ClientCert == "" || f.ClientKey == "" {
		return nil, usage("a client certificate needs both --client-cert and --client-key")
	}
	pair, err := tls.LoadX509KeyPair(f.ClientCert, f.ClientKey)
	if err != nil {
		return nil, usage("--client-cert, --client-key: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}
