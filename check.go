package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening"
)

type checkCmd struct {
	target
	Addresses []string `arg:"" name:"address" help:"Addresses, or - for one a line on standard input."`
	Network   string   `help:"Network of the addresses; without it every reading is screened."`
	Direction string   `help:"deposit or withdrawal; without it the answer names no action." enum:"deposit,withdrawal," default:""`
	At        string   `help:"Answer as at this time: 2026-11-01T12:00:00Z, or 2026-11-01 for its beginning. It is not recorded." placeholder:"TIME" env:"-"`
	Explain   bool     `help:"Show how each text was read, what is derived from it and what it was compared with."`
	JSON      bool     `help:"Print one line of JSON for each address, in order: the answer as the API gives it, with --explain the explanation, or {\"error\": problem}."`
}

// Help is shown under check --help.
func (*checkCmd) Help() string {
	return "Exit code 0: every address was answered, and none is listed. 3: at least one is listed, even if others got no answer. 1: none is listed as\n" +
		"far as is known, but an address got no answer, or there was none to check. Every address without an answer is named on standard error.\n" +
		"A blank line on standard input is an address without an answer.\n\n" +
		"Examples:\n  interdict check TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq\n  interdict check --network bitcoin --direction deposit - < addresses.txt\n" +
		"  interdict check --explain --network bitcoin bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4\n" +
		"  interdict check --at 2026-11-01T12:00:00Z TUCsTq7TofTCJRRoHk6RvhMoS2mJLm5Yzq"
}

// reply is the outcome of one address. Only one without an error clears it.
type reply struct {
	answer    *client.Answer
	json      []byte // the answer as the API gives it
	explained *screening.Explanation
	err       error
}

func (c *checkCmd) Run(e *env) error {
	if isSeedPhrase(c.Addresses) {
		return fault.E(fault.Invalid, "the arguments look like the words of a seed phrase; nothing was checked or recorded, treat the wallet as exposed; "+
			"if they are account names, give them on standard input")
	}
	var ask func(ctx context.Context, address string) reply
	switch {
	case c.At != "":
		if c.Explain || c.Direction != "" {
			return usage("--at is for a look-up, without --direction and --explain")
		}
		at, _, err := period(c.At, "")
		if err != nil {
			return usage("--at %q: not a time such as 2026-11-01 or 2026-11-01T12:00:00Z", c.At)
		}
		r, done, err := c.replays(e)
		if err != nil {
			return err
		}
		defer done()
		ask = func(ctx context.Context, address string) (out reply) {
			if out.answer, out.err = r.LookupAt(ctx, address, c.Network, at); out.err == nil {
				out.json = out.answer.JSON()
			}
			return out
		}
	case c.Explain && c.Server != "":
		return usage("--explain works on the store itself, not through a server")
	case c.Server != "":
		server, err := c.client()
		if err != nil {
			return err
		}
		defer server.Close()
		ask = func(ctx context.Context, address string) reply { return c.askServer(ctx, server, address) }
	default:
		o, err := c.openToCheck(e.ctx, e.quiet())
		if err != nil {
			return err
		}
		defer o.close()
		s := screening.New(o.store, o.journal, api.NewMetrics(), o.log, time.Now)
		_ = s.Refresh(e.ctx) // where it fails, each check says why it has no answer
		ask = func(ctx context.Context, address string) reply { return c.askStore(ctx, s, address) }
	}
	n, hits, failed := 0, 0, 0
	one := func(text string) {
		n++
		r := reply{err: unaskable(text)}
		if r.err == nil {
			r = ask(e.ctx, text)
		}
		if r.err != nil {
			failed++
			fmt.Fprintf(e.stderr, "interdict: address %d: %v\n", n, r.err)
		}
		if r.answer != nil && r.answer.Result == "hit" {
			hits++
		}
		c.print(e.stdout, &r)
	}
	if err := c.each(e, one); err != nil {
		failed++
		fmt.Fprintf(e.stderr, "interdict: after address %d: %v\n", n, err)
	}
	var err error
	switch {
	case failed > 0:
		err = fault.E(fault.Unavailable, "%d of %d addresses got no answer: none of them is cleared", failed, max(n, failed))
	case n == 0:
		err = fault.E(fault.Invalid, "standard input held no address: nothing was checked")
	}
	if hits > 0 {
		if err != nil {
			fmt.Fprintln(e.stderr, "interdict:", err)
		}
		return errHit
	}
	return err
}

// unaskable refuses a text that cannot be part of a request: a blank one, and one that is longer than any address.
func unaskable(text string) error {
	var bad *address.Error
	if strings.TrimSpace(text) == "" || len(text) > address.MaxText {
		if _, err := address.Parse(nil, text, ""); errors.As(err, &bad) {
			return &screening.Refused{Cause: bad}
		}
	}
	return nil
}

// each calls one with every address of the command line, and with every line of standard input where - stands.
func (c *checkCmd) each(e *env, one func(text string)) error {
	for _, a := range c.Addresses {
		if a != "-" {
			one(a)
			continue
		}
		lines := bufio.NewReaderSize(e.stdin, 64<<10)
		for {
			if err := e.ctx.Err(); err != nil {
				return fault.E(fault.Unavailable, "given up before the end of standard input: %w", err)
			}
			line, rest, err := lines.ReadLine()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fault.E(fault.Unavailable, "read standard input: %w", err)
			}
			text := strings.TrimSpace(string(line)) // of a line beyond the buffer its first part, which is too long for an address
			for rest && err == nil {
				_, rest, err = lines.ReadLine()
			}
			one(text)
		}
	}
	return nil
}

// isSeedPhrase tells a seed phrase that was not put in quotation marks, so that each of its words has become an argument. One by one
// they would be recorded as texts that are no address, or as account names.
func isSeedPhrase(arguments []string) bool {
	for _, a := range arguments {
		if strings.ContainsAny(a, ".:0123456789") {
			return false // addresses, or account names
		}
	}
	_, err := address.Parse(nil, strings.Join(arguments, " "), "")
	var bad *address.Error
	return len(arguments) > 1 && errors.As(err, &bad) && bad.Reason == address.SecretMaterial
}

func (c *checkCmd) askStore(ctx context.Context, s *screening.Screener, address string) (out reply) {
	var a screening.Answer
	r := &screening.Request{Address: address, Network: c.Network, Direction: lists.Direction(c.Direction), By: operator()}
	if c.Explain {
		out.explained, out.err = s.Explain(ctx, r, &a)
	} else {
		out.err = s.Check(ctx, r, &a)
	}
	if out.err == nil {
		out.json = a.JSON
		out.answer, out.err = client.ReadAnswer(a.JSON, address, lists.Direction(c.Direction))
	}
	return out
}

// serverTime is how long a server may take for one answer.
const serverTime = 30 * time.Second

func (c *checkCmd) askServer(ctx context.Context, server *client.Client, address string) (out reply) {
	ctx, cancel := context.WithTimeout(ctx, serverTime)
	defer cancel()
	if c.Direction == "" {
		out.answer, out.err = server.Lookup(ctx, address, c.Network)
	} else {
		d := server.Check(ctx, client.CheckRequest{Address: address, Network: c.Network, Direction: lists.Direction(c.Direction)})
		out.answer, out.err = d.Answer(), d.Err()
	}
	if out.answer != nil {
		out.json = out.answer.JSON()
	}
	return out
}

// print shows the reply to one address on standard output. Without --json an error is on standard error only.
func (c *checkCmd) print(w io.Writer, r *reply) {
	if !c.JSON {
		if r.explained != nil {
			printExplanation(w, r.explained)
		}
		if r.answer != nil {
			printAnswer(w, r.answer)
		}
		return
	}
	line := r.json
	var refused *client.Error
	switch {
	case r.explained != nil:
		b, err := json.Marshal(r.explained)
		if err != nil {
			panic(err) // our own types always encode
		}
		line = b
	case errors.As(r.err, &refused) && refused.JSON() != nil:
		line = fmt.Appendf(nil, `{"error":%s}`, refused.JSON())
	case r.err != nil:
		line = fmt.Appendf(nil, `{"error":%s}`, api.Problem(r.err))
	}
	var one bytes.Buffer
	if err := json.Compact(&one, line); err != nil {
		panic(err) // it was made, or decoded, here
	}
	fmt.Fprintf(asJSON(w), "%s\n", one.Bytes())
}
