package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
	"interdict/loader"
)

func (s *Server) getLists(c *gin.Context, who *auth.Principal) error {
	all, err := s.as(who).Lists(c.Request.Context())
	if err != nil {
		return err
	}
	return renderPage(c, "lists", all, func(l *client.List) string { return l.ID })
}

func (s *Server) getList(c *gin.Context, who *auth.Principal) error {
	tag, err := s.etag(c) // before the list is read: if it changes in between, the tag is the older one
	if err != nil {
		return err
	}
	l, err := s.as(who).List(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	c.Header("ETag", tag)
	return render(c, http.StatusOK, l)
}

// etag returns the entity tag of a list's settings.
func (s *Server) etag(c *gin.Context) (string, error) {
	revision, err := s.loader.Revision(c.Request.Context(), param(c, "id"))
	return fmt.Sprintf(`"r%d"`, revision), err
}

// conditions reads If-Match and If-None-Match (RFC 9110, section 13.1).
func conditions(h http.Header) (o loader.ChangeOptions, err error) {
	if text := strings.TrimSpace(h.Get("If-None-Match")); text != "" {
		if text != "*" {
			return o, fault.E(fault.Invalid, "If-None-Match: only * is understood here")
		}
		o.New = true
	}
	switch text := strings.TrimSpace(h.Get("If-Match")); text {
	case "":
	case "*":
		o.Match = lists.AnyRevision
	default:
		number, ok := strings.CutPrefix(strings.Trim(text, `"`), "r")
		if o.Match, err = strconv.ParseUint(number, 10, 64); !ok || err != nil || o.Match == 0 {
			return o, fault.E(fault.Precondition, "If-Match: is not the ETag of the list: read it again")
		}
	}
	return o, nil
}

func (s *Server) putList(c *gin.Context, who *auth.Principal) error {
	var in client.ListSettings
	if err := bind(c, &in); err != nil {
		return err
	}
	o, err := conditions(c.Request.Header)
	if err != nil {
		return err
	}
	l, created, err := s.as(who).setList(c.Request.Context(), param(c, "id"), in, o)
	if err != nil {
		return err
	}
	if tag, err := s.etag(c); err == nil {
		c.Header("ETag", tag)
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
