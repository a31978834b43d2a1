package logs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"interdict/lists/logs"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a clock that a test sets.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

// lines returns what a log holds, one text a line, without the time, and empties it.
func lines(t *testing.T, b *bytes.Buffer) []string {
	t.Helper()
	out := []string{}
	for line := range strings.Lines(b.String()) {
		out = append(out, strings.TrimSpace(line))
	}
	b.Reset()
	return out
}

func textLog(b io.Writer) slog.Handler {
	return slog.NewTextHandler(b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
}

func TestARepeatedWarningIsLoggedOnceAMinuteWithItsCount(t *testing.T) {
	var b bytes.Buffer
	c := &clock{start}
	limiter := logs.NewLimiter(textLog(&b), time.Minute, c.now)
	log := slog.New(limiter)
	check := func(when string, want ...string) {
		t.Helper()
		if d := cmp.Diff(append([]string{}, want...), lines(t, &b)); d != "" {
			t.Errorf("%s: %s", when, d)
		}
	}
	for i := range 100 { // 10 seconds
		log.Warn("not refreshed", "list", "a", "error", i)
		log.Info("refreshed", "list", "b")
		c.Time = c.Add(100 * time.Millisecond)
	}
	got := lines(t, &b)
	if len(got) != 101 || got[0] != `level=WARN msg="not refreshed" list=a error=0` {
		t.Errorf("%d lines, the first: %s", len(got), got[0])
	}
	log.Warn("not refreshed", "list", "b", "error", "x")
	log.With("list", "c").Warn("not refreshed")
	log.Error("not refreshed", "list", "a")
	check("others", `level=WARN msg="not refreshed" list=b error=x`, `level=WARN msg="not refreshed" list=c`, `level=ERROR msg="not refreshed" list=a`)
	c.Time = start.Add(time.Minute)
	log.Warn("not refreshed", "list", "a", "error", "y")
	check("a minute later", `level=WARN msg="not refreshed" list=a error=y suppressed=99`)

	log.Warn("not refreshed", "list", "a", "error", "z")
	log.Warn("not refreshed", "list", "a", "error", "zz")
	c.Time = c.Add(2 * time.Minute)
	check("no message comes")
	log.Info("something else")
	check("the last one is told with another message", `level=WARN msg="not refreshed" list=a error=zz suppressed=1`, `level=INFO msg="something else"`)

	log.Warn("closing")
	log.Warn("closing")
	if err := limiter.Flush(context.Background()); err != nil {
		t.Fatal(err)
	}
	check("at the end", `level=WARN msg=closing`, `level=WARN msg=closing`)
}

// Callers cannot fill the memory with messages that differ.
func TestMessagesThatAllDifferAreAllLogged(t *testing.T) {
	var b bytes.Buffer
	c := &clock{start}
	log := slog.New(logs.NewLimiter(textLog(&b), time.Minute, c.now))
	for i := range 3000 {
		log.Warn("from", "client", i)
	}
	if n := len(lines(t, &b)); n != 3000 {
		t.Errorf("%d lines", n)
	}
}

func TestADependencyLogsOneLineWhenItGoesAndOneWhenItIsBack(t *testing.T) {
	var b bytes.Buffer
	c := &clock{start}
	d := logs.NewDependency("redis r:6379", "hits of large lists are 503", time.Second, slog.New(logs.NewLimiter(textLog(&b), time.Minute, c.now)), c.now)
	refused := errors.New("refused")
	note := func(after time.Duration, err error) { c.Time = c.Add(after); d.Note(c.Time, err) }
	check := func(when string, want ...string) {
		t.Helper()
		if d := cmp.Diff(append([]string{}, want...), lines(t, &b)); d != "" {
			t.Errorf("%s: %s", when, d)
		}
	}
	note(0, nil)
	note(500*time.Millisecond, refused)
	note(500*time.Millisecond, nil)
	check("one failure")
	note(500*time.Millisecond, refused) // 12:00:01.5
	for range 20 {
		note(500*time.Millisecond, refused)
	}
	check("away", `level=ERROR msg="a dependency is away" dependency="redis r:6379" since=2026-03-01T12:00:01.500Z means="hits of large lists are 503" error=refused`)
	note(500*time.Millisecond, nil)
	note(500*time.Millisecond, nil)
	check("back", `level=INFO msg="a dependency is back" dependency="redis r:6379" since=2026-03-01T12:00:12.000Z was_away=10.5s`)

	for range 10 { // it comes and goes
		note(time.Second, refused)
		note(time.Second, refused)
		note(time.Second, nil)
		note(time.Second, nil)
	}
	check("unsteady", `level=ERROR msg="a dependency is away" dependency="redis r:6379" since=2026-03-01T12:00:13.500Z means="hits of large lists are 503" error=refused`)
	for range 40 {
		note(time.Second, nil)
	}
	check("steady", `level=INFO msg="a dependency is back" dependency="redis r:6379" since=2026-03-01T12:00:51.500Z was_away=38s`)
}

// A probe that hangs is noticed while it hangs, also if it does not heed its context.
func TestADependencyThatHangsIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		hang := make(chan struct{})
		d := logs.NewDependency("disk", "no check is answered", time.Second, slog.New(slog.NewJSONHandler(&b, nil)), time.Now)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			d.Watch(ctx, 500*time.Millisecond, time.Second, func(context.Context) error { <-hang; return nil })
		}()
		begun := time.Now()
		time.Sleep(1900 * time.Millisecond)
		synctest.Wait()
		var line struct {
			Msg, Error string
			Since      time.Time
		}
		if err := json.Unmarshal(b.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Msg != "a dependency is away" || !line.Since.Equal(begun) || line.Error != "no answer within 1s" {
			t.Errorf("%+v", line)
		}
		b.Reset()
		close(hang)
		time.Sleep(time.Second)
		synctest.Wait()
		if !strings.Contains(b.String(), `"msg":"a dependency is back","dependency":"disk"`) || !strings.Contains(b.String(), `"was_away":"1.9s"`) {
			t.Errorf("%s", b.String())
		}
		cancel()
		<-ended
	})
}
