package api

import (
	"net/http"
	"slices"
)

// clientCertNames returns the names of the caller's certificate, if the connection has one that was verified: the common name of its subject, and its
// DNS names and URIs. A certificate that could not be verified never gets this far: the handshake fails.
func clientCertNames(r *http.Request) []string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	cert := r.TLS.VerifiedChains[0][0]
	names := append([]string{cert.Subject.CommonName}, cert.DNSNames...)
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}
