package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
)

// Generations returns generations, the newest first, and how many there are.
func (a *Acting) Generations(ctx context.Context, offset, limit int) (views []client.Generation, total int, err error) {
	all, err := a.Loader.Generations(ctx)
	if err != nil {
		return nil, 0, err
	}
	views = []client.Generation{}
	for i := len(all) - 1 - offset; i >= 0 && len(views) < limit; i-- {
		views = append(views, viewGeneration(&all[i]))
	}
	return views, len(all), nil
}

// Generation returns one generation.
func (a *Acting) Generation(ctx context.Context, n int) (*client.Generation, error) {
	g, err := a.Loader.Generation(ctx, n)
	if err != nil {
		return nil, err
	}
	v := viewGeneration(g)
	return &v, nil
}

func (s *Server) getGenerations(c *gin.Context, who *auth.Principal) error {
	q, err := query(c, "offset", "limit")
	if err != nil {
		return err
	}
	offset, limit, err := page(q)
	if err != nil {
		return err
	}
	views, total, err := s.as(who).Generations(c.Request.Context(), offset, limit)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, gin.H{"generations": views, "total": total, "offset": offset})
}

func (s *Server) getGeneration(c *gin.Context, who *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	g, err := s.as(who).Generation(c.Request.Context(), n)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, g)
}

func viewGeneration(g *lists.Generation) client.Generation {
	v := client.Generation{Generation: g.Number, At: g.At, By: g.By, Action: g.Action, List: g.List, Reason: g.Reason, Lists: []client.ActiveList{}}
	for _, a := range g.Lists {
		v.Lists = append(v.Lists, client.ActiveList{ID: a.List.ID, Name: a.List.Name, Version: a.Version, Published: a.Published, File: a.File,
			SHA256: a.SHA256, Addresses: a.Addresses, Listings: a.Listings})
	}
	return v
}
