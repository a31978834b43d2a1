package selftest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"interdict/lists/fault"
)

// Report is the result of a self-test.
type Report struct {
	Program    string    `json:"program"` // version and commit
	At         time.Time `json:"at"`      // its start
	Subject    string    `json:"subject"` // what was asked: a store or a server
	Passed     bool      `json:"passed"`
	Generation int       `json:"generation,omitempty"` // that gave the last answer
	// Seed and Sample reproduce the choice of addresses: at most Sample of each list.
	Seed     uint64       `json:"seed"`
	Sample   int          `json:"sample"`
	Vectors  VectorCount  `json:"vectors"`
	Lists    []ListResult `json:"lists"`
	Failures []Failure    `json:"failures"`
}

// VectorCount counts conformance vectors.
type VectorCount struct {
	Lines  int `json:"lines"`
	Failed int `json:"failed"`
}

// ListResult is what was asked of the addresses of one list.
type ListResult struct {
	List      string `json:"list"`
	Version   int    `json:"version"`
	Published string `json:"published"`
	SHA256    string `json:"sha256"` // of the upload
	Listings  int    `json:"listings"`
	Sampled   int    `json:"sampled"` // listings that were tested
	Expired   int    `json:"expired"` // of these not tested: their valid_until has passed
	Texts     int    `json:"texts"`   // that were asked
	Hits      int    `json:"hits"`    // as demanded
	// Suppressed counts hits that a suppression sets aside.
	Suppressed int `json:"suppressed"`
	Refusals   int `json:"refusals"` // as demanded
	Failed     int `json:"failed"`
}

// Failure is one text with a wrong answer.
type Failure struct {
	Vector  string `json:"vector,omitempty"` // id of the line
	List    string `json:"list,omitempty"`
	Listed  string `json:"listed,omitempty"` // as published
	Text    string `json:"text"`
	Network string `json:"network"` // that was named; "" for none
	How     string `json:"how"`
	Want    string `json:"want"`
	Got     string `json:"got"`
}

// heading begins the text of a signed report: no checkpoint, which the same key signs, begins like this.
const heading = "interdict selftest report\n"

// Seal returns a report as a C2SP signed note: a heading, the SHA-256 of the report, the report as JSON.
func Seal(r *Report, sign func(text string) ([]byte, error)) ([]byte, error) {
	text := Encode(r)
	sum := sha256.Sum256(text)
	return sign(heading + "sha256 " + hex.EncodeToString(sum[:]) + "\n" + string(text))
}

// Encode returns a report as JSON, with a line end at its end.
func Encode(r *Report) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		panic(err) // our own types always encode
	}
	return b.Bytes()
}

// Opened is a report whose signature has been verified.
type Opened struct {
	Report Report   `json:"report"`
	SHA256 string   `json:"sha256"`
	Keys   []string `json:"keys"` // that signed it: of those given
}

// Open verifies a signed report with public keys. fault.Invalid: it is none, it was changed, or none of the keys has signed it.
func Open(b []byte, vkeys []string) (*Opened, error) {
	var verifiers []note.Verifier
	for _, vkey := range vkeys {
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, fault.E(fault.Invalid, "public key %q: %w", vkey, err)
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open(b, note.VerifierList(verifiers...))
	if err != nil {
		return nil, fault.E(fault.Invalid, "the report: %w", err)
	}
	body, ok := strings.CutPrefix(n.Text, heading)
	if !ok {
		return nil, fault.E(fault.Invalid, "what was signed is not the report of a self-test")
	}
	digest, body, _ := strings.Cut(strings.TrimPrefix(body, "sha256 "), "\n")
	sum := sha256.Sum256([]byte(body))
	if digest != hex.EncodeToString(sum[:]) {
		return nil, fault.E(fault.Invalid, "the SHA-256 in the report is not that of the report")
	}
	out := &Opened{SHA256: digest}
	if err := json.Unmarshal([]byte(body), &out.Report); err != nil {
		return nil, fault.E(fault.Invalid, "the report: %w", err)
	}
	for _, s := range n.Sigs {
		out.Keys = append(out.Keys, s.Name)
	}
	return out, nil
}
