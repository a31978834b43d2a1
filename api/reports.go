package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/report"
)

// Timeliness returns how long versions took from publication until every replica answered from them.
func (a *Acting) Timeliness(ctx context.Context, q client.TimelinessQuery) (*lists.Timeliness, error) {
	if q.List != "" && (!isID(q.List) || a.person.MayUse != nil && !a.person.MayUse(q.List)) {
		return nil, noSuchList(q.List)
	}
	out, err := report.Timeliness(ctx, a.Store, report.TimelinessQuery{List: q.List, From: q.From, To: q.To, May: a.person.MayUse})
	if fault.Is(err, fault.NotFound) {
		return nil, noSuchList(q.List)
	}
	return out, err
}

func noSuchList(id string) error {
	return fault.E(fault.NotFound, "no such list: %s", address.Quote(id))
}

func (s *Server) getTimeliness(c *gin.Context, who *auth.Principal) error {
	in, err := query(c, "list", "from", "to")
	if err != nil {
		return err
	}
	q := client.TimelinessQuery{List: in["list"]}
	if q.From, q.To, err = period(in); err != nil {
		return err
	}
	out, err := s.as(who).Timeliness(c.Request.Context(), q)
	if err != nil {
		return err
	}
	if wantsCSV(c) {
		table := [][]string{report.TimelinessColumns}
		for i := range out.Activations {
			table = append(table, report.TimelinessCells(&out.Activations[i]))
		}
		return renderCSV(c, table)
	}
	return render(c, http.StatusOK, out)
}
