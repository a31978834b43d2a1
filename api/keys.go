package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
)

func (s *Server) getKeys(c *gin.Context, _ *auth.Principal) error {
	all, err := s.keys.List(c.Request.Context())
	if err != nil {
		return err
	}
	for i := range all {
		all[i].MAC = nil
	}
	return render(c, http.StatusOK, gin.H{"keys": all})
}

func (s *Server) postKey(c *gin.Context, who *auth.Principal) error {
	var in struct {
		Name  string      `json:"name"`
		Roles []auth.Role `json:"roles"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	text, key, err := s.keys.Create(c.Request.Context(), in.Name, in.Roles, who.Name)
	if err != nil {
		return err
	}
	return render(c, http.StatusCreated, struct {
		auth.Key
		Text string `json:"key"` // shown this once
	}{key, text})
}

func (s *Server) deleteKey(c *gin.Context, who *auth.Principal) error {
	if err := s.keys.Revoke(c.Request.Context(), param(c, "id"), who.Name); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
