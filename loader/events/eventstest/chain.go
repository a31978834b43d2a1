// Package eventstest is a node of a chain for tests of package events.
package eventstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/sha3"

	"interdict/loader/events"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// Chain is an Ethereum node or TRON's event server with a block each minute. Its faults are set by tests.
type Chain struct {
	*httptest.Server
	Contract  events.Contract
	Head      uint64
	Logs      []Entry
	ID        uint64
	Syncing   bool
	Retired   bool
	NoCode    bool
	Most      int    // events in one answer; more is an error
	Fork      uint64 // blocks up to this one have other hashes
	Fail      func(method string) bool
	DropPages bool // TRON: the second page is empty
	Asked     []string
}

// Entry is an event of a chain.
type Entry struct {
	Block, Index uint64
	Declaration  string
	Account      string // 40 digits
	Data         bool   // the argument is data, not a topic
}

// New starts a node with the contract of that name.
func New(t testing.TB, name string) *Chain {
	t.Helper()
	c, err := events.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	n := &Chain{Contract: c, Head: 200_000, ID: c.ChainID, Most: 1000}
	n.Server = httptest.NewServer(n)
	t.Cleanup(n.Close)
	return n
}

// At is the time of a block.
func At(block uint64) time.Time { return start.Add(time.Duration(block) * time.Minute) }

// Now is a minute after the last confirmed block.
func (n *Chain) Now() time.Time { return At(n.Head).Add(time.Minute) }

func (n *Chain) hash(block uint64) string {
	kind := 1
	if block <= n.Fork {
		kind = 2
	}
	return fmt.Sprintf("0x%02x%062x", kind, block)
}

func (n *Chain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if n.Contract.ChainID == 0 {
		n.tron(w, r)
		return
	}
	var ask struct {
		ID     int               `json:"id"`
		Method string            `json:"method"`
		Params []json.RawMessage `json:"params"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		panic(err)
	}
	n.Asked = append(n.Asked, ask.Method)
	reply := func(v any) {
		_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": ask.ID, "result": v})
	}
	if n.Fail != nil && n.Fail(ask.Method) {
		_ = json.NewEncoder(w).Encode(map[string]any{"id": ask.ID, "error": map[string]any{"code": -32000, "message": "out of order"}})
		return
	}
	switch ask.Method {
	case "eth_chainId":
		reply(hexNumber(n.ID))
	case "eth_syncing":
		reply(n.Syncing)
	case "eth_getCode":
		reply(map[bool]string{false: "0x6080", true: "0x"}[n.NoCode])
	case "eth_call":
		reply(fmt.Sprintf("0x%064d", map[bool]int{true: 1}[n.Retired]))
	case "eth_getBlockByNumber":
		var which string
		_ = json.Unmarshal(ask.Params[0], &which)
		block := n.Head
		if which != "finalized" {
			block, _ = strconv.ParseUint(which[2:], 16, 64)
		}
		reply(map[string]any{"number": hexNumber(block), "hash": n.hash(block), "timestamp": hexNumber(uint64(At(block).Unix()))}) //nolint:gosec // after 1970
	case "eth_getLogs":
		var f struct {
			FromBlock, ToBlock quantity
			Address            string
			Topics             [][]string
		}
		_ = json.Unmarshal(ask.Params[0], &f)
		found := []any{}
		for _, e := range n.Logs {
			if e.Block < uint64(f.FromBlock) || e.Block > uint64(f.ToBlock) || !slices.Contains(f.Topics[0], topic(e.Declaration)) {
				continue
			}
			topics, data, word := []string{topic(e.Declaration)}, "0x", "0x"+strings.Repeat("0", 24)+e.Account
			if e.Data {
				data = word
			} else {
				topics = append(topics, word)
			}
			found = append(found, map[string]any{"address": strings.ToLower(n.Contract.Address), "topics": topics, "data": data,
				"blockNumber": hexNumber(e.Block), "logIndex": hexNumber(e.Index), "transactionHash": fmt.Sprintf("0x%064x", e.Block)})
		}
		if len(found) > n.Most {
			_ = json.NewEncoder(w).Encode(map[string]any{"id": ask.ID, "error": map[string]any{"code": -32005, "message": "query returned more than the limit"}})
			return
		}
		reply(found)
	}
}

func (n *Chain) tron(w http.ResponseWriter, r *http.Request) {
	n.Asked = append(n.Asked, r.URL.Path)
	if n.Fail != nil && n.Fail(r.URL.Path) {
		http.Error(w, "", http.StatusForbidden)
		return
	}
	reply := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	switch r.URL.Path {
	case "/walletsolidity/getnowblock":
		reply(map[string]any{"block_header": map[string]any{"raw_data": map[string]any{"timestamp": At(n.Head).UnixMilli()}}})
	case "/wallet/triggerconstantcontract":
		if n.NoCode {
			reply(map[string]any{"result": map[string]any{"code": "CONTRACT_VALIDATE_ERROR"}})
			return
		}
		reply(map[string]any{"result": map[string]any{"result": true}, "constant_result": []string{fmt.Sprintf("%064d", map[bool]int{true: 1}[n.Retired])}})
	default:
		q := r.URL.Query()
		from, _ := strconv.Atoi(q.Get("fingerprint"))
		data, meta := []any{}, map[string]any{}
		i := 0
		for _, e := range n.Logs {
			if e.Declaration != q.Get("event_name")+"(address)" || At(e.Block).After(At(n.Head)) {
				continue
			}
			if i++; i <= from {
				continue
			}
			if len(data) == Page {
				meta["fingerprint"] = strconv.Itoa(i - 1)
				break
			}
			data = append(data, map[string]any{"block_number": e.Block, "block_timestamp": At(e.Block).UnixMilli(), "event_index": e.Index, "event_name": q.Get("event_name"),
				"contract_address": n.Contract.Address, "transaction_id": fmt.Sprintf("%064x", e.Block), "result": map[string]string{"_user": "0x" + e.Account, "0": "0x" + e.Account}})
		}
		if n.DropPages && from > 0 {
			data, meta = []any{}, map[string]any{}
		}
		reply(map[string]any{"success": true, "data": data, "meta": meta})
	}
}

// Page is how many events TRON's event server puts on a page.
const Page = 200

func topic(declaration string) string {
	h := sha3.NewLegacyKeccak256()
	h.Write([]byte(declaration))
	return fmt.Sprintf("0x%x", h.Sum(nil))
}

func hexNumber(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

type quantity uint64

func (q *quantity) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseUint(strings.TrimPrefix(strings.Trim(string(raw), `"`), "0x"), 16, 64)
	*q = quantity(v)
	return err
}
