package console

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"interdict/api/client"
)

// inside returns a client of the API of this server, which acts as the person who asked for a page: pages have the rights, the rules and the errors
// of the API, and no others.
func (c *Console) inside(r *http.Request) *client.Client {
	api, err := client.New("http://interdict.invalid", "", client.WithHTTPClient(&http.Client{Transport: handlerTransport{c.o.API, r}}), client.WithRetries(0))
	if err != nil {
		panic(err) // the address is a constant
	}
	return api
}

// handlerTransport sends requests to a handler of this process, with the session, the network address and the certificate of the page's request.
type handlerTransport struct {
	handler http.Handler
	page    *http.Request
}

// RoundTrip implements http.RoundTripper.
func (t handlerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	in := req.Clone(req.Context())
	in.RemoteAddr, in.Host, in.TLS, in.RequestURI = t.page.RemoteAddr, t.page.Host, t.page.TLS, req.URL.RequestURI()
	for _, name := range []string{"Authorization", "Expect"} {
		in.Header.Del(name)
	}
	for _, name := range []string{"Cookie", "X-Forwarded-For"} {
		in.Header[name] = t.page.Header[name]
	}
	in.Header.Set("Sec-Fetch-Site", "same-origin") // the page's own request was checked
	if in.Body == nil {
		in.Body = http.NoBody
	}
	pr, pw := io.Pipe()
	w := &pipeWriter{header: http.Header{}, pipe: pw, begun: make(chan struct{})}
	go func() {
		defer func() {
			err := io.EOF
			if r := recover(); r != nil {
				err = errors.New("the answer broke off")
			}
			in.Body.Close()
			w.WriteHeader(http.StatusOK)
			pw.CloseWithError(err)
		}()
		t.handler.ServeHTTP(w, in)
	}()
	select {
	case <-w.begun:
	case <-req.Context().Done():
		pr.CloseWithError(req.Context().Err())
		return nil, req.Context().Err()
	}
	return &http.Response{Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.sent, Body: pr, ContentLength: -1,
		Request: req}, nil
}

// pipeWriter is the http.ResponseWriter of a handler whose answer is read from a pipe.
type pipeWriter struct {
	header http.Header
	pipe   *io.PipeWriter
	once   sync.Once
	begun  chan struct{} // closed once status and sent are set
	status int
	sent   http.Header
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	if status/100 == 1 {
		return
	}
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.begun)
	})
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(b)
}

// Flush implements http.Flusher: nothing is buffered.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }
