package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"

	"interdict/lists"
	"interdict/lists/fault"
)

// CheckRequest is one question: may a transfer with this address go on? Address and Direction are required.
type CheckRequest struct {
	Address   string          `json:"address"`             // as written; it is sent unchanged
	Network   string          `json:"network,omitempty"`   // of the transfer: a name, a CAIP-2 id or a ticker
	Asset     string          `json:"asset,omitempty"`     // of the transfer
	Direction lists.Direction `json:"direction"`           // lists.Deposit or lists.Withdrawal
	Reference string          `json:"reference,omitempty"` // the caller's own reference, for the record
	Customer  string          `json:"customer,omitempty"`  // for the record
}

// Answer is the answer to a check. A Decision reads it safely.
type Answer struct {
	CheckID   string          `json:"check_id"`
	Result    string          `json:"result"` // "hit" or "miss"
	Action    lists.Action    `json:"action,omitempty"`
	Direction lists.Direction `json:"direction,omitempty"`
	Address   CheckedAddress  `json:"address"`
	Matches   []Match         `json:"matches"`
	// MatchesTotal is how many listings match if Matches does not hold all of them; otherwise 0.
	MatchesTotal int     `json:"matches_total,omitempty"`
	Suppressed   []Match `json:"suppressed,omitempty"` // listings that a suppression sets aside
	// SuppressedTotal is how many listings are set aside if Suppressed does not hold all of them; otherwise 0.
	SuppressedTotal int       `json:"suppressed_total,omitempty"`
	Screened        Screened  `json:"screened"`
	CheckedAt       time.Time `json:"checked_at"`

	raw json.RawMessage
}

// JSON returns the answer as the service sent it.
func (a *Answer) JSON() json.RawMessage { return a.raw }

// CheckedAddress says how the address of a check was read.
type CheckedAddress struct {
	Input      string            `json:"input"`
	Network    string            `json:"network"`
	Networks   []string          `json:"networks,omitempty"` // all readings, if there are several
	Canonical  string            `json:"canonical"`
	Identity   string            `json:"identity"`
	Attributes map[string]string `json:"attributes,omitempty"` // destination tag, payment id, …
	Notices    []string          `json:"notices,omitempty"`
}

// Match is one listing that belongs to the address.
type Match struct {
	Class      string           `json:"class"` // exact, same_key, same_script, same_stake, contains, raw
	Derivation string           `json:"derivation,omitempty"`
	List       MatchedList      `json:"list"`
	Listed     ListedAddress    `json:"listed"`
	Entity     lists.Entity     `json:"entity"`
	Category   lists.Category   `json:"category"`
	Confidence lists.Confidence `json:"confidence"`
	Programs   []string         `json:"programs"`
	Incident   string           `json:"incident"`
	ListedOn   string           `json:"listed_on"` // YYYY-MM-DD or ""
	// ListedOnFrom says whence ListedOn is, if not from the source of the listing: "delta archive, publication 1234".
	ListedOnFrom string      `json:"listed_on_from,omitempty"`
	ValidUntil   string      `json:"valid_until,omitempty"`
	URL          string      `json:"url"`
	Note         string      `json:"note,omitempty"`
	Source       MatchSource `json:"source"`
	AddedIn      int         `json:"added_in"` // version of the list
}

// MatchedList is the list of a match.
type MatchedList struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Authority string `json:"authority"`
	Version   int    `json:"version"`
	Published string `json:"published"`
}

// ListedAddress is an address as its list published it.
type ListedAddress struct {
	Address string `json:"address"`
	Network string `json:"network"`
	Asset   string `json:"asset"`
}

// MatchSource is the place of a listing in a published file.
type MatchSource struct {
	File    string `json:"file"`
	SHA256  string `json:"sha256"`
	Locator string `json:"locator"`
}

// Screened says what an answer was given from.
type Screened struct {
	Generation int       `json:"generation"`
	AsOf       time.Time `json:"as_of"`
	Lists      int       `json:"lists"`
	Listings   int       `json:"listings"`
	// Lost reports that the store has lost Generation; the answer was given from it and from StoreGeneration together.
	Lost            bool `json:"lost,omitempty"`
	StoreGeneration int  `json:"store_generation,omitempty"`
	// Sandbox reports that the server has test addresses (Client.Sandbox): its answers do not screen real transfers.
	Sandbox bool `json:"sandbox,omitempty"`
}

// Hold is the action of a decision without an answer: do not credit, do not send, ask again.
const Hold lists.Action = "hold"

// Decision is the outcome of a check. The zero Decision holds the transfer, and so does every error.
type Decision struct {
	answer *Answer
	err    error
}

var errNotChecked = errors.New("nothing has been checked")

// Allowed reports whether the transfer may go on: the address was understood, and no fresh list has it. It is false for the zero
// Decision and after any error.
func (d Decision) Allowed() bool { return d.err == nil && d.answer != nil && d.answer.clears() }

// Action returns what to do: lists.Allow, lists.Review, lists.Freeze or lists.Reject, or Hold if there is no answer. The policy of a
// list may say lists.Allow for a hit; Allowed is false even then.
func (d Decision) Action() lists.Action {
	switch {
	case d.Allowed():
		return lists.Allow
	case d.err != nil || d.answer == nil || d.answer.Result != "hit":
		return Hold
	}
	return d.answer.Action
}

// Err returns why there is no answer, or nil. It is an *Error if the service answered.
func (d Decision) Err() error {
	if d.err == nil && d.answer == nil {
		return errNotChecked
	}
	return d.err
}

// Answer returns the answer, or nil if there is none.
func (d Decision) Answer() *Answer {
	if d.err != nil {
		return nil
	}
	return d.answer
}

// hit reports whether at least one listing matches.
func (a *Answer) hit() bool { return a.Result == "hit" }

// clears reports whether every part of the answer says that the transfer may go on.
func (a *Answer) clears() bool {
	return a.Result == "miss" && a.Action == lists.Allow && len(a.Matches) == 0 && a.Screened.Generation > 0 && a.Screened.Listings > 0
}

// ReadAnswer decodes the answer to a check of an address. Anything but a whole answer to this very question, such as a login page or the
// answer to another question, is an error. direction is "" for a look-up.
func ReadAnswer(b []byte, address string, direction lists.Direction) (*Answer, error) {
	a := &Answer{}
	if err := json.Unmarshal(b, a); err != nil {
		return nil, notAnAnswer("it is not the JSON of a check")
	}
	_, idErr := uuid.Parse(a.CheckID)
	switch {
	case a.Result != "hit" && a.Result != "miss":
		return nil, notAnAnswer("its result is neither hit nor miss")
	case idErr != nil:
		return nil, notAnAnswer("it has no check_id")
	case a.Address.Input != address || a.Address.Canonical == "" || a.Direction != direction:
		return nil, notAnAnswer("it is about another address or direction")
	case a.Screened.Generation < 1 || a.Screened.Lists < 1 || a.Screened.Listings < 1:
		return nil, notAnAnswer("it does not say what was screened")
	case a.Matches == nil || a.hit() != (len(a.Matches) > 0):
		return nil, notAnAnswer("its matches contradict its result")
	}
	actions := []lists.Action{""} // of a look-up
	switch {
	case direction != "" && a.hit():
		actions = []lists.Action{lists.Allow, lists.Review, lists.Freeze, lists.Reject}
	case direction != "":
		actions = []lists.Action{lists.Allow}
	}
	if !slices.Contains(actions, a.Action) {
		return nil, notAnAnswer("its action contradicts its result")
	}
	a.raw = b
	return a, nil
}

func notAnAnswer(why string) error {
	return fault.E(fault.Unavailable, "the server's answer is not an answer to this check: %s", why)
}

// Check screens one address. It always returns a decision; Decision.Err says why one holds.
func (c *Client) Check(ctx context.Context, r CheckRequest) Decision {
	body, err := jsonBody(r)
	if err != nil {
		return Decision{err: err}
	}
	b, err := c.read(ctx, request{method: http.MethodPost, path: "/v1/check", body: body, repeatable: true, hedge: true})
	if err != nil {
		return Decision{err: err}
	}
	a, err := ReadAnswer(b, r.Address, r.Direction)
	return Decision{a, err}
}

// MaxBatch is how many checks one request may hold. CheckAll sends several requests if there are more.
const MaxBatch = 1000

// CheckAll screens many addresses. Decision i is for request i; one that fails does not fail the others.
func (c *Client) CheckAll(ctx context.Context, requests []CheckRequest) []Decision {
	out := make([]Decision, 0, len(requests))
	for batch := range slices.Chunk(requests, MaxBatch) {
		out = append(out, c.checkBatch(ctx, batch)...)
	}
	return out
}

func (c *Client) checkBatch(ctx context.Context, requests []CheckRequest) []Decision {
	out := make([]Decision, len(requests))
	fail := func(err error) []Decision {
		for i := range out {
			out[i] = Decision{err: err}
		}
		return out
	}
	body, err := jsonBody(struct {
		Checks []CheckRequest `json:"checks"`
	}{requests})
	if err != nil {
		return fail(err)
	}
	var answers struct {
		Results []json.RawMessage `json:"results"`
	}
	if err := c.do(ctx, request{method: http.MethodPost, path: "/v1/checks", body: body, repeatable: true, hedge: true}, &answers); err != nil {
		return fail(err)
	}
	if len(answers.Results) != len(requests) {
		return fail(fault.E(fault.Unavailable, "the server gave %d answers to %d checks", len(answers.Results), len(requests)))
	}
	for i, b := range answers.Results {
		var item struct {
			Error *Error `json:"error"`
		}
		if err := json.Unmarshal(b, &item); err == nil && item.Error != nil {
			out[i].err = item.Error
			continue
		}
		out[i].answer, out[i].err = ReadAnswer(b, requests[i].Address, requests[i].Direction)
	}
	return out
}

// Lookup screens an address without a transfer: the answer has no action, and allows nothing.
func (c *Client) Lookup(ctx context.Context, address, network string) (*Answer, error) {
	query := url.Values{}
	if network != "" {
		query.Set("network", network)
	}
	b, err := c.read(ctx, request{method: http.MethodGet, path: pathOf("v1", "addresses", address), query: query, repeatable: true, hedge: true})
	if err != nil {
		return nil, err
	}
	return ReadAnswer(b, address, "")
}
