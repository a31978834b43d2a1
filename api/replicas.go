package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

// Replicas returns the live replicas, and which generations they serve.
func (a *Acting) Replicas(ctx context.Context) (*client.Replicas, error) {
	live, err := lists.Replicas(ctx, a.Store, a.Now())
	if err != nil {
		return nil, err
	}
	head, _, err := lists.Read[lists.Head](ctx, a.Store, lists.DocHead)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	out := &client.Replicas{Replicas: live, Generation: head.Generation}
	if live == nil {
		out.Replicas = []lists.Replica{}
	}
	for i, r := range live {
		if i == 0 || r.Generation < out.Lowest {
			out.Lowest = r.Generation
		}
		out.Highest = max(out.Highest, r.Generation)
		if r.Generation < head.Generation {
			out.Behind++
		}
		if r.Lost {
			out.Lost++
		}
	}
	return out, nil
}

func (s *Server) getReplicas(c *gin.Context, who *auth.Principal) error {
	out, err := s.as(who).Replicas(c.Request.Context())
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, out)
}

// restore brings back into the store what this replica serves and the store has lost.
func (s *Server) restore(c *gin.Context, who *auth.Principal) error {
	var in reasoned
	if err := bind(c, &in); err != nil {
		return err
	}
	ctx := c.Request.Context()
	cache := s.cache()
	if cache == nil {
		return fault.E(fault.Conflict, "this server keeps no cache to restore from (--cache)")
	}
	if err := s.screener.SaveCache(ctx); err != nil {
		return err
	}
	out, err := s.loader.Restore(ctx, cache, s.screener.Status().Served, who.Name, in.Reason)
	if err != nil {
		return err
	}
	if out.Generation == 0 {
		if err := s.lostElsewhere(ctx); err != nil {
			return err
		}
	}
	s.catchUp(ctx)
	return render(c, http.StatusOK, out)
}

// lostElsewhere names the replicas that serve a generation which the store has lost, as an error.
func (s *Server) lostElsewhere(ctx context.Context) error {
	live, err := lists.Replicas(ctx, s.store, s.now())
	if err != nil {
		return err
	}
	var ids []string
	for _, r := range live {
		if r.Lost {
			ids = append(ids, fmt.Sprintf("%s (generation %d)", r.ID, r.Generation))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return fault.E(fault.Conflict, "this server serves nothing that is lost; ask the one that does: replica %s", strings.Join(ids, ", "))
}
