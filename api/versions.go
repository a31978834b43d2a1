package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/lists"
)

func (s *Server) getVersions(c *gin.Context, who *auth.Principal) error {
	all, err := s.as(who).Versions(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	return renderPage(c, "versions", all, func(v *lists.Version) string { return strconv.Itoa(v.Number) })
}

func (s *Server) getVersion(c *gin.Context, who *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	v, err := s.as(who).Version(c.Request.Context(), param(c, "id"), n)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, v)
}

// reasoned is the body of calls that need a reason and nothing else.
type reasoned struct {
	Reason string `json:"reason"`
}

func (s *Server) approve(c *gin.Context, who *auth.Principal) error {
	return s.decide(c, s.as(who).Approve)
}

func (s *Server) reject(c *gin.Context, who *auth.Principal) error {
	return s.decide(c, s.as(who).Reject)
}

func (s *Server) decide(c *gin.Context, decide func(ctx context.Context, list string, n int, reason string) (*lists.Version, error)) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	return withReason(c, func(ctx context.Context, list, reason string) (*lists.Version, error) {
		return decide(ctx, list, n, reason)
	})
}

func (s *Server) activate(c *gin.Context, who *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	q, err := query(c, "override")
	if err != nil {
		return err
	}
	var in struct {
		Override string `json:"override"`
	}
	in.Override = q["override"]
	if err := bind(c, &in); err != nil {
		return err
	}
	out, err := s.as(who).Activate(c.Request.Context(), param(c, "id"), n, in.Override)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, out)
}

func (s *Server) rollback(c *gin.Context, who *auth.Principal) error {
	return withReason(c, s.as(who).Rollback)
}

func (s *Server) retire(c *gin.Context, who *auth.Principal) error {
	return withReason(c, s.as(who).Retire)
}
