package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
)

func (s *Server) getGenerations(c *gin.Context, _ *auth.Principal) error {
	q, err := query(c, "offset", "limit")
	if err != nil {
		return err
	}
	offset, limit, err := page(q)
	if err != nil {
		return err
	}
	all, err := s.loader.Generations(c.Request.Context())
	if err != nil {
		return err
	}
	views := []client.Generation{}
	for i := len(all) - 1 - offset; i >= 0 && len(views) < limit; i-- { // the newest first
		views = append(views, viewGeneration(&all[i]))
	}
	return render(c, http.StatusOK, gin.H{"generations": views, "total": len(all), "offset": offset})
}

func (s *Server) getGeneration(c *gin.Context, _ *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	g, err := s.loader.Generation(c.Request.Context(), n)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, viewGeneration(g))
}

func viewGeneration(g *lists.Generation) client.Generation {
	v := client.Generation{Generation: g.Number, At: g.At, By: g.By, Action: g.Action, List: g.List, Reason: g.Reason, Lists: []client.ActiveList{}}
	for _, a := range g.Lists {
		v.Lists = append(v.Lists, client.ActiveList{ID: a.List.ID, Name: a.List.Name, Version: a.Version, Published: a.Published, File: a.File,
			SHA256: a.SHA256, Addresses: a.Addresses, Listings: a.Listings})
	}
	return v
}
