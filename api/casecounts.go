package api

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists/fault"
	"interdict/screening"
	"interdict/screening/archive"
	"interdict/screening/cases"
)

func (s *Server) getCaseCounts(c *gin.Context, who *auth.Principal) error {
	in, err := query(c, "state", "kind", "taken_by", "list")
	if err != nil {
		return err
	}
	counts, err := s.as(who).CaseCounts(c.Request.Context(), client.CaseQuery{State: in["state"], Kind: in["kind"], TakenBy: in["taken_by"], List: in["list"]})
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, counts)
}

// CaseCounts counts the cases that in selects and that are not resolved. Like Cases, it holds the documents of the cases on which people work, and one
// chunk of the index at a time.
func (a *Acting) CaseCounts(ctx context.Context, in client.CaseQuery) (*client.CaseCounts, error) {
	index, err := a.casesOf()
	if err != nil {
		return nil, err
	}
	in.Queue, in.Cursor, in.Limit = "", "", 0
	s, err := a.selectCases(&in)
	if err != nil {
		return nil, err
	}
	if s.state == string(cases.Resolved) || s.state == "all" {
		return nil, fault.E(fault.Invalid, "state: use one of %v", CaseStates[:4])
	}
	if err := a.readDocs(ctx, s); err != nil {
		return nil, err
	}
	out := &client.CaseCounts{TakenBy: map[string]int{}}
	for alert, err := range s.alerts(ctx, index) {
		if err != nil {
			return nil, err
		}
		w := s.workOf(&alert)
		if !a.mayUseAll(alert.Created.Terms.Lists) || !s.selects(w) {
			continue
		}
		queue, err := index.queues.of(&alert)
		if err != nil {
			return nil, err
		}
		out.Add(queue, string(w.doc.State), w.doc.TakenBy)
	}
	return out, nil
}

// knownQueues remembers the queues of cases, which never change: to read one from its record takes several times as long as to find the record. The zero
// value knows none.
type knownQueues struct {
	mu         sync.Mutex
	young, old map[string]string // by id; old has those that were not asked for since young was begun
}

// knownAtOnce is how many queues each of the two maps has at most: 8 MB together.
const knownAtOnce = 1 << 15

func (k *knownQueues) of(alert *archive.AlertState) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	queue, known := k.young[alert.ID]
	if known {
		return queue, nil
	}
	if queue, known = k.old[alert.ID]; !known {
		var err error
		if queue, err = queueOf(&alert.Created); err != nil {
			return "", err
		}
	}
	if k.young == nil || len(k.young) == knownAtOnce {
		k.young, k.old = map[string]string{}, k.young
	}
	k.young[alert.ID] = queue
	return queue, nil
}

// queueOf returns the queue of the case that a record created.
func queueOf(e *archive.Entry) (string, error) {
	if archive.OriginOf(e.Kind) != archive.Hits {
		r, err := alertRecordOf(e)
		if err != nil {
			return "", err
		}
		return string(lookBackQueue(&r)), nil
	}
	d, err := screening.DecodeRecord(e.Kind, e.ID, e.Time, e.Payload)
	if err != nil {
		return "", err
	}
	told, err := archive.OutcomeOf(d.Answer)
	return string(told.Queue()), err
}

func alertRecordOf(e *archive.Entry) (r archive.AlertRecord, err error) {
	if err := json.Unmarshal(e.Payload, &r); err != nil {
		return r, fault.E(fault.Unavailable, "alert %s cannot be read: %w", e.Terms.Alert.ID, err)
	}
	return r, nil
}
