package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
)

func (s *Server) getLists(c *gin.Context, who *auth.Principal) error {
	all, err := s.as(who).Lists(c.Request.Context())
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, gin.H{"lists": all})
}

func (s *Server) getList(c *gin.Context, who *auth.Principal) error {
	l, err := s.as(who).List(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, l)
}

func (s *Server) putList(c *gin.Context, who *auth.Principal) error {
	var in client.ListSettings
	if err := bind(c, &in); err != nil {
		return err
	}
	l, created, err := s.as(who).setList(c.Request.Context(), param(c, "id"), in)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return render(c, status, l)
}

func (s *Server) deleteList(c *gin.Context, who *auth.Principal) error {
	if err := s.as(who).DeleteList(c.Request.Context(), param(c, "id")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
