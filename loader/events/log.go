// Package events reads from a node of the chain which addresses the issuer of a token has frozen. The node is the operator's own, or one that
// they trust.
//
//	node ── confirmed blocks since the last log ── events, after those of the last log ── Log ── format issuer_events
//
// A log holds every event since the contract was made, so that what is frozen follows from the log alone. A node that cannot answer, is on
// another chain, lags, or answers in part makes Read fail: nothing is ever released because something could not be read.
package events

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"interdict/lists/address"
	"interdict/lists/fault"
)

// Header is the first line of a log.
type Header struct {
	Format   string `json:"format"` // always "issuer_events"
	Issuer   string `json:"issuer"`
	Token    string `json:"token"`
	Network  string `json:"network"`
	Contract string `json:"contract"`
}

// Event is one line of a log.
type Event struct {
	Event   string    `json:"event"` // "frozen" or "released"
	Address string    `json:"address"`
	Block   uint64    `json:"block"`
	Index   uint64    `json:"index"` // position among the events of the block (EVM) or of the transaction (TRON)
	Tx      string    `json:"tx"`
	Time    time.Time `json:"time"`
}

// key tells an event from all others of its log.
func (e *Event) key() string { return fmt.Sprintf("%s %s %s/%d", e.Event, e.Address, e.Tx, e.Index) }

// End is the last line of a log. A log without it is truncated.
type End struct {
	Events *int `json:"events"`
}

// Format is the name of the format of logs, in package formats and in their first line.
const Format = "issuer_events"

// MaxEvents bounds the events of a log. Tether had made 11,000 on TRON by September 2026.
const MaxEvents = 500_000

// maxLine bounds a line of a log in bytes.
const maxLine = 64 << 10

func (c *Contract) header() Header {
	return Header{Format: Format, Issuer: c.Issuer, Token: c.Token, Network: c.Network, Contract: c.Address}
}

// ReadLog reads a log and calls each for every event, in order. Errors are fault.Invalid and name the line; those of each are returned as they are.
func ReadLog(r io.Reader, each func(line int, h *Header, e *Event) error) (Header, error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	var h Header
	var last *Event
	line, events, ended := 0, 0, false
	for in.Scan() {
		line++
		if ended {
			return h, fault.E(fault.Invalid, "line %d: more after the line with the number of events", line)
		}
		if line == 1 {
			if err := strict(in.Bytes(), &h); err != nil || h.Format != Format {
				return h, fault.E(fault.Invalid, "line 1: not the first line of a log of events")
			}
			continue
		}
		if bytes.HasPrefix(in.Bytes(), []byte(`{"events":`)) {
			var end End
			if err := strict(in.Bytes(), &end); err != nil || end.Events == nil || *end.Events != events {
				return h, fault.E(fault.Invalid, "line %d: not the number of events above, which are %d", line, events)
			}
			ended = true
			continue
		}
		var e Event
		if err := strict(in.Bytes(), &e); err != nil {
			return h, fault.E(fault.Invalid, "line %d: not an event", line)
		}
		if events++; events > MaxEvents {
			return h, fault.E(fault.Invalid, "line %d: more than %d events", line, MaxEvents)
		}
		switch {
		case e.Event != "frozen" && e.Event != "released":
			return h, fault.E(fault.Invalid, "line %d: event: %s is neither frozen nor released", line, address.Quote(e.Event))
		case e.Address == "":
			return h, fault.E(fault.Invalid, "line %d: address: is missing", line)
		case e.Time.Year() < 2009 || e.Time.Year() > 9999: // no chain had a block before
			return h, fault.E(fault.Invalid, "line %d: time: %s is not the time of a block", line, e.Time.Format(time.RFC3339))
		case last != nil && e.Block < last.Block:
			return h, fault.E(fault.Invalid, "line %d: block: %d is before block %d of the line above", line, e.Block, last.Block)
		}
		last = &e
		if err := each(line, &h, &e); err != nil {
			return h, err
		}
	}
	if err := in.Err(); err != nil {
		return h, fault.E(fault.Invalid, "line %d: %w", line+1, err)
	}
	if !ended {
		return h, fault.E(fault.Invalid, "line %d: the number of events is missing: the log is truncated", line+1)
	}
	return h, nil
}

func strict(line []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF { //nolint:errorlint // the end itself
		return fmt.Errorf("more after the value")
	}
	return nil
}

// logWriter writes a log.
type logWriter struct {
	w      *bufio.Writer
	events int
	err    error
}

func newLogWriter(w io.Writer, h Header) *logWriter {
	l := &logWriter{w: bufio.NewWriter(w)}
	l.line(h)
	return l
}

func (l *logWriter) line(v any) {
	if l.err != nil {
		return
	}
	var raw []byte
	if raw, l.err = json.Marshal(v); l.err == nil {
		_, l.err = l.w.Write(append(raw, '\n'))
	}
}

func (l *logWriter) event(e *Event) error {
	if l.events++; l.events > MaxEvents {
		return fault.E(fault.TooLarge, "more than %d events", MaxEvents)
	}
	l.line(e)
	return l.err
}

func (l *logWriter) end() error {
	l.line(End{Events: &l.events})
	if l.err == nil {
		l.err = l.w.Flush()
	}
	return l.err
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// accountIn returns the address in the 32 bytes of an argument, as its network writes it.
func accountIn(network, word string) (string, error) {
	digits := strings.TrimPrefix(word, "0x")
	if len(digits) == 64 {
		if strings.Trim(digits[:24], "0") != "" {
			return "", fmt.Errorf("an argument is no address")
		}
		digits = digits[24:]
	}
	if len(digits) == 42 && network == "tron" {
		digits = strings.TrimPrefix(digits, "41")
	}
	if len(digits) != 40 {
		return "", fmt.Errorf("an argument is no address")
	}
	all, err := address.Parse(nil, "0x"+strings.ToLower(digits), network)
	if err != nil || len(all) != 1 {
		return "", fmt.Errorf("an argument is no address")
	}
	return all[0].Canonical, nil
}
