package proof

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"

	"interdict/lists/fault"
)

const (
	filePrivate = "signing.keys" // one line a key: private key, from, until
	filePublic  = "public.keys"  // one line a key: public key, from, until; keys are never removed
	never       = "-"
)

// A Key is a public key in the form of C2SP signed-note, and the time in which it signs checkpoints. What it
// has signed stays valid after that.
type Key struct {
	VKey  string
	From  time.Time // zero if not known: keys of the configuration
	Until time.Time // zero if no end is set
}

// A Signer signs checkpoints; *Keys is one.
type Signer interface {
	Sign(text string) ([]byte, error)
	VKeys() []string // all public keys, also those that no longer sign
}

// Keys are the Ed25519 keys of a deployment. They are safe for use by several goroutines.
type Keys struct {
	name string
	dir  string // empty: the keys are given
	now  func() time.Time

	mu      sync.Mutex
	private []privateKey // the newest last
	public  []Key
}

type privateKey struct {
	Key
	secret string // in the form of signed-note
	signer note.Signer
}

// OpenKeys reads the keys in a folder, and creates the folder with a first key if neither exists. name is
// that of the deployment; the origins of its logs start with it.
func OpenKeys(dir, name string, now func() time.Time) (*Keys, error) {
	k := &Keys{name: name, dir: dir, now: now}
	if err := checkName(name); err != nil {
		return nil, err
	}
	private, err := k.read(filePrivate)
	if err != nil {
		return nil, err
	}
	public, err := k.read(filePublic)
	if err != nil {
		return nil, err
	}
	switch {
	case private == nil && public == nil:
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fault.E(fault.Unavailable, "create %s for signing keys: %w", dir, err)
		}
		return k, k.addKey(0)
	case private == nil:
		return nil, fault.E(fault.Conflict, "the private key %s is missing, but %s exists: restore %[1]s from a backup; "+
			"or, to go on with a new key, move %[2]s away and keep it, because it verifies what is already signed",
			k.path(filePrivate), k.path(filePublic))
	case public == nil:
		return nil, fault.E(fault.Conflict, "%s is missing, but the private key %s exists: restore %[1]s from a backup; "+
			"it has the public keys that verify what is already signed", k.path(filePublic), k.path(filePrivate))
	}
	if err := k.parsePublic(public); err != nil {
		return nil, err
	}
	for i, line := range private {
		secret, err := parseKeyLine(line)
		if err != nil {
			return nil, fault.E(fault.Invalid, "%s, line %d: not a key and its times: restore the file from a backup", k.path(filePrivate), i+1)
		}
		key, err := newPrivateKey(name, secret.VKey)
		if err != nil {
			return nil, fault.E(fault.KindOf(err), "%s, line %d: %w: restore the file from a backup", k.path(filePrivate), i+1, err)
		}
		key.From, key.Until = secret.From, secret.Until
		if !slices.ContainsFunc(k.public, func(p Key) bool { return p.VKey == key.VKey }) {
			return nil, fault.E(fault.Conflict, "the private key in %s, line %d, belongs to %s, which is not in %s: one of the two files was replaced; "+
				"restore both from the same backup", k.path(filePrivate), i+1, key.VKey, k.path(filePublic))
		}
		k.private = append(k.private, key)
	}
	if len(k.private) == 0 || !k.private[len(k.private)-1].Until.IsZero() {
		return nil, fault.E(fault.Conflict, "%s has no key that may sign: restore the file from a backup", k.path(filePrivate))
	}
	return k, nil
}

// ReadPublic returns the public keys in a folder, the oldest first; fault.NotFound if there are none.
func ReadPublic(dir string) ([]Key, error) {
	k := &Keys{dir: dir}
	lines, err := k.read(filePublic)
	if err != nil {
		return nil, err
	}
	if lines == nil {
		return nil, fault.E(fault.NotFound, "no public keys of the record: %s does not exist", k.path(filePublic))
	}
	err = k.parsePublic(lines)
	return k.public, err
}

// parsePublic reads the lines of the file of public keys.
func (k *Keys) parsePublic(lines []string) error {
	for i, line := range lines {
		key, err := parseKeyLine(line)
		if err == nil {
			_, err = note.NewVerifier(key.VKey)
		}
		if err != nil {
			return fault.E(fault.Invalid, "%s, line %d: %w: restore the file from a backup", k.path(filePublic), i+1, err)
		}
		k.public = append(k.public, key)
	}
	return nil
}

// GivenKeys returns keys of the configuration. current and previous are private keys, PEM (PKCS #8) or in the form
// of signed-note; all of them sign. retired are public keys that verify what was signed before.
func GivenKeys(name, current string, previous, retired []string) (*Keys, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	k := &Keys{name: name, now: time.Now}
	for _, vkey := range retired {
		if _, err := note.NewVerifier(vkey); err != nil {
			return nil, fault.E(fault.Invalid, "public key %q: %w", vkey, err)
		}
		k.public = append(k.public, Key{VKey: vkey})
	}
	for i, text := range append(slices.Clone(previous), current) {
		key, err := newPrivateKey(name, text)
		if err != nil {
			return nil, fault.E(fault.KindOf(err), "signing key %d of the configuration: %w", i+1, err)
		}
		k.private = append(k.private, key)
		k.public = append(k.public, key.Key)
	}
	return k, nil
}

// Sign signs the text of a checkpoint with all keys that sign now, the newest first.
func (k *Keys) Sign(text string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var signers []note.Signer
	for _, key := range slices.Backward(k.private) {
		if key.Until.IsZero() || k.now().Before(key.Until) {
			signers = append(signers, key.signer)
		}
	}
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		return nil, fault.E(fault.Internal, "sign checkpoint: %w", err)
	}
	return signed, nil
}

// Public returns all public keys, the oldest first.
func (k *Keys) Public() []Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.public)
}

// VKeys returns all public keys, the oldest first.
func (k *Keys) VKeys() []string {
	var vkeys []string
	for _, key := range k.Public() {
		vkeys = append(vkeys, key.VKey)
	}
	return vkeys
}

// Rotate creates a new key. Until the overlap has passed, checkpoints are signed with the old key as well, so that
// whoever verifies has the time to learn the new one.
func (k *Keys) Rotate(overlap time.Duration) error {
	if k.dir == "" {
		return fault.E(fault.Conflict, "the signing key comes from the configuration: change it there, and give the old one as previous")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.addKey(overlap)
}

// addKey creates a key and ends the present one after the overlap. The public keys are stored first: a public key
// without its private key does no harm.
func (k *Keys) addKey(overlap time.Duration) error {
	secret, _, err := note.GenerateKey(rand.Reader, k.name)
	if err != nil {
		return fault.E(fault.Internal, "create signing key: %w", err)
	}
	key, err := newPrivateKey(k.name, secret)
	if err != nil {
		return err
	}
	now := k.now().UTC().Truncate(time.Second)
	key.From = now
	end := now.Add(overlap)
	var private []privateKey
	public := slices.Clone(k.public)
	for _, old := range k.private {
		if old.Until.IsZero() {
			old.Until = end
		}
		if now.Before(old.Until) {
			private = append(private, old)
		}
	}
	for i := range public {
		if public[i].Until.IsZero() {
			public[i].Until = end
		}
	}
	private, public = append(private, key), append(public, key.Key)

	var lines strings.Builder
	for _, key := range public {
		writeKeyLine(&lines, key.VKey, key)
	}
	if err := writeFile(k.dir, k.path(filePublic), []byte(lines.String()), true); err != nil {
		return fault.E(fault.Unavailable, "write public keys: %w", err)
	}
	lines.Reset()
	for _, key := range private {
		writeKeyLine(&lines, key.secret, key.Key)
	}
	if err := writeFile(k.dir, k.path(filePrivate), []byte(lines.String()), true); err != nil {
		return fault.E(fault.Unavailable, "write signing keys: %w", err)
	}
	k.private, k.public = private, public
	return nil
}

func (k *Keys) path(name string) string { return filepath.Join(k.dir, name) }

// read returns the lines of a file; nil if the file does not exist.
func (k *Keys) read(name string) ([]string, error) {
	info, err := os.Stat(k.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.E(fault.Unavailable, "read signing keys: %w", err)
	}
	if name == filePrivate && info.Mode().Perm()&0o077 != 0 {
		return nil, fault.E(fault.Conflict, "the private key %s can be read by others (mode %04o): chmod 600 %[1]s, and rotate the key if others had access",
			k.path(name), info.Mode().Perm())
	}
	data, err := os.ReadFile(k.path(name))
	if err != nil {
		return nil, fault.E(fault.Unavailable, "read signing keys: %w: make the file readable for the user of this process", err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"), nil
}

func writeKeyLine(w *strings.Builder, text string, key Key) {
	until := never
	if !key.Until.IsZero() {
		until = key.Until.Format(time.RFC3339)
	}
	fmt.Fprintf(w, "%s %s %s\n", text, key.From.Format(time.RFC3339), until)
}

// parseKeyLine returns the parts of a line; VKey is the key of whichever kind. Its errors do not contain the line.
func parseKeyLine(line string) (Key, error) {
	parts := strings.Split(line, " ")
	if len(parts) != 3 {
		return Key{}, errors.New("not a key and its times")
	}
	key := Key{VKey: parts[0]}
	var err error
	if key.From, err = time.Parse(time.RFC3339, parts[1]); err != nil {
		return Key{}, errors.New("the time from which the key signs cannot be read")
	}
	if parts[2] != never {
		if key.Until, err = time.Parse(time.RFC3339, parts[2]); err != nil {
			return Key{}, errors.New("the time until which the key signs cannot be read")
		}
	}
	return key, nil
}

// newPrivateKey reads a private key, PEM or in the form of signed-note. Its errors do not contain the key.
func newPrivateKey(name, text string) (privateKey, error) {
	seed, err := privateSeed(name, strings.TrimSpace(text))
	if err != nil {
		return privateKey{}, err
	}
	private := ed25519.NewKeyFromSeed(seed)
	vkey, err := note.NewEd25519VerifierKey(name, private.Public().(ed25519.PublicKey))
	if err != nil {
		return privateKey{}, fault.E(fault.Invalid, "public key of the signing key: %w", err)
	}
	hash := strings.SplitN(vkey, "+", 3)[1]
	secret := "PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{algorithmEd25519}, seed...))
	signer, err := note.NewSigner(secret)
	if err != nil {
		return privateKey{}, fault.E(fault.Invalid, "the signing key is not an Ed25519 key")
	}
	return privateKey{Key{VKey: vkey}, secret, signer}, nil
}

func privateSeed(name, text string) ([]byte, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if private, ok := parsed.(ed25519.PrivateKey); err == nil && ok {
			return private.Seed(), nil
		}
		return nil, fault.E(fault.Invalid, "the PEM block is not an Ed25519 private key in PKCS #8: openssl genpkey -algorithm ed25519 makes one")
	}
	if _, err := note.NewSigner(text); err != nil {
		return nil, fault.E(fault.Invalid, "not a private key in PEM or in the form of signed-note (PRIVATE+KEY+name+hash+base64)")
	}
	parts := strings.SplitN(text, "+", 5)
	if parts[2] != name {
		return nil, fault.E(fault.Invalid, "the private key is named %q, not %q", parts[2], name)
	}
	key, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(key) != 1+ed25519.SeedSize {
		return nil, fault.E(fault.Invalid, "the private key is not an Ed25519 key")
	}
	return key[1:], nil
}

// checkName refuses names that a signed note cannot have.
func checkName(name string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '+' }) {
		return fault.E(fault.Invalid, "name %q of a signing key: has to be printable ASCII without spaces and +", name)
	}
	return nil
}
