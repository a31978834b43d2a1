package api

import (
	"net/http"

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
	lowest, highest, behind := 0, 0, 0
	for i, r := range live {
		if i == 0 || r.Generation < lowest {
			lowest = r.Generation
		}
		highest = max(highest, r.Generation)
		if r.Generation < head.Generation {
			behind++
		}
	}
	return render(c, http.StatusOK, gin.H{"replicas": live, "generation": head.Generation, "lowest": lowest, "highest": highest, "behind": behind})
}

// restore puts back into the store what this replica serves and the store has lost.
func (s *Server) restore(c *gin.Context, who *auth.Principal) error {
	var in verdict
	if err := bind(c, &in); err != nil {
		return err
	}
	if s.cache == nil {
		return fault.E(fault.Conflict, "this server keeps no cache to restore from (--cache)")
	}
	if err := s.screener.SaveCache(c.Request.Context()); err != nil {
		return err
	}
	out, err := s.loader.Restore(c.Request.Context(), s.cache, who.Name, in.Reason)
	if err != nil {
		return err
	}
	s.catchUp(c.Request.Context())
	return render(c, http.StatusOK, out)
}
