package formats

import (
	"bytes"
	"fmt"

	"interdict/loader/events"
)

// Logs of the events by which the issuer of a token freezes and releases addresses, as package events writes them. A listing is an address that
// was frozen and not released since.
func init() {
	register(format{
		name: events.Format, order: 76,
		detect:    isEventLog,
		read:      readIssuerEvents,
		publisher: publisher{category: "issuer_freeze"},
	})
}

// isEventLog reports whether an input is a log. Read as lines of listings, it would list what was released, too.
func isEventLog(s *sample) bool {
	return bytes.HasPrefix(s.head, []byte(`{"format":"`+events.Format+`"`))
}

func readIssuerEvents(r *run) error {
	in := r.input()
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	last := map[string]Row{}
	var order []string // of freezing; an address that was frozen again stands there again
	_, err = events.ReadLog(rc, func(line int, h *events.Header, e *events.Event) error {
		r.keepLatestDate(e.Time.UTC().Format("2006-01-02"))
		_, is := last[e.Address]
		switch {
		case e.Event == "frozen" && !is:
			row := Row{Address: e.Address, Network: h.Network, Asset: h.Token, ListedOn: e.Time.UTC().Format("2006-01-02"), Locator: lineAt(int64(line)),
				Note: fmt.Sprintf("frozen by %s in block %d", h.Issuer, e.Block)}
			if e.Address == h.Contract {
				row.setProblem("address", "the contract of the token itself; it is not screened")
			}
			last[e.Address] = row
			order = append(order, e.Address)
		case e.Event == "released":
			delete(last, e.Address)
		}
		return nil
	})
	if err != nil {
		return sourceFault(in.name, err)
	}
	for _, a := range order {
		row, is := last[a]
		if !is {
			continue
		}
		delete(last, a)
		if err := r.emit(row); err != nil {
			return err
		}
	}
	return nil
}
