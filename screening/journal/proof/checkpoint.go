package proof

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/transparency-dev/formats/log"
	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"interdict/lists/fault"
)

// A Checkpoint is what a signed checkpoint says: the log of this origin has this many entries, with this root.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

func (c Checkpoint) tree() tlog.Tree { return tlog.Tree{N: c.Size, Hash: c.Root} }

func (c Checkpoint) text() string {
	return string(log.Checkpoint{Origin: c.Origin, Size: uint64(c.Size), Hash: c.Root[:]}.Marshal())
}

// parseCheckpoint parses the text of a checkpoint. Lines after the third are extensions, which have no meaning here.
func parseCheckpoint(text string) (Checkpoint, error) {
	var parsed log.Checkpoint
	if _, err := parsed.Unmarshal([]byte(text)); err != nil {
		return Checkpoint{}, err
	}
	if len(parsed.Hash) != tlog.HashSize || parsed.Size > math.MaxInt64>>1 {
		return Checkpoint{}, fmt.Errorf("invalid checkpoint: size %d, root of %d bytes", parsed.Size, len(parsed.Hash))
	}
	c := Checkpoint{Origin: parsed.Origin, Size: int64(parsed.Size), Root: tlog.Hash(parsed.Hash)}
	if !strings.HasPrefix(text, c.text()) {
		return Checkpoint{}, fmt.Errorf("invalid checkpoint: not in its canonical form")
	}
	return c, nil
}

// vouchesFor reports whether a key of this name may sign for a log of this origin: the key of a
// deployment signs for the logs of all of its writers.
func vouchesFor(name, origin string) bool {
	return origin == name || strings.HasPrefix(origin, name+"/")
}

// verifiers are the public keys that signatures are checked with. They implement note.Verifiers.
type verifiers struct {
	known map[keyID]note.Verifier
	logs  map[keyID]bool // those of logs; the others are of witnesses
}

type keyID struct {
	name string
	hash uint32
}

func (v verifiers) Verifier(name string, hash uint32) (note.Verifier, error) {
	if verifier, ok := v.known[keyID{name, hash}]; ok {
		return verifier, nil
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}

// newVerifiers reads keys in the form of C2SP signed-note: those of logs (Ed25519), and those of
// witnesses (cosignatures with Ed25519 or ML-DSA-44).
func newVerifiers(vkeys []string) (verifiers, error) {
	v := verifiers{known: map[keyID]note.Verifier{}, logs: map[keyID]bool{}}
	for _, vkey := range vkeys {
		isLog := keyAlgorithm(vkey) == algorithmEd25519
		var verifier note.Verifier
		var err error
		if isLog {
			verifier, err = note.NewVerifier(vkey)
		} else {
			verifier, err = cosignature.NewVerifierForCosignatureV1(vkey)
		}
		if err != nil {
			return verifiers{}, fault.E(fault.Invalid, "public key %q: %w", vkey, err)
		}
		id := keyID{verifier.Name(), verifier.KeyHash()}
		v.known[id], v.logs[id] = verifier, isLog
	}
	return v, nil
}

const algorithmEd25519 = 1

// keyAlgorithm returns the algorithm of a vkey, 0 if it cannot be read.
func keyAlgorithm(vkey string) byte {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return 0
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) == 0 {
		return 0
	}
	return key[0]
}

// A Cosignature is the signature of a witness: it has seen the checkpoint at this time, and none that contradicts it.
type Cosignature struct {
	Witness string
	Time    time.Time
}

// opened is a checkpoint whose signatures are verified.
type opened struct {
	Checkpoint
	keys      []string      // the log's keys that signed, as name+hash
	witnesses []Cosignature // known witnesses that signed
	unknown   []string      // signatures by keys that are not known, as name+hash
}

// open verifies a signed checkpoint. It has to be signed by a known key of the log, and no signature
// by a known key may be wrong.
func (v verifiers) open(signed []byte) (opened, error) {
	n, err := note.Open(signed, v)
	if err != nil {
		return opened{}, err
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return opened{}, err
	}
	o := opened{Checkpoint: c}
	for _, sig := range n.Sigs {
		id := fmt.Sprintf("%s+%08x", sig.Name, sig.Hash)
		switch {
		case !v.logs[keyID{sig.Name, sig.Hash}]:
			seen, err := cosignature.CoSigV1Timestamp(sig)
			if err != nil {
				return opened{}, err
			}
			o.witnesses = append(o.witnesses, Cosignature{sig.Name, seen.UTC()})
		case vouchesFor(sig.Name, c.Origin):
			o.keys = append(o.keys, id)
		default:
			return opened{}, fmt.Errorf("key %s does not sign for the log %q", id, c.Origin)
		}
	}
	for _, sig := range n.UnverifiedSigs {
		o.unknown = append(o.unknown, fmt.Sprintf("%s+%08x", sig.Name, sig.Hash))
	}
	for _, sig := range slices.Concat(n.Sigs, n.UnverifiedSigs) {
		if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
			return opened{}, fmt.Errorf("signature of %s: %w", sig.Name, err)
		}
	}
	if len(o.keys) == 0 {
		return opened{}, fmt.Errorf("checkpoint of %q is not signed by a known key of that log", c.Origin)
	}
	return o, nil
}

// OpenCheckpoint verifies a signed checkpoint with public keys.
func OpenCheckpoint(signed []byte, vkeys []string) (Checkpoint, error) {
	v, err := newVerifiers(vkeys)
	if err != nil {
		return Checkpoint{}, err
	}
	o, err := v.open(signed)
	if err != nil {
		return Checkpoint{}, fault.E(fault.Invalid, "checkpoint: %w", err)
	}
	return o.Checkpoint, nil
}
