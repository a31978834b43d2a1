// Package edge spreads lists to servers that share no store: one server publishes what it serves as files, any number of others follow.
//
//	store ── Publisher ── v1/objects/SHA-256 (layers, filters, documents), then v1/manifest ── bucket, folder, or this server itself
//	                                                                                                │ plain HTTP, any cache between
//	local store ◄── one commit ◄── Follower: signature, lineage, age, then each object's size and digest
//
// The manifest names the digest of everything that an answer depends on, and is signed. So whoever keeps or carries the files can keep them
// back, but cannot change an answer: a follower that gets no valid manifest reports no misses once its last one has expired.
package edge

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"interdict/lists"
	"interdict/lists/fault"
)

// Names of the files, relative to the address that is followed. They are also the paths of the API.
const (
	ManifestName = "v1/manifest"
	ObjectsName  = "v1/objects/"
)

// Limits of what a follower reads into memory.
const (
	maxManifest  = 8 << 20
	maxDocuments = 256 << 20
)

// Object is a file that never changes. Its name is its digest.
type Object struct {
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

func (o Object) name() string { return ObjectsName + o.SHA256 }

// Layer is one layer of the generation, as a layer file (lists.WriteLayerFile), and its filter.
type Layer struct {
	ID string `json:"id"`
	Object
	Filter Object `json:"filter"`
}

// Manifest names everything that answers of a generation depend on. Its text is a C2SP signed note:
//
//	NAME/manifest       the name of the signing key
//	1                   the version of this form
//	{ … }               the manifest as JSON, indented
type Manifest struct {
	StoreID    string    `json:"store_id"`
	Generation int       `json:"generation"`
	ID         string    `json:"id"` // of the generation
	Created    time.Time `json:"created"`
	NotAfter   time.Time `json:"not_after"`
	// Documents are the documents of the generation: its lists with their settings, versions and suppressions.
	Documents Object  `json:"documents"`
	Layers    []Layer `json:"layers"` // each once
	// Fresh is when each list was last known to be the publisher's current one.
	Fresh map[string]time.Time `json:"fresh"`
	// Restored are lost generations whose changes are part of this one although its own history does not name them.
	Restored []lists.Head `json:"restored,omitempty"`
}

const (
	manifestSuffix  = "/manifest"
	manifestVersion = "1"
)

func (m *Manifest) head() lists.Head { return lists.Head{Generation: m.Generation, ID: m.ID} }

// Signer signs notes with the keys of a deployment. *proof.Keys is one.
type Signer interface {
	Sign(text string) ([]byte, error)
	VKeys() []string // all public keys, also those that no longer sign
}

// sign returns the manifest as a signed note.
func (m *Manifest) sign(name string, s Signer) ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fault.E(fault.Internal, "encode the manifest: %w", err)
	}
	return s.Sign(name + manifestSuffix + "\n" + manifestVersion + "\n" + string(b) + "\n")
}

// Open verifies a signed manifest with public keys. name is that of the key that has signed it. It does not look at the times.
func Open(signed []byte, vkeys []string) (m *Manifest, name string, err error) {
	var verifiers []note.Verifier
	for _, vkey := range vkeys {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, "", fault.E(fault.Invalid, "public key %q: %w", vkey, err)
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		return nil, "", fault.E(fault.Conflict, "the manifest is not signed by a known key")
	case err != nil:
		return nil, "", fault.E(fault.Invalid, "the manifest is not a signed note, or was changed: %w", err)
	}
	name = n.Sigs[0].Name
	rest, ours := strings.CutPrefix(n.Text, name+manifestSuffix+"\n")
	if !ours {
		return nil, "", fault.E(fault.Invalid, "the signed note is not a manifest of %s", name)
	}
	version, text, _ := strings.Cut(rest, "\n")
	if version != manifestVersion {
		return nil, "", fault.E(fault.Invalid, "the manifest has version %q; this program reads version %s: update it", version, manifestVersion)
	}
	m = new(Manifest)
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields() // a field that this program does not know could change answers
	if err := d.Decode(m); err != nil {
		return nil, "", fault.E(fault.Invalid, "read the manifest: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, "", fault.E(fault.Invalid, "read the manifest: something follows its end")
	}
	return m, name, m.check()
}

// check refuses what no publisher writes.
func (m *Manifest) check() error {
	objects := []Object{m.Documents}
	seen := map[string]bool{}
	for _, l := range m.Layers {
		objects = append(objects, l.Object, l.Filter)
		if l.ID == "" || seen[l.ID] {
			return fault.E(fault.Invalid, "read the manifest: layer %q is named twice, or has no id", l.ID)
		}
		seen[l.ID] = true
	}
	for _, o := range objects {
		if !IsDigest(o.SHA256) || o.Bytes <= 0 {
			return fault.E(fault.Invalid, "read the manifest: an object without digest or size")
		}
	}
	if m.StoreID == "" || m.Generation <= 0 || m.Created.IsZero() || !m.NotAfter.After(m.Created) || m.Documents.Bytes > maxDocuments {
		return fault.E(fault.Invalid, "read the manifest: a field is missing or impossible")
	}
	return nil
}

// IsDigest reports whether text is a SHA-256 in hexadecimal, as the names of objects are.
func IsDigest(text string) bool {
	b, err := hex.DecodeString(text)
	return err == nil && len(b) == 32 && text == hex.EncodeToString(b)
}

// document is one document of a generation.
type document struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// encodeDocuments returns the file of the documents.
func encodeDocuments(docs []document) ([]byte, error) {
	b, err := json.Marshal(docs)
	if err == nil && len(b) > maxDocuments {
		err = errors.New("they are too large")
	}
	if err != nil {
		return nil, fault.E(fault.Internal, "encode the documents of the generation: %w", err)
	}
	return b, nil
}

// decodeDocuments reads the documents of the generation that a manifest names. It refuses documents that are not part of it.
func decodeDocuments(b []byte, m *Manifest) (docs []document, g lists.Generation, err error) {
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&docs); err != nil {
		return nil, g, fault.E(fault.Invalid, "read the documents of generation %d: %w", m.Generation, err)
	}
	if len(docs) == 0 || docs[0].Key != lists.DocGeneration(m.Generation) {
		return nil, g, fault.E(fault.Invalid, "the documents do not begin with generation %d", m.Generation)
	}
	if g, err = lists.Decode[lists.Generation](lists.Doc{Key: docs[0].Key, Value: docs[0].Value}); err != nil {
		return nil, g, err
	}
	if g.Head() != m.head() {
		return nil, g, fault.E(fault.Invalid, "the documents are those of generation %d (%s), not of %d (%s)", g.Number, g.ID, m.Generation, m.ID)
	}
	allowed, named := map[string]bool{}, map[string]bool{}
	for i := range g.Lists {
		a := &g.Lists[i]
		for _, key := range generationKeys(a) {
			allowed[key] = true
		}
		for _, l := range a.Layers {
			named[l.ID] = true
		}
	}
	for _, d := range docs[1:] {
		if !allowed[d.Key] {
			return nil, g, fault.E(fault.Invalid, "document %q is not part of generation %d", d.Key, m.Generation)
		}
	}
	for _, l := range m.Layers {
		if !named[l.ID] {
			return nil, g, fault.E(fault.Invalid, "layer %s is not part of generation %d", l.ID, m.Generation)
		}
		delete(named, l.ID)
	}
	if len(named) > 0 {
		return nil, g, fault.E(fault.Invalid, "the manifest does not have all layers of generation %d", m.Generation)
	}
	return docs, g, nil
}

// generationKeys are the keys of the documents of one list in a generation.
func generationKeys(a *lists.Active) []string {
	keys := []string{lists.DocList(a.List.ID), lists.DocVersion(a.List.ID, a.Version)}
	for i := range a.Suppressions {
		keys = append(keys, lists.DocSuppression(a.List.ID, a.Suppressions[i].ID))
	}
	return keys
}
