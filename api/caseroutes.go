package api

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists/address"
	"interdict/lists/fault"
)

// attachmentTime is how long one attachment may take to arrive.
const attachmentTime = 5 * time.Minute

func (s *Server) caseRoutes() {
	reads := []auth.Role{auth.Auditor, auth.Analyst, auth.Approver}
	works := []auth.Role{auth.Analyst, auth.Approver}
	s.route(http.MethodGet, "/v1/cases", s.getCases, reads...)
	s.route(http.MethodGet, "/v1/cases/counts", s.getCaseCounts, reads...)
	s.route(http.MethodPost, "/v1/cases/bulk", s.bulkCases, works...)
	s.route(http.MethodGet, "/v1/cases/:id", s.getCase, reads...)
	s.route(http.MethodPost, "/v1/cases/:id/take", s.takeCase, works...)
	s.route(http.MethodPost, "/v1/cases/:id/release", s.releaseCase, works...)
	s.route(http.MethodPost, "/v1/cases/:id/wait", s.waitCase, works...)
	s.route(http.MethodPost, "/v1/cases/:id/note", s.noteCase, works...)
	s.route(http.MethodPost, "/v1/cases/:id/recommend", s.recommendCase, works...)
	s.route(http.MethodPost, "/v1/cases/:id/resolve", s.resolveCase, auth.Approver)
	s.route(http.MethodPost, "/v1/cases/:id/attachments", s.attachToCase, works...)
	s.route(http.MethodGet, "/v1/cases/:id/attachments/:n", s.getAttachment, reads...)
}

func (s *Server) getCases(c *gin.Context, who *auth.Principal) error {
	in, err := query(c, "state", "queue", "kind", "taken_by", "list", "cursor", "limit")
	if err != nil {
		return err
	}
	q := client.CaseQuery{State: in["state"], Queue: in["queue"], Kind: in["kind"], TakenBy: in["taken_by"], List: in["list"], Cursor: in["cursor"]}
	if text := in["limit"]; text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 {
			return fault.E(fault.Invalid, "limit is 1 to %d", maxPage)
		}
	}
	page, err := s.as(who).Cases(c.Request.Context(), q)
	if err != nil {
		return err
	}
	for i := range page.Cases {
		page.Cases[i].Answer = nil
	}
	return render(c, http.StatusOK, page)
}

func (s *Server) getCase(c *gin.Context, who *auth.Principal) error {
	return renderCase(c, func(ctx context.Context, id string) (*client.Case, error) {
		out, err := s.as(who).Case(ctx, id)
		if err == nil && out.Kind == "look_back" {
			out.Current, err = s.replay.current(ctx, out.CheckID, who)
		}
		return out, err
	})
}

// renderCase answers with the case that comes of a call. The answer in it keeps its bytes.
func renderCase(c *gin.Context, call func(ctx context.Context, id string) (*client.Case, error)) error {
	out, err := call(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	return renderExactly(c, out)
}

// workOnCase makes a change whose arguments are the body.
func workOnCase[T any](c *gin.Context, change func(ctx context.Context, id string, in T) (*client.Case, error)) error {
	var in T
	if err := bind(c, &in); err != nil {
		return err
	}
	return renderCase(c, func(ctx context.Context, id string) (*client.Case, error) { return change(ctx, id, in) })
}

func (s *Server) takeCase(c *gin.Context, who *auth.Principal) error {
	return workOnCase(c, func(ctx context.Context, id string, in reasoned) (*client.Case, error) {
		return s.as(who).TakeCase(ctx, id, in.Reason)
	})
}

func (s *Server) releaseCase(c *gin.Context, who *auth.Principal) error {
	return workOnCase(c, func(ctx context.Context, id string, in reasoned) (*client.Case, error) {
		return s.as(who).ReleaseCase(ctx, id, in.Reason)
	})
}

func (s *Server) waitCase(c *gin.Context, who *auth.Principal) error {
	return workOnCase(c, func(ctx context.Context, id string, in client.CaseWait) (*client.Case, error) {
		return s.as(who).WaitCase(ctx, id, in.Reason, in.Until)
	})
}

func (s *Server) noteCase(c *gin.Context, who *auth.Principal) error {
	return workOnCase(c, func(ctx context.Context, id string, in struct {
		Note string `json:"note"`
	}) (*client.Case, error) {
		return s.as(who).NoteCase(ctx, id, in.Note)
	})
}

func (s *Server) recommendCase(c *gin.Context, who *auth.Principal) error {
	return workOnCase(c, func(ctx context.Context, id string, in client.CaseVerdict) (*client.Case, error) {
		return s.as(who).RecommendCase(ctx, id, in.Outcome, in.Reason)
	})
}

func (s *Server) resolveCase(c *gin.Context, who *auth.Principal) error {
	return workOnCase(c, func(ctx context.Context, id string, in client.CaseVerdict) (*client.Case, error) {
		return s.as(who).ResolveCase(ctx, id, in.Outcome, in.Reason)
	})
}

func (s *Server) bulkCases(c *gin.Context, who *auth.Principal) error {
	var in client.CaseBulk
	if err := bind(c, &in); err != nil {
		return err
	}
	results, err := s.as(who).BulkCases(c.Request.Context(), in)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, gin.H{"results": results})
}

func (s *Server) attachToCase(c *gin.Context, who *auth.Principal) error {
	q, err := query(c, "filename")
	if err != nil {
		return err
	}
	if _, err := s.as(who).Case(c.Request.Context(), param(c, "id")); err != nil { // before a byte of the body is read
		return err
	}
	if c.Request.ContentLength > client.MaxAttachmentBytes+formOverhead {
		return tooLarge(client.MaxAttachmentBytes)
	}
	p, err := s.uploads.begin(c.Request.ContentLength)
	if err != nil {
		return err
	}
	defer p.end()
	control, until := http.NewResponseController(c.Writer), time.Now().Add(attachmentTime)
	_ = control.SetWriteDeadline(until.Add(time.Minute)) // a writer that cannot set one has none
	c.Request.Body = &arriving{c.Request.Body, p, control, until}
	name, content, err := attachmentIn(c.Request)
	if err != nil {
		return err
	}
	if q["filename"] != "" {
		name = q["filename"]
	}
	return renderCase(c, func(ctx context.Context, id string) (*client.Case, error) {
		return s.as(who).AttachToCase(ctx, id, name, content)
	})
}

// formOverhead is how many bytes the parts of a form have beside the file.
const formOverhead = 64 << 10

// attachmentIn reads the one file of a request.
func attachmentIn(r *http.Request) (name string, content []byte, err error) {
	n := 0
	for part, err := range parts(r, client.MaxAttachmentBytes+formOverhead) {
		if err != nil {
			return "", nil, err
		}
		if n++; n > 1 {
			return "", nil, fault.E(fault.Invalid, "the multipart body has more than one file")
		}
		if content, err = io.ReadAll(io.LimitReader(part.Body, client.MaxAttachmentBytes+1)); err != nil {
			return "", nil, err
		}
		if len(content) > client.MaxAttachmentBytes {
			return "", nil, tooLarge(client.MaxAttachmentBytes)
		}
		name = part.Name
	}
	return name, content, nil
}

// CaseFile returns the content of an attachment, and its name.
func (a *Acting) CaseFile(ctx context.Context, id string, n int) (name string, content []byte, err error) {
	w, err := a.readCase(ctx, id)
	if err != nil {
		return "", nil, err
	}
	if n < 1 || n > len(w.doc.Attachments) {
		return "", nil, fault.E(fault.NotFound, "the case has no attachment %d", n)
	}
	f := w.doc.Attachments[n-1]
	blob, err := a.Store.OpenBlob(ctx, f.Blob)
	if err != nil {
		return "", nil, err
	}
	defer blob.Close()
	if content, err = io.ReadAll(blob); err != nil { // whole, so that damage is no cut file
		return "", nil, err
	}
	return f.Name, content, nil
}

// getAttachment sends a file that nobody should trust: a browser saves it, and neither guesses what it is nor shows it.
func (s *Server) getAttachment(c *gin.Context, who *auth.Principal) error {
	n, err := strconv.Atoi(param(c, "n"))
	if err != nil {
		return fault.E(fault.NotFound, "the case has no attachment %s", address.Quote(param(c, "n")))
	}
	name, content, err := s.as(who).CaseFile(c.Request.Context(), param(c, "id"), n)
	if err != nil {
		return err
	}
	SendFile(c.Writer, name, content)
	return nil
}

// SendFile answers with a file that nobody should trust.
func SendFile(w http.ResponseWriter, name string, content []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(http.StatusOK)
	_, _ = bytes.NewReader(content).WriteTo(w) // the caller is gone if it fails
}
