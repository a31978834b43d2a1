package api

import (
	"context"
	"errors"
	"io"
	"iter"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/lists/spans"
	"interdict/loader"
)

// background is from which size on an upload is staged after the answer.
const background = 8 << 20

func (s *Server) upload(c *gin.Context, who *auth.Principal) error {
	q, err := query(c, "format", "mode", "note", "filename", "published", "mapping", "wait", "dry_run")
	if err != nil {
		return err
	}
	mapping, err := mappingOf(q["mapping"])
	if err != nil {
		return err
	}
	for _, name := range []string{"wait", "dry_run"} {
		if q[name] != "" && q[name] != "true" && q[name] != "false" {
			return fault.E(fault.Invalid, "%s must be true or false", name)
		}
	}
	list, dryRun := param(c, "id"), q["dry_run"] == "true"
	options := loader.StageOptions{Format: q["format"], Mode: lists.Mode(q["mode"]), Note: q["note"], By: who.Actor, Published: q["published"], Mapping: mapping,
		Approver: who.May(auth.Approver), DryRun: dryRun}
	ctx, cancel := context.WithTimeout(c.Request.Context(), uploadTime)
	defer cancel()
	if err := s.loader.CanStage(ctx, list, options); err != nil { // before a byte of the body is read
		return err
	}
	files, place, err := s.receive(ctx, c)
	if err != nil {
		return err
	}
	end := place.end
	defer func() { end() }()
	files.Name(q["filename"])
	later := !dryRun && (q["wait"] == "false" || q["wait"] == "" && files.SizeBytes() > background)
	staging, err := s.loader.Begin(ctx, list, files, options)
	if err != nil {
		return err
	}
	v := staging.Version()
	status := http.StatusCreated
	switch {
	case staging.Ready(): // the same bytes are active: nothing is made
		if _, err := staging.Run(ctx); err != nil {
			return err
		}
		status = http.StatusOK
	case dryRun:
		done, err := staging.Run(ctx)
		if err != nil {
			return err
		}
		return render(c, http.StatusOK, done)
	case later && s.stageLater(ctx, staging, place):
		end, status = func() {}, http.StatusAccepted
	default:
		done, err := staging.Run(ctx)
		if err != nil {
			return err
		}
		v = *done
	}
	c.Header("Location", "/v1/lists/"+v.List+"/versions/"+strconv.Itoa(v.Number))
	return render(c, status, v)
}

// receive copies an upload to local disk. The place that it takes is to be given back when it has been read.
func (s *Server) receive(ctx context.Context, c *gin.Context) (*loader.Received, *place, error) {
	p, err := s.uploads.begin(c.Request.ContentLength)
	if err != nil {
		return nil, nil, err
	}
	control, until := http.NewResponseController(c.Writer), time.Now().Add(uploadTime)
	_ = control.SetWriteDeadline(until) // a writer that cannot set one has none
	c.Request.Body = &arriving{c.Request.Body, p, control, until}
	files, err := s.loader.Receive(ctx, parts(c.Request, loader.MaxUploadBytes))
	if err != nil {
		p.end()
		return nil, nil, err
	}
	_ = control.SetReadDeadline(until)
	return files, p, nil
}

// stageLater reads an upload into its version after the answer; false when the server is closing.
func (s *Server) stageLater(asked context.Context, staging *loader.Staging, p *place) bool {
	v := staging.Version()
	return s.inBackground(func(ctx context.Context) {
		defer p.end()
		if _, err := staging.Run(spans.Continue(ctx, asked)); err != nil {
			s.log.Warn("an upload could not be staged", "list", v.List, "version", v.Number, "error", err)
		}
	})
}

// mappingOf reads "address=Wallet;entity=Owner;category:phishing=scam". The format's reader checks the fields.
func mappingOf(text string) (map[string]string, error) {
	if text == "" {
		return nil, nil
	}
	out := map[string]string{}
	for pair := range strings.SplitSeq(text, ";") {
		field, column, ok := strings.Cut(pair, "=")
		if _, twice := out[field]; !ok || field == "" || column == "" || twice {
			return nil, fault.E(fault.Invalid, "mapping must be field=column;field=column, each field once")
		}
		out[field] = column
	}
	return out, nil
}

// parts yields the uploaded files as they come in: the raw body, or the multipart fields named "file"; a multipart body has limit
// bytes at the most.
func parts(r *http.Request, limit int64) iter.Seq2[loader.Upload, error] {
	return func(yield func(loader.Upload, error) bool) {
		media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || !strings.HasPrefix(media, "multipart/") {
			yield(loader.Upload{Name: "upload", Body: whole{r}}, nil)
			return
		}
		if media != "multipart/form-data" || params["boundary"] == "" {
			yield(loader.Upload{}, fault.E(fault.UnsupportedMedia, "send the file as the raw body, or as field file of multipart/form-data"))
			return
		}
		form := multipart.NewReader(http.MaxBytesReader(nil, r.Body, limit), params["boundary"])
		for n := 0; ; n++ {
			part, err := form.NextPart()
			switch {
			case errors.Is(err, io.EOF):
				if n == 0 {
					yield(loader.Upload{}, fault.E(fault.Invalid, "the multipart body has no field named file"))
				}
				return
			case err != nil:
				err = formError(err, limit)
			case part.FileName() == "":
				err = fault.E(fault.Invalid, "multipart field %s is not a file; format, mode, note and filename go into the query", address.Quote(part.FormName()))
			case part.FormName() != "file":
				err = fault.E(fault.Invalid, "multipart field %s is unknown; the file goes into the field file", address.Quote(part.FormName()))
			}
			if err != nil {
				yield(loader.Upload{}, err)
				return
			}
			if !yield(loader.Upload{Name: fileName(part), Body: formPart{part, limit}}, nil) {
				return
			}
		}
	}
}

// fileName returns the whole name of an uploaded file: part.FileName cuts it at the last slash, which may be within a key in base64.
func fileName(part *multipart.Part) string {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return part.FileName()
	}
	return params["filename"]
}

// formPart is one file of a form.
type formPart struct {
	r     io.Reader
	limit int64
}

func (p formPart) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = formError(err, p.limit)
	}
	return n, err
}

func formError(err error, limit int64) error {
	var full *http.MaxBytesError
	switch {
	case errors.As(err, &full):
		return tooLarge(limit)
	case fault.KindOf(err) != fault.Internal:
		return err
	}
	return fault.E(fault.Invalid, "the multipart body is malformed or broke off: %s", withoutSecrets(err, "a header of a part"))
}

// whole reads a raw body and notices when fewer bytes come than were announced.
type whole struct{ r *http.Request }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.r.Body.Read(p)
	if err != nil && err != io.EOF && fault.KindOf(err) == fault.Internal {
		return n, fault.E(fault.Invalid, "%w", err)
	}
	return n, err
}
