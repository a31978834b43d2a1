package console

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"interdict/lists/fault"
)

// space counts the bytes that are held.
type space struct{ held, most int64 }

func (s *space) hold(n int64) error {
	if s.held+n > s.most {
		return fault.E(fault.Unavailable, "full")
	}
	s.held += n
	return nil
}

// put keeps a file of a person.
func put(t *testing.T, k *kept, owner, text string) *keptUpload {
	t.Helper()
	u := k.begin(owner)
	if err := u.add("a.csv", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	k.keep(u)
	return u
}

func readAllOf(t *testing.T, k *kept, id, owner string) string {
	t.Helper()
	u, release := k.use(id, owner)
	defer release()
	if u == nil {
		return "not kept"
	}
	b, err := io.ReadAll(u.uploads()[0].Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestUploadsAreKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &space{most: 1000}
		k := newKept(100, s.hold)
		u := put(t, k, "kim", "address")
		for range 2 { // each use reads it from the beginning, and keeps it longer
			time.Sleep(keepFor - time.Second)
			if got := readAllOf(t, k, u.ID, "kim"); got != "address" {
				t.Errorf("kept: %q", got)
			}
		}
		if got := readAllOf(t, k, u.ID, "mallory"); got != "not kept" {
			t.Errorf("another person reads %q", got)
		}
		used, release := k.use(u.ID, "kim")
		time.Sleep(keepFor + time.Second)
		synctest.Wait()
		if b, err := io.ReadAll(used.uploads()[0].Body); err != nil || string(b) != "address" {
			t.Errorf("ended while it was used: %q %v", b, err)
		}
		release()
		if got := readAllOf(t, k, u.ID, "kim"); got != "not kept" || s.held != 0 {
			t.Errorf("after its time: %q, %d bytes held", got, s.held)
		}
	})
}

func TestUploadsAreBounded(t *testing.T) {
	s := &space{most: 250}
	k := newKept(100, s.hold)
	first := put(t, k, "kim", "first")
	other := put(t, k, "lee", "lee's")
	for range keepEach {
		put(t, k, "kim", "later")
	}
	if got := readAllOf(t, k, first.ID, "kim") + ", " + readAllOf(t, k, other.ID, "lee"); got != "not kept, lee's" {
		t.Error(got)
	}
	held := s.held
	for _, x := range []struct {
		body io.Reader
		kind fault.Kind
	}{
		{strings.NewReader(strings.Repeat("x", 101)), fault.Invalid},
		{io.MultiReader(strings.NewReader("address"), iotest.ErrReader(errors.New("reset"))), fault.Invalid},
	} {
		u := k.begin("kim")
		if err := u.add("a.csv", x.body); !fault.Is(err, x.kind) {
			t.Error(err)
		}
		u.end()
	}
	u := k.begin("kim")
	for i, want := range []error{nil, nil, fault.E(fault.Invalid, "")} {
		if err := u.add("a.csv", strings.NewReader("x")); (err == nil) != (want == nil) {
			t.Errorf("file %d: %v", i+1, err)
		}
	}
	u.end()
	if s.held != held {
		t.Errorf("%d bytes held instead of %d", s.held, held)
	}
}
