package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"interdict/lists/fault"
)

// maxProofLines is the limit of C2SP tlog-witness.
const maxProofLines = 63

// Witness cosigns checkpoints of other logs (C2SP tlog-witness), each only if it continues the one before. It
// keeps the newest checkpoint of each log in a folder. It is an http.Handler of POST /add-checkpoint.
type Witness struct {
	dir    string
	keys   verifiers
	signer *cosignature.Signer
	lock   *os.File
	mux    *http.ServeMux

	mu sync.Mutex // held from the comparison of a checkpoint until it is stored
}

// NewWitness returns a witness with a folder for its state, a private key in the form of signed-note, and
// the public keys of the logs that it cosigns. A key signs for the log of its name, and for those whose origins start with
// its name and a slash.
func NewWitness(dir, key string, logs []string) (*Witness, error) {
	signer, err := cosignature.NewSignerForCosignatureV1(key)
	if err != nil {
		return nil, fault.E(fault.Invalid, "the private key of the witness is not in the form of signed-note")
	}
	keys, err := newVerifiers(logs)
	if err != nil {
		return nil, err
	}
	for id, isLog := range keys.logs {
		if !isLog {
			return nil, fault.E(fault.Invalid, "public key %s+%08x is that of a witness, not of a log", id.name, id.hash)
		}
	}
	if len(logs) == 0 {
		return nil, fault.E(fault.Invalid, "a witness needs the public key of a log")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.E(fault.Unavailable, "create folder of the witness: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	w := &Witness{dir: dir, keys: keys, signer: signer, lock: lock, mux: http.NewServeMux()}
	w.mux.HandleFunc("POST /add-checkpoint", w.addCheckpoint)
	return w, nil
}

// Close releases the folder.
func (w *Witness) Close() error { return w.lock.Close() }

// NewWitnessKey creates a private and a public key for a witness.
func NewWitnessKey(name string, random io.Reader) (key, vkey string, err error) {
	if err := checkName(name); err != nil {
		return "", "", err
	}
	key, vkey, err = note.GenerateKey(random, name)
	if err != nil {
		return "", "", fault.E(fault.Internal, "create key of the witness: %w", err)
	}
	vkey, err = witnessVKey(vkey)
	return key, vkey, err
}

// witnessVKey turns an Ed25519 key of signed-note into one for cosignatures.
func witnessVKey(vkey string) (string, error) {
	converted, err := cosignature.VKeyToCosignatureV1(vkey)
	if err != nil {
		return "", fault.E(fault.Invalid, "public key %q: %w", vkey, err)
	}
	return converted, nil
}

func (w *Witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) { w.mux.ServeHTTP(rw, r) }

// refusal is an answer other than 200.
type refusal struct {
	code int
	text string
}

func (e *refusal) Error() string { return e.text }

func (w *Witness) addCheckpoint(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxAnswer))
	if err != nil {
		http.Error(rw, "body cannot be read, or is too long", http.StatusBadRequest)
		return
	}
	lines, err := w.cosign(body)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		if refused.code == http.StatusConflict {
			rw.Header().Set("Content-Type", sizeMediaType)
			rw.WriteHeader(refused.code)
			fmt.Fprintf(rw, "%s\n", refused.text)
			return
		}
		http.Error(rw, refused.text, refused.code)
	case err != nil:
		http.Error(rw, "the state of the witness cannot be read or written", http.StatusInternalServerError)
	default:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(rw, "%s", lines)
	}
}

// cosign checks a request and returns the signature lines. Nothing is signed before it is stored.
func (w *Witness) cosign(body []byte) ([]byte, error) {
	old, proof, signed, err := parseAddRequest(body)
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, err.Error()}
	}
	first, _, _ := strings.Cut(string(signed), "\n")
	if !w.knows(first) {
		return nil, &refusal{http.StatusNotFound, "no log of this origin is known"}
	}
	c, err := w.keys.open(signed)
	if err != nil {
		return nil, &refusal{http.StatusForbidden, "the checkpoint is not signed by a known key of the log"}
	}
	if old > c.Size {
		return nil, &refusal{http.StatusBadRequest, "the old size is larger than the checkpoint's"}
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	has, err := w.stored(c.Origin)
	if err != nil {
		return nil, err
	}
	if old != has.Size || old == c.Size && has.Root != c.Root && old > 0 {
		return nil, &refusal{http.StatusConflict, strconv.FormatInt(has.Size, 10)}
	}
	if err := checkConsistency(proof, has, c.Checkpoint); err != nil {
		return nil, &refusal{http.StatusUnprocessableEntity, "the consistency proof does not lead from the old to the new checkpoint"}
	}
	n, err := note.Open(signed, w.keys)
	if err != nil {
		return nil, err
	}
	cosigned, err := note.Sign(&note.Note{Text: n.Text}, w.signer)
	if err != nil {
		return nil, err
	}
	if err := writeFile(w.dir, w.statePath(c.Origin), signed, true); err != nil {
		return nil, err
	}
	return bytes.TrimPrefix(cosigned, []byte(n.Text+"\n")), nil
}

func (w *Witness) knows(origin string) bool {
	for id := range w.keys.known {
		if vouchesFor(id.name, origin) {
			return true
		}
	}
	return false
}

func (w *Witness) statePath(origin string) string {
	sum := sha256.Sum256([]byte(origin))
	return filepath.Join(w.dir, hex.EncodeToString(sum[:]))
}

// stored returns the newest checkpoint of a log that was cosigned; the zero value if none was.
func (w *Witness) stored(origin string) (Checkpoint, error) {
	data, err := os.ReadFile(w.statePath(origin))
	if errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, nil
	}
	if err != nil {
		return Checkpoint{}, err
	}
	// the key that signed it may have been removed since
	text, _, _ := bytes.Cut(data, []byte("\n\n"))
	c, err := parseCheckpoint(string(text) + "\n")
	if err == nil && c.Origin != origin {
		err = errors.New("of another log")
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%s is damaged: %w", w.statePath(origin), err)
	}
	return c, nil
}

func checkConsistency(proof tlog.TreeProof, old, now Checkpoint) error {
	if old.Size == 0 || old.Size == now.Size {
		if len(proof) > 0 {
			return errors.New("a proof where none is needed")
		}
		return nil
	}
	return tlog.CheckTree(proof, now.Size, now.Root, old.Size, old.Root)
}

// parseAddRequest parses the body of add-checkpoint.
func parseAddRequest(body []byte) (old int64, proof tlog.TreeProof, checkpoint []byte, err error) {
	head, checkpoint, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return 0, nil, nil, errors.New("no empty line before the checkpoint")
	}
	lines := strings.Split(string(head), "\n")
	size, ok := strings.CutPrefix(lines[0], "old ")
	if old, err = strconv.ParseInt(size, 10, 64); !ok || err != nil || old < 0 || strconv.FormatInt(old, 10) != size {
		return 0, nil, nil, errors.New("the first line is not an old size")
	}
	if len(lines)-1 > maxProofLines {
		return 0, nil, nil, errors.New("more than 63 lines of a consistency proof")
	}
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return 0, nil, nil, errors.New("a line of the consistency proof is not a hash")
		}
		proof = append(proof, h)
	}
	return old, proof, checkpoint, nil
}
