package api

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

// maxExcerpts limits the matches whose source is searched: each reads a file of up to some gigabytes.
const maxExcerpts = 20

// evidence is an archive of all that proves a check, while it is put together.
type evidence struct {
	*Replayer
	check    *client.CheckRecord
	files    []evidenceFile
	versions map[string][]lists.Version // by list
	excerpts int
}

// evidenceFile is one file of the archive, and what the read-me says of it.
type evidenceFile struct {
	name, about string
	data        []byte
}

// Evidence writes a zip archive of all that proves an earlier check: the decision and its receipt, and of each match the listing, what the
// uploaded file says there, and the history of the list. Two archives of the same content are the same bytes. Nothing is written before
// all of it has been read.
func (r *Replayer) Evidence(ctx context.Context, checkID string, w io.Writer) error {
	select {
	case r.evidence <- struct{}{}:
		defer func() { <-r.evidence }()
	case <-ctx.Done():
		return fault.E(fault.Unavailable, "cancelled: %w", ctx.Err())
	}
	check, err := r.Audit.CheckRecord(ctx, checkID)
	if err != nil {
		return err
	}
	e := &evidence{Replayer: r, check: check, versions: map[string][]lists.Version{}}
	keys, err := e.decision(ctx)
	if err != nil {
		return err
	}
	if err := e.matches(ctx); err != nil {
		return err
	}
	for _, list := range check.Lists {
		if err := e.history(ctx, list); err != nil {
			return err
		}
	}
	return e.write(w, keys)
}

func (e *evidence) add(name string, data []byte, about string) {
	e.files = append(e.files, evidenceFile{name, about, data})
}

// addJSON adds a value as indented JSON.
func (e *evidence) addJSON(name string, v any, about string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	e.add(name, b.Bytes(), about)
	return nil
}

// decision adds what the record has, and returns the public keys.
func (e *evidence) decision(ctx context.Context) (keys []string, err error) {
	b, err := EncodeExactly(e.check)
	if err != nil {
		return nil, err
	}
	e.add("decision.json", append(b, '\n'), "The record of the check: when, who asked, what was asked, and the outcome. Texts that may be private keys are digests.")
	if e.check.Answer != nil {
		e.add("answer.json", e.check.Answer, "The answer, byte for byte as the caller got it.")
	} else {
		e.add("problem.json", e.check.Error, "The error that the caller got. The check had no answer.")
	}
	receipt, err := e.Audit.Receipt(ctx, e.check.CheckID)
	if err != nil {
		return nil, err
	}
	e.add("receipt.tlog-proof", receipt, "The proof that the record is in the log: the record itself, its place in the log, and the signed checkpoint (C2SP tlog-proof).")
	all, err := e.Audit.RecordKeys(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		keys = append(keys, k.Key)
	}
	e.add("public-keys.txt", []byte(strings.Join(keys, "\n")+"\n"), "The public keys of the log, one a line. Compare them with a copy that you got from elsewhere.")
	return keys, nil
}

// matches adds a folder for each match of the answer.
func (e *evidence) matches(ctx context.Context) error {
	if e.check.Answer == nil {
		return nil
	}
	var a struct{ Matches, Suppressed []json.RawMessage }
	if err := json.Unmarshal(e.check.Answer, &a); err != nil {
		return fault.E(fault.Unavailable, "the recorded answer is damaged: %w", err)
	}
	for i, raw := range slices.Concat(a.Matches, a.Suppressed) {
		var m struct {
			client.Match
			Suppression *struct {
				ID string `json:"id"`
			} `json:"suppression"`
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			return fault.E(fault.Unavailable, "the recorded answer is damaged: %w", err)
		}
		folder := fmt.Sprintf("match-%03d/", i+1)
		of := fmt.Sprintf("of match %d (list %s, %s)", i+1, m.List.ID, m.Listed.Address)
		if err := e.addJSON(folder+"listing.json", raw, "The listing "+of+", as the answer has it."); err != nil {
			return err
		}
		text, err := e.excerpt(ctx, &m.Match)
		if err != nil {
			return err
		}
		e.add(folder+"source-excerpt.txt", []byte(text), "What the uploaded file says "+of+".")
		if m.Suppression == nil {
			continue
		}
		given, err := e.Loader.Suppression(ctx, m.List.ID, m.Suppression.ID)
		if fault.Is(err, fault.NotFound) {
			continue // the listing has what the answer said of it
		}
		if err != nil {
			return err
		}
		if err := e.addJSON(folder+"suppression.json", given, "The suppression "+of+": who proposed and decided it, and why."); err != nil {
			return err
		}
	}
	return nil
}

// versionsOf reads the versions of a list once. There are none if the list is not in the store.
func (e *evidence) versionsOf(ctx context.Context, list string) ([]lists.Version, error) {
	if all, known := e.versions[list]; known {
		return all, nil
	}
	all, err := e.Loader.Versions(ctx, list)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	e.versions[list] = all
	return all, nil
}

// excerpt returns what the uploaded file says of a match, or why that cannot be told.
func (e *evidence) excerpt(ctx context.Context, m *client.Match) (string, error) {
	head := fmt.Sprintf("File:     %s\nSHA-256:  %s\nPosition: %s\n\n", m.Source.File, m.Source.SHA256, cmp.Or(m.Source.Locator, "-"))
	if e.excerpts++; e.excerpts > maxExcerpts {
		return head + fmt.Sprintf("No excerpt: the archive has those of the first %d matches.\n", maxExcerpts), nil
	}
	all, err := e.versionsOf(ctx, m.List.ID)
	if err != nil {
		return "", err
	}
	var v *lists.Version
	for i := range all { // the newest at most as new as the answer; several can have the same bytes
		if x := &all[i]; x.SHA256 == m.Source.SHA256 && len(x.Sources) > 0 && (v == nil || x.Number <= m.List.Version) {
			v = x
		}
	}
	if v == nil {
		return head + "No excerpt: the store has no upload with this SHA-256.\n", nil
	}
	text, err := e.Loader.Excerpt(ctx, v, m.Source.Locator, m.Listed.Address)
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Invalid, fault.TooLarge:
		return head + fmt.Sprintf("No excerpt: %v\n", err), nil
	}
	if err != nil {
		return "", err
	}
	return head + strings.TrimRight(text, "\n") + "\n", nil
}

// listVersion is one version in the history of a list.
type listVersion struct {
	Version    int              `json:"version"`
	State      lists.State      `json:"state"`
	Mode       lists.Mode       `json:"mode"`
	Format     string           `json:"format"`
	File       string           `json:"file"`
	SHA256     string           `json:"sha256"`
	SizeBytes  int64            `json:"size_bytes"`
	Published  string           `json:"published"`
	Rows       lists.Rows       `json:"rows"`
	Addresses  int              `json:"addresses"`
	Listings   int              `json:"listings"`
	Diff       lists.DiffCounts `json:"diff"`
	UploadedBy string           `json:"uploaded_by"`
	UploadedAt time.Time        `json:"uploaded_at"`
	SourceBy   string           `json:"source_by,omitempty"`
	Approvals  []lists.Approval `json:"approvals"`
	Override   *lists.Approval  `json:"override,omitempty"`
	Activated  *time.Time       `json:"activated_at,omitempty"`
	Guards     []lists.Finding  `json:"guards"`
	Warnings   []lists.Finding  `json:"warnings"`
	Note       string           `json:"note"`
}

func (e *evidence) history(ctx context.Context, list string) error {
	if !isID(list) {
		return fault.E(fault.Unavailable, "the record names a list that cannot be: %.100q", list)
	}
	all, err := e.versionsOf(ctx, list)
	if err != nil {
		return err
	}
	out := []listVersion{}
	for i := range all {
		v := &all[i]
		out = append(out, listVersion{v.Number, v.State, v.Mode, v.Format, v.File, v.SHA256, v.SizeBytes, v.Published, v.Rows, v.Addresses, v.Listings, v.Diff,
			v.UploadedBy, v.UploadedAt, v.SourceBy, v.Approvals, v.Override, v.Activated, v.Guards, v.Warnings, v.Note})
	}
	return e.addJSON("lists/"+list+".json", out, "All versions of list "+list+" as the store has them today: dates, SHA-256 of the uploads, uploaders and approvers.")
}

//go:embed evidence.txt
var evidenceReadme string

// readme explains the archive.
func (e *evidence) readme(keys []string) []byte {
	var files strings.Builder
	for _, f := range e.files {
		fmt.Fprintf(&files, "%s\n    %s\n", f.name, f.about)
	}
	return []byte(strings.NewReplacer("{CHECK}", e.check.CheckID, "{AT}", e.check.At.UTC().Format(time.RFC3339Nano), "{RESULT}", e.check.Result,
		"{KEYS}", strings.Join(keys, ","), "{FILES}", files.String()).Replace(evidenceReadme))
}

func (e *evidence) write(w io.Writer, keys []string) error {
	z := zip.NewWriter(w)
	files := slices.Concat([]evidenceFile{{name: "README.txt", data: e.readme(keys)}}, e.files)
	for _, f := range files {
		// the time of the check, so that the same content gives the same bytes
		part, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: e.check.At.UTC().Truncate(time.Second)})
		if err != nil {
			return err
		}
		if _, err := part.Write(f.data); err != nil {
			return err
		}
	}
	return z.Close()
}

// evidenceName is the name of the archive.
func evidenceName(checkID string) string { return "evidence-" + checkID + ".zip" }

func (s *Server) getEvidence(c *gin.Context, _ *auth.Principal) error {
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(uploadTime))
	id := strings.ToLower(c.Param("id"))
	var b bytes.Buffer
	if err := s.replay.Evidence(c.Request.Context(), id, &b); err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.Header("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": evidenceName(id)}))
	c.Data(http.StatusOK, "application/zip", b.Bytes())
	return nil
}
