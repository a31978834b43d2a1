package events

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/lists/fault"
)

// The interface of TronGrid and of nodes with an event server: GET /v1/contracts/{contract}/events by event name, 200 a page, of confirmed blocks
// only. Its addresses are written as 0x and 40 digits, without TRON's 41.
//
// Every event is read each time, because a list of pages that ends early looks like one with nothing more: what is missing is found the next
// time, and what was there before must be there again.

type tronNode struct{ *caller }

func readTron(ctx context.Context, call *caller, c *Contract, o Options, last []Event, log *logWriter) (string, error) {
	n := tronNode{call}
	head, err := n.confirmed(ctx)
	if err != nil {
		return "", err
	}
	if err := behind(o.Now(), head); err != nil {
		return "", err
	}
	if err := n.inUse(ctx, c); err != nil {
		return "", err
	}
	if o.Cursor != "" {
		ms, err := strconv.ParseInt(o.Cursor, 10, 64)
		if err != nil {
			return "", fault.E(fault.Internal, "the position of the last log is damaged")
		}
		if since := time.UnixMilli(ms); since.After(head) {
			return "", fault.E(fault.Unavailable, "its last confirmed block is of %s, and was of %s before: it lags", head.UTC().Format(time.RFC3339), since.UTC().Format(time.RFC3339))
		}
	}
	old := expect(last)
	var all []Event
	for _, kind := range []struct{ name, declaration string }{{"frozen", c.Frozen}, {"released", c.Released}} {
		found, err := n.events(ctx, c, kind.name, strings.TrimSuffix(kind.declaration, "(address)"), head)
		if err != nil {
			return "", err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b Event) int {
		// The order within a block is not known: what was frozen there counts as frozen.
		return cmp.Or(a.Time.Compare(b.Time), -strings.Compare(a.Event, b.Event), strings.Compare(a.Tx, b.Tx), cmp.Compare(a.Index, b.Index))
	})
	for i := range all {
		old.seen(&all[i])
		if err := log.event(&all[i]); err != nil {
			return "", err
		}
	}
	if err := old.missing(); err != nil {
		return "", err
	}
	return strconv.FormatInt(head.UnixMilli(), 10), nil
}

// confirmed returns the time of the last confirmed block.
func (n tronNode) confirmed(ctx context.Context) (time.Time, error) {
	var block struct {
		Header struct {
			Raw struct {
				Timestamp int64 `json:"timestamp"` // milliseconds
			} `json:"raw_data"`
		} `json:"block_header"`
	}
	if err := n.call(ctx, http.MethodPost, "/walletsolidity/getnowblock", nil, struct{}{}, &block); err != nil {
		return time.Time{}, fmt.Errorf("its last confirmed block: %w", err)
	}
	if block.Header.Raw.Timestamp <= 0 {
		return time.Time{}, fault.E(fault.Unavailable, "its last confirmed block has no time")
	}
	return time.UnixMilli(block.Header.Raw.Timestamp), nil
}

// inUse makes sure that the contract exists and has not been replaced.
func (n tronNode) inUse(ctx context.Context, c *Contract) error {
	var answer struct {
		Result struct {
			Result bool `json:"result"`
		} `json:"result"`
		Constant []string `json:"constant_result"`
	}
	body := map[string]any{"owner_address": c.Address, "contract_address": c.Address, "function_selector": "deprecated()", "parameter": "", "visible": true}
	if err := n.call(ctx, http.MethodPost, "/wallet/triggerconstantcontract", nil, body, &answer); err != nil {
		return fmt.Errorf("deprecated(): %w", err)
	}
	if !answer.Result.Result || len(answer.Constant) != 1 {
		return fault.E(fault.Unavailable, "it knows no contract at %s", c.Address)
	}
	return notRetired(c, answer.Constant[0])
}

type tronEvent struct {
	Block    uint64            `json:"block_number"`
	Time     int64             `json:"block_timestamp"`
	Tx       string            `json:"transaction_id"`
	Index    uint64            `json:"event_index"`
	Name     string            `json:"event_name"`
	Contract string            `json:"contract_address"`
	Result   map[string]string `json:"result"` // the arguments, by name and by position
}

const tronPage = 200

// events reads the events of one kind up to a time.
func (n tronNode) events(ctx context.Context, c *Contract, kind, name string, until time.Time) (all []Event, err error) {
	query := url.Values{"event_name": {name}, "only_confirmed": {"true"}, "order_by": {"block_timestamp,asc"}, "limit": {strconv.Itoa(tronPage)},
		"max_block_timestamp": {strconv.FormatInt(until.UnixMilli(), 10)}}
	seen := map[string]bool{}
	for {
		var page struct {
			Success bool        `json:"success"`
			Data    []tronEvent `json:"data"`
			Meta    *struct {
				Fingerprint string          `json:"fingerprint"`
				Links       json.RawMessage `json:"links"`
			} `json:"meta"`
		}
		if err := n.call(ctx, http.MethodGet, "/v1/contracts/"+c.Address+"/events", query, nil, &page); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if !page.Success || page.Data == nil || page.Meta == nil {
			return nil, fault.E(fault.Unavailable, "%s: an answer without success, data or meta", name)
		}
		for i := range page.Data {
			e, err := tronEventOf(c, kind, name, &page.Data[i])
			if err != nil {
				return nil, fault.E(fault.Unavailable, "%s: %w", name, err)
			}
			if e.Time.After(until) {
				return nil, fault.E(fault.Unavailable, "%s: an event that was not asked for", name)
			}
			key := e.Tx + "/" + strconv.FormatUint(e.Index, 10)
			if seen[key] {
				return nil, fault.E(fault.Unavailable, "%s: the same event on two pages: the pages are not in order", name)
			}
			seen[key] = true
			if all = append(all, e); len(all) > MaxEvents {
				return nil, fault.E(fault.TooLarge, "more than %d events", MaxEvents)
			}
		}
		next := page.Meta.Fingerprint
		switch {
		case next == "" && len(page.Data) == tronPage:
			return nil, fault.E(fault.Unavailable, "%s: a full page, and no mark of the next one", name)
		case next == "":
			return all, nil
		case len(page.Data) == 0:
			return nil, fault.E(fault.Unavailable, "%s: an empty page, and a mark of the next one", name)
		}
		query.Set("fingerprint", next)
	}
}

func tronEventOf(c *Contract, kind, name string, x *tronEvent) (Event, error) {
	if x.Name != name || x.Contract != c.Address || x.Time <= 0 {
		return Event{}, fmt.Errorf("an event that was not asked for")
	}
	word := x.Result["_user"]
	if word == "" {
		word = x.Result["0"]
	}
	account, err := accountIn(c.Network, word)
	if err != nil {
		return Event{}, err
	}
	return Event{Event: kind, Address: account, Block: x.Block, Index: x.Index, Tx: firstBytes(x.Tx, 66), Time: time.UnixMilli(x.Time).UTC()}, nil
}
