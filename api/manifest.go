package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/lists/fault"
)

// Manifest is what servers that follow this one read.
type Manifest interface {
	// Manifest returns the signed manifest of the current generation.
	Manifest(ctx context.Context) ([]byte, error)
	// Object opens a file that a manifest names by its SHA-256.
	Object(ctx context.Context, sha256 string) (io.ReadSeekCloser, error)
}

// mayFollow refuses callers that are limited to some lists: the manifest has all of them.
func (s *Server) mayFollow(who *auth.Principal) error {
	switch {
	case who.Limited():
		return fault.E(fault.Forbidden, "the manifest has all lists: it needs a key that is not limited to some")
	case s.manifest == nil:
		return fault.E(fault.NotFound, "this server has no manifest")
	}
	return nil
}

func (s *Server) getManifest(c *gin.Context, who *auth.Principal) error {
	if err := s.mayFollow(who); err != nil {
		return err
	}
	signed, err := s.manifest.Manifest(c.Request.Context())
	if err != nil {
		return err
	}
	sum := sha256.Sum256(signed)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	c.Header("ETag", tag)
	c.Header("Cache-Control", "private, no-cache")
	if matches(c.GetHeader("If-None-Match"), tag) {
		c.Status(http.StatusNotModified)
		return nil
	}
	c.Data(http.StatusOK, "text/plain; charset=utf-8", signed)
	return nil
}

// getObject sends a file that never changes, or the part of it that is asked for.
func (s *Server) getObject(c *gin.Context, who *auth.Principal) error {
	if err := s.mayFollow(who); err != nil {
		return err
	}
	digest := param(c, "sha256")
	body, err := s.manifest.Object(c.Request.Context(), digest)
	if err != nil {
		return err
	}
	defer body.Close()
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(uploadTime))
	c.Header("Content-Type", "application/octet-stream")
	c.Header("ETag", `"`+digest+`"`)
	c.Header("Cache-Control", "private, max-age=31536000, immutable")
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, body)
	return nil
}
