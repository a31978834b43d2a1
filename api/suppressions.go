package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/fault"
)

// suppressionView is a suppression as callers see it.
type suppressionView struct {
	ID         string                 `json:"id"`
	List       string                 `json:"list"`
	Address    string                 `json:"address"`
	Network    string                 `json:"network,omitempty"`
	Listings   int                    `json:"listings"` // that it is for
	Reason     string                 `json:"reason"`
	Until      time.Time              `json:"until"`
	State      lists.SuppressionState `json:"state"`
	ProposedBy string                 `json:"proposed_by"`
	ProposedAt time.Time              `json:"proposed_at"`
	Decided    *lists.Approval        `json:"decided,omitempty"`
	Closed     *lists.Approval        `json:"closed,omitempty"`
}

func (s *Server) viewSuppression(x *lists.Suppression) suppressionView {
	return suppressionView{x.ID, x.List, x.Address, x.Network, len(x.Listings), x.Reason, x.Until, x.StateAt(s.now()), x.ProposedBy, x.ProposedAt, x.Decided, x.Closed}
}

func (s *Server) postSuppression(c *gin.Context, who *auth.Principal) error {
	var in struct {
		Address string    `json:"address"`
		Network string    `json:"network"`
		Reason  string    `json:"reason"`
		Until   time.Time `json:"until"`
	}
	if err := bind(c, &in); err != nil {
		return err
	}
	if in.Address == "" {
		return fault.E(fault.Invalid, "address: is missing")
	}
	x, err := s.loader.ProposeSuppression(c.Request.Context(), param(c, "id"), in.Address, in.Network, in.Reason, in.Until, who.Name)
	if err != nil {
		return err
	}
	c.Header("Location", "/v1/lists/"+x.List+"/suppressions/"+x.ID)
	return render(c, http.StatusCreated, s.viewSuppression(x))
}

func (s *Server) getSuppressions(c *gin.Context, _ *auth.Principal) error {
	all, err := s.loader.Suppressions(c.Request.Context(), param(c, "id"))
	if err != nil {
		return err
	}
	views := make([]suppressionView, len(all))
	for i := range all {
		views[i] = s.viewSuppression(&all[i])
	}
	return render(c, http.StatusOK, gin.H{"suppressions": views})
}

func (s *Server) getSuppression(c *gin.Context, _ *auth.Principal) error {
	x, err := s.loader.Suppression(c.Request.Context(), param(c, "id"), suppressionID(c))
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, s.viewSuppression(x))
}

// suppressionID is the id in the path; one that cannot be is that of no suppression, and the store is not asked for its key.
func suppressionID(c *gin.Context) string {
	if id := param(c, "suppression"); isID(id) {
		return id
	}
	return "none"
}

func (s *Server) approveSuppression(c *gin.Context, who *auth.Principal) error {
	return s.judgeSuppression(c, who, s.loader.ApproveSuppression)
}

func (s *Server) rejectSuppression(c *gin.Context, who *auth.Principal) error {
	return s.judgeSuppression(c, who, s.loader.RejectSuppression)
}

func (s *Server) endSuppression(c *gin.Context, who *auth.Principal) error {
	return s.judgeSuppression(c, who, s.loader.EndSuppression)
}

func (s *Server) judgeSuppression(c *gin.Context, who *auth.Principal,
	judge func(ctx context.Context, list, id, by, reason string) (*lists.Suppression, error)) error {
	var in verdict
	if err := bind(c, &in); err != nil {
		return err
	}
	x, err := judge(c.Request.Context(), param(c, "id"), suppressionID(c), who.Name, in.Reason)
	if err != nil {
		return err
	}
	s.catchUp(c.Request.Context())
	return render(c, http.StatusOK, s.viewSuppression(x))
}
