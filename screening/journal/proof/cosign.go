package proof

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"interdict/lists/fault"
)

const (
	witnessTimeout = 10 * time.Second
	maxRetry       = 5 * time.Minute
	maxAnswer      = 64 << 10
	sizeMediaType  = "text/x.tlog.size"
)

// A WitnessClient asks one witness for cosignatures (C2SP tlog-witness).
type WitnessClient struct {
	add    *url.URL
	name   string
	vkey   string
	keys   verifiers
	client *http.Client
	retry  time.Duration // after the first failure; doubled after each further one
}

// NewWitnessClient returns the client of the witness with a URL, to which /add-checkpoint is added, and a public key:
// Ed25519 or ML-DSA-44.
func NewWitnessClient(prefix, vkey string, client *http.Client) (WitnessClient, error) {
	u, err := url.Parse(prefix)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return WitnessClient{}, fault.E(fault.Invalid, "URL of a witness: has to be http or https with a host")
	}
	if keyAlgorithm(vkey) == algorithmEd25519 {
		if vkey, err = witnessVKey(vkey); err != nil {
			return WitnessClient{}, err
		}
	}
	keys, err := newVerifiers([]string{vkey})
	if err != nil {
		return WitnessClient{}, err
	}
	name, _, _ := strings.Cut(vkey, "+")
	return WitnessClient{add: u.JoinPath("add-checkpoint"), name: name, vkey: vkey, keys: keys, client: client, retry: time.Second}, nil
}

// VKey returns the public key of the witness.
func (c WitnessClient) VKey() string { return c.vkey }

// WitnessStatus is what an operator sees of a witness.
type WitnessStatus struct {
	Name     string
	URL      string
	Cosigned uint64    // size of the newest checkpoint it has signed in this process
	At       time.Time // when
	Failures int       // since the last success
	Error    string    // of the newest attempt; empty after a success
}

type witnessState struct {
	WitnessClient
	news chan struct{} // a newer checkpoint exists
	seen int64         // size that the witness is believed to have; used by run only

	mu  sync.Mutex
	now WitnessStatus
}

func newWitnessState(c WitnessClient) *witnessState {
	w := &witnessState{WitnessClient: c, news: make(chan struct{}, 1)}
	w.now = WitnessStatus{Name: c.name, URL: c.add.Redacted()}
	return w
}

func (w *witnessState) wake() {
	select {
	case w.news <- struct{}{}:
	default:
	}
}

func (w *witnessState) status() WitnessStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// run asks for a cosignature of each new checkpoint until the log is closed. While the witness fails, it waits longer
// and longer; newer checkpoints do not make it ask earlier.
func (w *witnessState) run(ctx context.Context, l *Log) {
	l.mu.Lock()
	w.seen = l.cosig.Size
	if l.last.Size > l.cosig.Size {
		w.wake()
	}
	l.mu.Unlock()
	wait := w.retry
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.news:
		}
		size, err := w.ask(ctx, l)
		if ctx.Err() != nil {
			return
		}
		w.mu.Lock()
		if err == nil {
			w.now.Cosigned, w.now.At, w.now.Failures, w.now.Error = uint64(size), l.opts.Now(), 0, ""
			wait = w.retry
		} else {
			w.now.Failures++
			w.now.Error = err.Error()
		}
		w.mu.Unlock()
		if err != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			wait = min(2*wait, maxRetry)
			w.wake()
		}
	}
}

// ask sends the newest checkpoint, and adds the cosignature to it.
func (w *witnessState) ask(ctx context.Context, l *Log) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, witnessTimeout)
	defer cancel()
	l.mu.Lock()
	at := l.last
	l.mu.Unlock()
	if at.Size == 0 {
		return 0, nil
	}
	w.seen = min(w.seen, at.Size)
	for range 3 { // the size that the witness has can change between two requests
		proof, err := consistency(w.seen, at.Checkpoint, l.tile)
		if err != nil {
			return 0, fmt.Errorf("consistency proof: %w", err)
		}
		code, answer, err := w.post(ctx, addRequest(w.seen, proof, at.note))
		if err != nil {
			return 0, err
		}
		switch code {
		case http.StatusOK:
			w.seen = at.Size
			return at.Size, w.accept(l, at, answer)
		case http.StatusConflict:
			size, err := strconv.ParseInt(strings.TrimSuffix(string(answer), "\n"), 10, 64)
			switch {
			case err != nil || size < 0:
				return 0, errors.New("the witness answered 409 without the size that it has")
			case size > at.Size:
				return 0, fmt.Errorf("the witness has cosigned %d records of this log, which has %d: records were lost, or the log was rolled back", size, at.Size)
			case size == w.seen:
				return 0, fmt.Errorf("the witness has cosigned another log of %d records with this origin: the log was forked", size)
			}
			w.seen = size
		case http.StatusForbidden:
			return 0, errors.New("the witness does not know the key of this log (403): give it the present public key")
		case http.StatusNotFound:
			return 0, errors.New("the witness does not know this log (404): add its public key there, and check the URL")
		case http.StatusUnprocessableEntity:
			return 0, fmt.Errorf("the witness refuses the consistency proof from %d to %d records (422): the log is not the one that it has cosigned", w.seen, at.Size)
		default:
			return 0, fmt.Errorf("the witness answered %d", code)
		}
	}
	return 0, errors.New("the witness answered 409 three times: somebody else asks it for this log")
}

func (w *witnessState) post(ctx context.Context, body []byte) (int, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.add.String(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	response, err := w.client.Do(request)
	if err != nil {
		return 0, nil, err // a *url.Error has the URL without its password
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("read answer of the witness: %w", err)
	}
	return response.StatusCode, answer, nil
}

// accept verifies the cosignature of an answer and stores it.
func (w *witnessState) accept(l *Log, at signed, answer []byte) error {
	n, err := note.Open(slices.Concat([]byte(at.text()), []byte("\n"), answer), w.keys)
	if err != nil {
		return fmt.Errorf("the answer of the witness has no valid cosignature by its key: %w", err)
	}
	var line strings.Builder
	for _, sig := range n.Sigs {
		fmt.Fprintf(&line, "— %s %s\n", sig.Name, sig.Base64)
	}
	return l.addCosignature(at, []byte(line.String()))
}

// addCosignature appends signature lines to a checkpoint, in memory and in the files that have it.
func (l *Log) addCosignature(at signed, lines []byte) error {
	l.publish.Lock()
	defer l.publish.Unlock()
	l.write.Lock()
	defer l.write.Unlock()
	if l.released {
		return nil
	}
	l.mu.Lock()
	last, cosig := l.last, l.cosig
	l.mu.Unlock()
	switch {
	case cosig.Size == at.Size:
		at = cosig
	case last.Size == at.Size:
		at = last
	case cosig.Size > at.Size:
		return nil // there is already a newer one
	}
	if bytes.Contains(at.note, lines) {
		return nil
	}
	at.note = slices.Concat(at.note, lines)
	files := []string{fileCosigned}
	if last.Size == at.Size {
		files = append(files, fileCheckpoint)
	}
	if l.synced == at.Size {
		files = append(files, fileSynced)
	}
	if slices.Contains(l.state.Seals, at.Size) {
		files = append(files, sealName(at.Size))
	}
	for _, name := range files {
		if err := writeFile(l.dir, l.path(name), at.note, true); err != nil {
			return fault.E(fault.Unavailable, "write cosigned checkpoint: %w", err)
		}
	}
	l.state.Cosigned = at.Size
	if err := l.writeState(); err != nil {
		return err
	}
	l.mu.Lock()
	l.cosig = at
	if last.Size == at.Size {
		l.last = at
	}
	l.mu.Unlock()
	if l.opts.Published != nil && last.Size == at.Size {
		l.opts.Published(at.note)
	}
	return nil
}

// consistency proves that the log had its first records already when it had the old size.
func consistency(old int64, now Checkpoint, tiles tileFunc) (tlog.TreeProof, error) {
	if old == 0 || old == now.Size {
		return nil, nil
	}
	return tlog.ProveTree(now.Size, old, tlog.TileHashReader(now.tree(), tiles))
}

// addRequest is the body of add-checkpoint.
func addRequest(old int64, proof tlog.TreeProof, checkpoint []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	for _, h := range proof {
		fmt.Fprintf(&b, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	b.WriteByte('\n')
	b.Write(checkpoint)
	return b.Bytes()
}
