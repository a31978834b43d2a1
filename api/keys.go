package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
)

func (s *Server) getKeys(c *gin.Context, who *auth.Principal) error {
	all, err := s.as(who).AllKeys(c.Request.Context())
	if err != nil {
		return err
	}
	return renderPage(c, "keys", all, func(k *client.Key) string { return k.ID })
}

func (s *Server) postKey(c *gin.Context, who *auth.Principal) error {
	var in client.KeyRequest
	if err := bind(c, &in); err != nil {
		return err
	}
	key, err := s.as(who).CreateKey(c.Request.Context(), in)
	if err != nil {
		return err
	}
	return render(c, http.StatusCreated, key)
}

func (s *Server) rotateKey(c *gin.Context, who *auth.Principal) error {
	var in client.Rotation
	if err := bind(c, &in); err != nil {
		return err
	}
	key, err := s.as(who).RotateKey(c.Request.Context(), param(c, "id"), in)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, key)
}

func (s *Server) deleteKey(c *gin.Context, who *auth.Principal) error {
	if err := s.as(who).RevokeKey(c.Request.Context(), param(c, "id")); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
