package events

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/lists/fault"
)

// The JSON-RPC interface of Ethereum's execution clients: eth_chainId, eth_syncing, eth_getCode, eth_call, eth_getBlockByNumber, eth_getLogs
// (github.com/ethereum/execution-apis). Nodes limit the blocks or the events of one eth_getLogs, each with an error of its own: the range is made
// smaller after any error.

const (
	firstRange = 50_000
	maxRange   = 1 << 20
	maxAsked   = 20_000 // ranges in one reading
	// overlap is how many blocks are read again each time: of several servers behind one address, that which answers eth_getLogs may not have the
	// last blocks yet, and it then leaves their events out without a word. After wholeEvery everything is read again.
	overlap    = 20_000
	wholeEvery = 24 * time.Hour
)

type evmNode struct {
	*caller
	id    int
	times map[uint64]time.Time // of blocks
}

type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *rpcError) Error() string {
	return fmt.Sprintf("error %d of the node: %s", e.Code, firstBytes(e.Message, 200))
}
func (*rpcError) FaultKind() fault.Kind { return fault.Unavailable }

func firstBytes(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func (n *evmNode) rpc(ctx context.Context, to any, method string, params ...any) error {
	n.id++
	var answer struct {
		ID     int             `json:"id"`
		Result json.RawMessage `json:"result"`
		Error  *rpcError       `json:"error"`
	}
	body := map[string]any{"jsonrpc": "2.0", "id": n.id, "method": method, "params": append([]any{}, params...)}
	if err := n.call(ctx, http.MethodPost, "", nil, body, &answer); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	switch {
	case answer.Error != nil:
		return fmt.Errorf("%s: %w", method, answer.Error)
	case answer.ID != n.id || len(answer.Result) == 0 || string(answer.Result) == "null":
		return fault.E(fault.Unavailable, "%s: no result", method)
	}
	if err := json.Unmarshal(answer.Result, to); err != nil {
		return fault.E(fault.Unavailable, "%s: a result of another form", method)
	}
	return nil
}

// quantity is a number as JSON-RPC writes it: "0x1b4".
type quantity uint64

func (q *quantity) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	digits, ok := strings.CutPrefix(text, "0x")
	if !ok {
		return errors.New("a number without 0x")
	}
	v, err := strconv.ParseUint(digits, 16, 64)
	*q = quantity(v)
	return err
}

func hexNumber(v uint64) string { return "0x" + strconv.FormatUint(v, 16) }

type evmBlock struct {
	Number    *quantity `json:"number"`
	Hash      string    `json:"hash"`
	Timestamp *quantity `json:"timestamp"`
}

func (b *evmBlock) time() time.Time { return time.Unix(int64(*b.Timestamp), 0).UTC() } //nolint:gosec // checked by block

func (n *evmNode) block(ctx context.Context, which string) (evmBlock, error) {
	var b evmBlock
	if err := n.rpc(ctx, &b, "eth_getBlockByNumber", which, false); err != nil {
		return b, err
	}
	if b.Number == nil || b.Timestamp == nil || *b.Timestamp > 1<<40 || len(b.Hash) != 66 {
		return b, fault.E(fault.Unavailable, "eth_getBlockByNumber: a block without number, hash or time")
	}
	return b, nil
}

type evmLog struct {
	Address     string    `json:"address"`
	Topics      []string  `json:"topics"`
	Data        string    `json:"data"`
	BlockNumber *quantity `json:"blockNumber"`
	LogIndex    *quantity `json:"logIndex"`
	Tx          string    `json:"transactionHash"`
	Removed     bool      `json:"removed"`
}

func readEVM(ctx context.Context, call *caller, c *Contract, o Options, last []Event, log *logWriter) (string, error) {
	n := &evmNode{caller: call, times: map[uint64]time.Time{}}
	if err := n.check(ctx, c); err != nil {
		return "", err
	}
	head, err := n.block(ctx, "finalized")
	if err != nil {
		return "", fmt.Errorf("its last confirmed block: %w", err)
	}
	if err := behind(o.Now(), head.time()); err != nil {
		return "", err
	}
	from, to, whole := uint64(0), uint64(*head.Number), o.Now()
	if o.Cursor != "" {
		if from, whole, err = n.resume(ctx, o.Cursor, to, o.Now()); err != nil {
			return "", err
		}
	}
	kept := 0
	for ; kept < len(last) && last[kept].Block < from; kept++ {
		if err := log.event(&last[kept]); err != nil {
			return "", err
		}
	}
	old := expect(last[kept:])
	for i := range last[kept:] {
		n.times[last[kept+i].Block] = last[kept+i].Time
	}
	asked := 0
	for size := uint64(firstRange); from <= to; {
		if asked++; asked > maxAsked {
			return "", fault.E(fault.Unavailable, "it has too many blocks to read, or takes too few at once")
		}
		end := min(to, from+size-1)
		logs, err := n.logs(ctx, c, from, end)
		if err != nil {
			if ctx.Err() != nil || end == from {
				return "", err
			}
			size = max(1, (end-from+1)/4)
			continue
		}
		for i := range logs {
			e, err := n.event(ctx, c, &logs[i])
			if err != nil {
				return "", err
			}
			old.seen(e)
			if err := log.event(e); err != nil {
				return "", err
			}
		}
		from = end + 1
		if len(logs) < 1000 {
			size = min(size*2, maxRange)
		}
	}
	if err := old.missing(); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d/%s/%d", to, head.Hash, whole.Unix()), nil
}

// check makes sure that the node is on the chain of the contract, knows all its blocks, and that the contract is in use.
func (n *evmNode) check(ctx context.Context, c *Contract) error {
	var chain quantity
	if err := n.rpc(ctx, &chain, "eth_chainId"); err != nil {
		return err
	}
	if uint64(chain) != c.ChainID {
		return fault.E(fault.Invalid, "it is on chain %d, and %s is on chain %d (%s)", chain, c.Name, c.ChainID, c.Network)
	}
	var syncing json.RawMessage
	if err := n.rpc(ctx, &syncing, "eth_syncing"); err != nil {
		return err
	}
	if string(syncing) != "false" {
		return fault.E(fault.Unavailable, "it is synchronising: events are missing")
	}
	var code string
	if err := n.rpc(ctx, &code, "eth_getCode", c.Address, "latest"); err != nil {
		return err
	}
	if len(code) < 4 {
		return fault.E(fault.Unavailable, "it knows no contract at %s", c.Address)
	}
	if !c.Retires {
		return nil
	}
	var retired string
	if err := n.rpc(ctx, &retired, "eth_call", map[string]string{"to": c.Address, "data": selector("deprecated()")}, "latest"); err != nil {
		return err
	}
	return notRetired(c, retired)
}

// notRetired returns an error unless a contract answered that it is not deprecated.
func notRetired(c *Contract, answer string) error {
	digits := strings.TrimPrefix(answer, "0x")
	switch {
	case len(digits) != 64:
		return fault.E(fault.Unavailable, "the contract did not say whether it is deprecated")
	case strings.Trim(digits, "0") != "":
		return fault.E(fault.Conflict, "the contract of %s is deprecated: freezes happen at another one, which this program does not know", c.Name)
	}
	return nil
}

// resume returns the block to read from after a cursor, whose block must still be on the chain, and when everything was read last.
func (n *evmNode) resume(ctx context.Context, cursor string, head uint64, now time.Time) (from uint64, whole time.Time, err error) {
	last, hash, whole, ok := parseCursor(cursor)
	if !ok {
		return 0, now, nil
	}
	if last > head {
		return 0, now, fault.E(fault.Unavailable, "its last confirmed block is %d, and was %d before: it lags", head, last)
	}
	b, err := n.block(ctx, hexNumber(last))
	if err != nil {
		return 0, now, err
	}
	if b.Hash != hash {
		return 0, now, fault.E(fault.Conflict, "%w: block %d", ErrForked, last)
	}
	if now.Sub(whole).Abs() > wholeEvery || last < overlap {
		return 0, now, nil
	}
	return last + 1 - overlap, whole, nil
}

// parseCursor reads a cursor: the last block that was read, its hash, and the time of the last reading of everything, as BLOCK/HASH/SECONDS.
func parseCursor(text string) (block uint64, hash string, whole time.Time, ok bool) {
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return 0, "", whole, false
	}
	block, err := strconv.ParseUint(parts[0], 10, 64)
	seconds, err2 := strconv.ParseInt(parts[2], 10, 64)
	return block, parts[1], time.Unix(seconds, 0), err == nil && err2 == nil
}

// ErrForked says that a block that was confirmed is no longer on the chain. The log is read anew then.
var ErrForked = errors.New("a block that was confirmed is another one now")

func (n *evmNode) logs(ctx context.Context, c *Contract, from, to uint64) ([]evmLog, error) {
	var logs []evmLog
	err := n.rpc(ctx, &logs, "eth_getLogs", map[string]any{"address": c.Address, "fromBlock": hexNumber(from), "toBlock": hexNumber(to),
		"topics": []any{[]string{topic(c.Frozen), topic(c.Released)}}})
	if err != nil {
		return nil, err
	}
	for i := range logs {
		l := &logs[i]
		switch {
		case l.BlockNumber == nil || l.LogIndex == nil || len(l.Topics) == 0 || !strings.EqualFold(l.Address, c.Address),
			uint64(*l.BlockNumber) < from || uint64(*l.BlockNumber) > to || l.Removed:
			return nil, fault.E(fault.Unavailable, "eth_getLogs: an event that was not asked for")
		}
	}
	slices.SortFunc(logs, func(a, b evmLog) int {
		return cmp.Or(cmp.Compare(*a.BlockNumber, *b.BlockNumber), cmp.Compare(*a.LogIndex, *b.LogIndex))
	})
	return logs, nil
}

func (n *evmNode) event(ctx context.Context, c *Contract, l *evmLog) (*Event, error) {
	word := l.Data
	if len(l.Topics) > 1 {
		word = l.Topics[1]
	}
	e := &Event{Block: uint64(*l.BlockNumber), Index: uint64(*l.LogIndex), Tx: firstBytes(l.Tx, 66)}
	switch {
	case strings.EqualFold(l.Topics[0], topic(c.Frozen)):
		e.Event = "frozen"
	case strings.EqualFold(l.Topics[0], topic(c.Released)):
		e.Event = "released"
	default:
		return nil, fault.E(fault.Unavailable, "eth_getLogs: an event that was not asked for")
	}
	var err error
	if e.Address, err = accountIn(c.Network, word); err != nil {
		return nil, fault.E(fault.Unavailable, "eth_getLogs: block %d: %w", e.Block, err)
	}
	at, known := n.times[e.Block]
	if !known {
		b, err := n.block(ctx, hexNumber(e.Block))
		if err != nil {
			return nil, err
		}
		at = b.time()
		if len(n.times) < 10_000 {
			n.times[e.Block] = at
		}
	}
	e.Time = at
	return e, nil
}
