package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// requests returns the bytes to send for each body.
func (r *scenario) requests() [][]byte {
	out := make([][]byte, len(r.bodies))
	for i, b := range r.bodies {
		out[i] = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			r.path, apiKey, len(b), b)
	}
	return out
}

// client is one keep-alive connection. It parses no more of an answer than it must, so that the load costs little.
type client struct {
	conn net.Conn
	r    *bufio.Reader
}

func dial(addr string) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &client{conn, bufio.NewReaderSize(conn, 64<<10)}, nil
}

// do sends a request and reads the answer, which must be a 200.
func (c *client) do(request []byte) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	length := -1
	chunked := false
	for first := true; ; first = false {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			return fmt.Errorf("the server answered %s", line)
		}
		if len(line) == 0 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(v)); err != nil {
				return err
			}
		}
		chunked = chunked || bytes.Equal(line, []byte("Transfer-Encoding: chunked"))
	}
	for chunked {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimRight(line, "\r\n")), 16, 32)
		if err != nil {
			return err
		}
		if _, err := c.r.Discard(int(n) + 2); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
	_, err := c.r.Discard(length)
	return err
}

// closedLoop sends the next request on each connection as soon as the answer has come, and returns requests a second.
func (r *scenario) closedLoop(ctx context.Context, connections int, d time.Duration) (float64, error) {
	requests := r.requests()
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	start := time.Now()
	end := start.Add(d)
	for i := range connections {
		c, err := dial(r.addr)
		if err != nil {
			return 0, err
		}
		wg.Go(func() {
			defer c.conn.Close()
			for k := i; time.Now().Before(end) && ctx.Err() == nil; k += connections {
				if err := c.do(requests[k%len(requests)]); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return float64(done.Load()) / time.Since(start).Seconds(), ctx.Err()
}

// openLoop sends at a constant rate however long the answers take, and returns the time from when each request was due.
func (r *scenario) openLoop(ctx context.Context, connections int, rate float64, d time.Duration) ([]time.Duration, error) {
	requests := r.requests()
	var next atomic.Int64
	total := int64(rate * d.Seconds())
	all := make([][]time.Duration, connections)
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	start := time.Now()
	for i := range connections {
		c, err := dial(r.addr)
		if err != nil {
			return nil, err
		}
		wg.Go(func() {
			defer c.conn.Close()
			for ctx.Err() == nil {
				k := next.Add(1) - 1
				if k >= total {
					return
				}
				due := start.Add(time.Duration(float64(k) / rate * 1e9))
				time.Sleep(time.Until(due))
				if err := c.do(requests[int(k)%len(requests)]); err != nil {
					failed.Store(&err)
					return
				}
				all[i] = append(all[i], time.Since(due))
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return slices.Concat(all...), ctx.Err()
}
