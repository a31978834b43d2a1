package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

func (s *Server) getVersions(c *gin.Context, who *auth.Principal) error {
	all, err := s.as(who).Versions(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, gin.H{"versions": all})
}

func (s *Server) getVersion(c *gin.Context, who *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	v, err := s.as(who).Version(c.Request.Context(), param(c, "id"), n)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, v)
}

func (s *Server) diff(c *gin.Context, who *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	q, err := query(c, "against", "offset", "limit")
	if err != nil {
		return err
	}
	offset, limit, err := page(q)
	if err != nil {
		return err
	}
	id := param(c, "id")
	v, err := s.as(who).Version(c.Request.Context(), id, n)
	if err != nil {
		return err
	}
	against := v.Diff.Against
	if q["against"] != "" {
		if against, err = strconv.Atoi(q["against"]); err != nil || against < 0 {
			return fault.E(fault.Invalid, "against must be the number of a version, or 0 for nothing")
		}
	}
	rows := []client.DiffRow{}
	at := 0
	counts, err := s.as(who).Diff(c.Request.Context(), id, against, n, func(r client.DiffRow) error {
		if at >= offset && len(rows) < limit {
			rows = append(rows, r)
		}
		at++
		return nil
	})
	if err != nil {
		return err
	}
	if wantsCSV(c) {
		table := [][]string{client.DiffColumns}
		for i := range rows {
			table = append(table, rows[i].Cells())
		}
		return renderCSV(c, table)
	}
	return render(c, http.StatusOK, gin.H{"list": id, "version": n, "against": against, "counts": counts, "total": at, "offset": offset, "rows": rows})
}

func (s *Server) quarantine(c *gin.Context, who *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	q, err := query(c, "offset", "limit")
	if err != nil {
		return err
	}
	offset, limit, err := page(q)
	if err != nil {
		return err
	}
	rows := []lists.Quarantined{}
	at := 0
	if err := s.as(who).Quarantine(c.Request.Context(), param(c, "id"), n, func(r lists.Quarantined) error {
		if at >= offset && len(rows) < limit {
			rows = append(rows, r)
		}
		at++
		return nil
	}); err != nil {
		return err
	}
	if wantsCSV(c) {
		table := [][]string{lists.QuarantineColumns}
		for i := range rows {
			table = append(table, rows[i].Cells())
		}
		return renderCSV(c, table)
	}
	return render(c, http.StatusOK, gin.H{"list": param(c, "id"), "version": n, "total": at, "offset": offset, "rows": rows})
}

// reasoned is the body of calls that need a reason and nothing else.
type reasoned struct {
	Reason string `json:"reason"`
}

func (s *Server) approve(c *gin.Context, who *auth.Principal) error {
	return s.decide(c, s.as(who).Approve)
}

func (s *Server) reject(c *gin.Context, who *auth.Principal) error {
	return s.decide(c, s.as(who).Reject)
}

func (s *Server) decide(c *gin.Context, decide func(ctx context.Context, list string, n int, reason string) (*lists.Version, error)) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	return withReason(c, func(ctx context.Context, list, reason string) (*lists.Version, error) {
		return decide(ctx, list, n, reason)
	})
}

func (s *Server) activate(c *gin.Context, who *auth.Principal) error {
	n, err := number(c)
	if err != nil {
		return err
	}
	q, err := query(c, "override")
	if err != nil {
		return err
	}
	var in struct {
		Override string `json:"override"`
	}
	in.Override = q["override"]
	if err := bind(c, &in); err != nil {
		return err
	}
	out, err := s.as(who).Activate(c.Request.Context(), param(c, "id"), n, in.Override)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, out)
}

func (s *Server) rollback(c *gin.Context, who *auth.Principal) error {
	return withReason(c, s.as(who).Rollback)
}

func (s *Server) retire(c *gin.Context, who *auth.Principal) error {
	return withReason(c, s.as(who).Retire)
}
