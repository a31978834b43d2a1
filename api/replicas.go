package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/fault"
)

func (s *Server) getReplicas(c *gin.Context, _ *auth.Principal) error {
	ctx := c.Request.Context()
	live, err := lists.Replicas(ctx, s.store, s.now())
	if err != nil {
		return err
	}
	if live == nil {
		live = []lists.Replica{}
	}
	head, _, err := lists.Read[lists.Head](ctx, s.store, lists.DocHead)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	lowest, highest, behind, lost := 0, 0, 0, 0
	for i, r := range live {
		if i == 0 || r.Generation < lowest {
			lowest = r.Generation
		}
		highest = max(highest, r.Generation)
		if r.Generation < head.Generation {
			behind++
		}
		if r.Lost {
			lost++
		}
	}
	return render(c, http.StatusOK, gin.H{"replicas": live, "generation": head.Generation, "lowest": lowest, "highest": highest, "behind": behind, "lost": lost})
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
