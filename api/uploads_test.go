package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists/fault"
)

// connection is a caller that writes its request itself.
type connection struct {
	*net.TCPConn
	t testing.TB
	r *bufio.Reader
}

func (h *house) connect() *connection {
	h.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(20 * time.Second))
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return &connection{conn.(*net.TCPConn), h.t, bufio.NewReader(conn)}
}

func (c *connection) write(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c, format, args...); err != nil {
		c.t.Fatal(err)
	}
}

// post begins a request of somebody with headers of its own.
func (c *connection) post(h *house, by, path, headers string) {
	c.t.Helper()
	c.write("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n", path, h.keyOf[by], headers)
}

// answer reads the answer.
func (c *connection) answer(asked string) *answer {
	c.t.Helper()
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(asked, err)
	}
	defer res.Body.Close()
	a := &answer{t: c.t, asked: asked, status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		c.t.Fatal(asked, err)
	}
	return a
}

// What is refused whatever the file holds is refused before the file is sent.
func TestAnUploadIsRefusedBeforeItsBody(t *testing.T) {
	h := open(t)
	h.by("root", "PUT", "/v1/lists/deny", nil).want(201)
	for name, x := range map[string]struct {
		by, path string
		status   int
	}{
		"no such list":        {"ana", "/v1/lists/nosuch/versions", 404},
		"no list's name":      {"ana", "/v1/lists/No%20List/versions", 404},
		"a role that may not": {"till", "/v1/lists/deny/versions", 403},
		"no key":              {"nobody", "/v1/lists/deny/versions", 401},
		"an unknown mode":     {"ana", "/v1/lists/deny/versions?mode=sideways", 400},
		"an unknown format":   {"ana", "/v1/lists/deny/versions?format=nosuch", 400},
		"no mapping":          {"ana", "/v1/lists/deny/versions?mapping=colour%3DWallet", 400},
		"no date":             {"ana", "/v1/lists/deny/versions?published=soon", 400},
		"too long a note":     {"ana", "/v1/lists/deny/versions?note=" + strings.Repeat("n", 4097), 400},
	} {
		for kind, headers := range map[string]string{"announced": "Content-Length: 1000000000\r\n", "in chunks": "Transfer-Encoding: chunked\r\n",
			"asked before": "Content-Length: 1000000000\r\nExpect: 100-continue\r\n"} {
			c := h.connect()
			c.post(h, x.by, x.path, headers)
			if a := c.answer(name); a.status != x.status {
				t.Errorf("%s, %s: %d %s", name, kind, a.status, a.body)
			}
		}
	}
	same(t, "versions", []any{}, h.versions("deny"))
	h.store.gone.Store(true)
	c := h.connect()
	c.post(h, "ana", "/v1/lists/deny/versions", "Content-Length: 1000000000\r\n")
	c.answer("the store is away").refused(problem{Status: 503, Code: "store_unavailable"})
}

// The client of this repository learns why an endless file is refused, and does not send it.
func TestTheClientLearnsWhyItsUploadIsRefused(t *testing.T) {
	h := open(t)
	c, err := client.New(h.url, h.keyOf["ana"])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	endless := &counting{}
	if _, err := c.Stage(t.Context(), "nosuch", []client.Upload{{Name: "endless", Body: endless}}, client.StageOptions{}); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
	if n := endless.n.Load(); n > 1<<20 {
		t.Errorf("%d bytes were read of the file", n)
	}
}

// counting is a file of line ends that counts how much of it is read.
type counting struct{ n atomic.Int64 }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '\n'
	}
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// Uploads in progress are bounded in number. The next one is told when to come back, and has a place when another one has ended, however it ends.
func TestUploadsInProgressAreBounded(t *testing.T) {
	h := open(t, func(o *api.Options) { o.Uploads = 2 })
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 0}).want(201)
	const path = "/v1/lists/deny/versions?format=ndjson"
	begin := func() *connection {
		c := h.connect()
		c.post(h, "ana", path, "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n")
		if line, err := c.r.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
			t.Fatal(line, err)
		}
		if line, err := c.r.ReadString('\n'); err != nil || line != "\r\n" {
			t.Fatal(line, err)
		}
		return c // it has a place
	}
	next := func() *answer {
		return h.do(call{method: "POST", path: path, key: h.keyOf["ana"], body: row(evm(1), "E"), header: http.Header{"Content-Type": {"text/plain"}}})
	}
	full := func(what string) {
		t.Helper()
		waitFor(t, what, func() bool { return next().status == 503 })
		a := next()
		p := a.refused(problem{Status: 503, Code: "store_unavailable"})
		if a.header.Get("Retry-After") != "10" || !strings.Contains(p.Detail, "2 uploads are in progress") {
			t.Errorf("%s %+v", a.header.Get("Retry-After"), p)
		}
	}
	one, two := begin(), begin()
	full("two are in progress")
	one.write("0\r\n\r\n") // it ends well, as a file without rows
	one.answer("the first one")
	waitFor(t, "a place for another", func() bool { return next().status < 300 })
	one = begin()
	full("two again")
	two.Close() // it breaks off
	waitFor(t, "a place for another", func() bool { return next().status < 300 })
	two = begin()
	full("two again")
	for _, c := range []*connection{one, two} {
		c.write("5\r\nwrong\r\n0\r\n\r\n") // they fail
		c.answer("a failure").refused(problem{Status: 400, Code: "invalid_request"})
	}
	waitFor(t, "all places are free", func() bool { return next().status < 300 })
}

// Uploads in progress are bounded in the bytes that they take on disk together, those that are being worked through included.
func TestUploadsInProgressAreBoundedInBytes(t *testing.T) {
	const space = 100_000
	h := open(t, func(o *api.Options) { o.UploadSpace = space })
	h.by("root", "PUT", "/v1/lists/deny", map[string]any{"approvals": 0}).want(201)
	const path = "/v1/lists/deny/versions?format=ndjson"
	send := func(chunked bool, size int) *answer {
		content := row(evm(1), "E") + strings.Repeat("\n", size)
		return h.do(call{method: "POST", path: path, key: h.keyOf["ana"], body: content[:size], chunked: chunked, header: http.Header{"Content-Type": {"text/plain"}}})
	}
	send(false, space+1).refused(problem{Status: 413, Code: "too_large", Detail: "the body is larger than 100000 bytes"})
	send(true, space+1).refused(problem{Status: 503, Code: "store_unavailable"})
	send(false, space).want(201)
	send(true, space).want(201) // what was refused has given its place back

	c := h.connect()
	c.post(h, "ana", path, fmt.Sprintf("Content-Length: %d\r\n", space))
	c.write("%s%s", row(evm(2), "E"), strings.Repeat("\n", 60_000))
	// The question takes no bytes itself: an upload that does would be refused the space, or refuse it to the one that it waits for.
	waitFor(t, "the bytes are counted", func() bool {
		ask := h.connect()
		defer ask.Close()
		ask.post(h, "ana", path, fmt.Sprintf("Content-Length: %d\r\n", space-60_000))
		if err := ask.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		return ask.answer("an upload without its body").status == 503
	})
	for _, chunked := range []bool{false, true} {
		a := send(chunked, 50_000)
		p := a.refused(problem{Status: 503, Code: "store_unavailable"})
		if a.header.Get("Retry-After") != "10" || !strings.Contains(p.Detail, "100000 bytes") || strings.Contains(p.Detail, "broke off") {
			t.Errorf("%s %+v", a.header.Get("Retry-After"), p)
		}
	}
	body, media := multipartBody(t, [3]string{"file", "l.ndjson", strings.Repeat("\n", 50_000)})
	h.do(call{method: "POST", path: path, key: h.keyOf["ana"], body: body, chunked: true, header: http.Header{"Content-Type": {media}}}).
		refused(problem{Status: 503, Code: "store_unavailable"})
	send(false, 30_000).want(201)
	c.Close()
	waitFor(t, "its bytes are free", func() bool { return send(true, 90_000).status == 201 })
}

// Who has said everything may close its side of the connection, and still gets its answer.
func TestAHalfClosedConnectionGetsItsAnswer(t *testing.T) {
	h := screened(t)
	body := `{"address":"` + lazarus + `","direction":"deposit"}`
	batch := `{"checks":[` + body + `]}`
	upload := sdnRows + strings.Repeat("\n", 1<<20) + evmRows(0, 20_000)
	for name, x := range map[string]struct {
		by, path, body, headers string
		status                  int
		words                   string
	}{
		"a check":             {"till", "/v1/check", body, "Content-Type: application/json\r\n", 200, `"result":"hit"`},
		"a batch":             {"till", "/v1/checks", batch, "Content-Type: application/json\r\n", 200, `"result":"hit"`},
		"an upload":           {"ana", "/v1/lists/ofac-sdn/versions?format=ndjson&wait=true", upload, "", 201, `"state":"staged"`},
		"an upload for later": {"ana", "/v1/lists/ofac-sdn/versions?format=ndjson&wait=false", upload + "\n", "", 202, `"state":"loading"`},
		"an activation":       {"ben", "/v1/lists/ofac-sdn/versions/1/activate", "", "", 409, "conflict"},
	} {
		for _, chunked := range []bool{false, true} {
			if x.body == "" && chunked {
				continue
			}
			c := h.connect()
			if chunked {
				c.post(h, x.by, x.path, x.headers+"Transfer-Encoding: chunked\r\n")
				c.write("%x\r\n%s\r\n0\r\n\r\n", len(x.body), x.body)
			} else {
				c.post(h, x.by, x.path, fmt.Sprintf("%sContent-Length: %d\r\n", x.headers, len(x.body)))
				c.write("%s", x.body)
			}
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if a := c.answer(name); a.status != x.status || !strings.Contains(string(a.body), x.words) {
				t.Errorf("%s, chunked %v: %d %s", name, chunked, a.status, a.body)
			}
			if _, err := c.r.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("%s: the connection stays open: %v", name, err)
			}
		}
	}
	for _, n := range h.versions("ofac-sdn") {
		if v := h.settled("/v1/lists/ofac-sdn/versions/" + number(n)); v["state"] == "failed" {
			t.Errorf("%v", v)
		}
	}
}
