package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
)

func (s *Server) getMe(c *gin.Context, who *auth.Principal) error {
	me := client.Me{Person: who.Actor.Person, Credential: who.Actor.Credential, Roles: roleNames(who.Roles()), Lists: who.Lists(), Setup: s.keys.Setup(), FourEyes: "on"}
	if s.alone != "" {
		me.FourEyes = "off"
	}
	return render(c, http.StatusOK, me)
}

func (s *Server) getPeople(c *gin.Context, who *auth.Principal) error {
	all, err := s.as(who).AllPeople(c.Request.Context())
	if err != nil {
		return err
	}
	return renderPage(c, "people", all, func(p *client.StaffAccount) string { return p.ID })
}

func (s *Server) postPerson(c *gin.Context, who *auth.Principal) error {
	var in client.AccountRequest
	if err := bind(c, &in); err != nil {
		return err
	}
	account, err := s.as(who).CreatePerson(c.Request.Context(), in)
	if err != nil {
		return err
	}
	return render(c, http.StatusCreated, account)
}

func (s *Server) setPersonRoles(c *gin.Context, who *auth.Principal) error {
	var in client.RolesRequest
	if err := bind(c, &in); err != nil {
		return err
	}
	account, err := s.as(who).SetRoles(c.Request.Context(), param(c, "id"), in)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, account)
}

func (s *Server) resetPerson(c *gin.Context, who *auth.Principal) error {
	return withReason(c, s.as(who).ResetPerson)
}

func (s *Server) disablePerson(c *gin.Context, who *auth.Principal) error {
	return withReason(c, s.as(who).DisablePerson)
}
