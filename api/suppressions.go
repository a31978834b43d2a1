package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
)

func (s *Server) postSuppression(c *gin.Context, who *auth.Principal) error {
	var in client.SuppressionRequest
	if err := bind(c, &in); err != nil {
		return err
	}
	x, err := s.as(who).ProposeSuppression(c.Request.Context(), param(c, "id"), in)
	if err != nil {
		return err
	}
	p, err := s.as(who).Proposal(c.Request.Context(), x.ID)
	if err != nil {
		return err
	}
	c.Header("Location", "/v1/lists/"+x.List+"/suppressions/"+x.ID)
	return render(c, http.StatusAccepted, struct {
		*client.Suppression
		Proposal *client.Proposal `json:"proposal"`
	}{x, p})
}

func (s *Server) getSuppressions(c *gin.Context, who *auth.Principal) error {
	all, err := s.as(who).Suppressions(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	return renderPage(c, "suppressions", all, func(x *client.Suppression) string { return x.ID })
}

func (s *Server) getSuppression(c *gin.Context, who *auth.Principal) error {
	x, err := s.as(who).Suppression(c.Request.Context(), param(c, "id"), param(c, "suppression"))
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, x)
}

func (s *Server) approveSuppression(c *gin.Context, who *auth.Principal) error {
	return s.decideSuppression(c, s.as(who).ApproveSuppression)
}

func (s *Server) rejectSuppression(c *gin.Context, who *auth.Principal) error {
	return s.decideSuppression(c, s.as(who).RejectSuppression)
}

func (s *Server) endSuppression(c *gin.Context, who *auth.Principal) error {
	return s.decideSuppression(c, s.as(who).EndSuppression)
}

func (s *Server) decideSuppression(c *gin.Context, decide func(ctx context.Context, list, id, reason string) (*client.Suppression, error)) error {
	return withReason(c, func(ctx context.Context, list, reason string) (*client.Suppression, error) {
		return decide(ctx, list, param(c, "suppression"), reason)
	})
}
