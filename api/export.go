package api

import (
	"bufio"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
)

func (s *Server) exportActive(c *gin.Context, who *auth.Principal) error {
	n, err := s.as(who).active(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	return s.sendExport(c, who, n)
}

func (s *Server) exportVersion(c *gin.Context, who *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	return s.sendExport(c, who, n)
}

// sendExport streams a version. What goes wrong after the first byte breaks the connection off: half a list must not look like one.
func (s *Server) sendExport(c *gin.Context, who *auth.Principal, n int) error {
	q, err := query(c, "as")
	if err != nil {
		return err
	}
	form := q["as"]
	if form == "" {
		form = loader.ExportForms[0]
	}
	if needed := []auth.Role{auth.Analyst, auth.Auditor}; form == "published" && !who.May(needed...) {
		return fault.E(fault.Forbidden, "the uploaded bytes need one of the roles %v", needed)
	}
	id := param(c, "id")
	v, err := s.loader.Version(c.Request.Context(), id, n)
	if err != nil {
		return err
	}
	name, media := fmt.Sprintf("%s-%d.%s", id, n, form), "application/x-ndjson"
	switch {
	case form == "csv":
		media = "text/csv; charset=utf-8"
	case form == "published" && len(v.Sources) > 1:
		name, media = fmt.Sprintf("%s-%d.zip", id, n), "application/octet-stream"
	case form == "published":
		name, media = v.File, "application/octet-stream"
	}
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(uploadTime))
	w := &started{c: c, media: media, name: name, secrets: form == "published" && v.HeldSecrets()}
	buffered := bufio.NewWriterSize(w, 64<<10)
	if err = s.loader.Export(c.Request.Context(), id, n, form, buffered); err == nil {
		err = buffered.Flush()
	}
	if err == nil && !w.yes {
		_, err = w.Write(nil) // an empty version
	}
	if err != nil && w.yes {
		s.log.Warn("an export broke off", "request_id", requestID(c), "list", id, "version", n, "error", err)
		panic(http.ErrAbortHandler)
	}
	return err
}

// started sends the headers with the first byte, so that an error before it can still be told.
type started struct {
	c           *gin.Context
	media, name string
	secrets     bool // the bytes hold private keys, seeds or API keys
	yes         bool
}

func (s *started) Write(b []byte) (int, error) {
	if !s.yes {
		s.yes = true
		h := s.c.Writer.Header()
		h.Set("Content-Type", s.media)
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": s.name}))
		h.Set("Cache-Control", "no-store")
		if s.secrets {
			h.Set("X-Interdict-Warning", lists.WarnSecrets)
		}
		s.c.Status(http.StatusOK)
		s.c.Writer.WriteHeaderNow()
	}
	return s.c.Writer.Write(b)
}
