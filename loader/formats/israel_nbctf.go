package formats

import (
	"errors"
	"io"
	"regexp"
	"strings"

	"interdict/lists/fault"
)

// The wallet table of Israel's National Bureau for Counter Terror Financing (formats.md, section 4; the table of
// nbctf.mod.gov.il, "Seizure orders - virtual currencies", saved as CSV): English until mid-2026, then Hebrew and without a
// column for the order. The order stands in a row of its own above its wallets, or in the first cell of the first of them.
// Persons spread over several rows, wallets over the columns; about half of the cells are user ids of an exchange.
//
// The table of orders (File Type, Last Updated, Validity of Issue) may be given as a second file: it says until when an order is in force.
func init() {
	register(format{
		name: "israel_nbctf", order: 70, files: 2,
		detect: func(s *sample) bool {
			if s.xlsx {
				return false
			}
			for _, record := range heads(s, ',', maxPreface) {
				if _, ok := nbctfColumns(record); ok || nbctfOrders(record) {
					return true
				}
			}
			return false
		},
		read:      readNBCTF,
		publisher: publisher{"terrorist_financing", "Israel NBCTF", "Israel NBCTF seizure orders"},
	})
}

// nbctfLayout says which columns of the wallet table are which; -1: there is none.
type nbctfLayout struct{ order, name, id, passport, birth, wallet, asset int }

func nbctfColumns(header []string) (nbctfLayout, bool) {
	l := nbctfLayout{-1, -1, -1, -1, -1, -1, -1}
	for i, name := range header {
		name, _ = edges(trim(name))
		lower := strings.ToLower(name)
		switch {
		case strings.HasPrefix(lower, "order id"):
			l.order = i
		case strings.HasPrefix(lower, "full name"), name == "שם מלא":
			l.name = i
		case strings.HasPrefix(lower, "id no"), name == "תעודת זהות":
			l.id = i
		case strings.HasPrefix(lower, "passport"), name == "דרכון":
			l.passport = i
		case strings.HasPrefix(lower, "d.o.b"), name == "תאריך לידה":
			l.birth = i
		case strings.HasPrefix(lower, "virtual currency address"), strings.Contains(name, "הארנק"):
			l.wallet = i
		case strings.HasPrefix(lower, "currency"), name == "מטבע":
			l.asset = i
		}
	}
	return l, l.wallet >= 0 && l.name >= 0
}

// nbctfOrders tells the header of the table of orders.
func nbctfOrders(header []string) bool {
	return len(header) >= 3 && trim(header[0]) == "File Type" && strings.HasPrefix(trim(header[2]), "Validity")
}

var (
	// nbctfOrder is an order's name: "ASO 53/25", "ASO - 34/24", "צ.ת 18/26"; words may follow.
	nbctfOrder  = regexp.MustCompile(`^(?:ASO|צ\.?\s*ת\.?)\s*[-–]?\s*(\d{1,4}/\d{2})(?:\D.*)?$`)
	nbctfNumber = regexp.MustCompile(`\(ASO\s*[-–]?\s*(\d{1,4}/\d{2})\)`)
	// nbctfTag stands behind an address that an exchange shares: "(Address tag 104728783) *".
	nbctfTag = regexp.MustCompile(`\s*\(\s*([^()]*\b[Tt]ag\b[^()]*)\)\s*\*?$`)
)

// zeroWidth are characters without width that word processors and web pages leave around cells.
const zeroWidth = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad\u00a0"

// edges removes characters without width from both ends of a cell, never from its middle. changed tells whether there were any.
func edges(cell string) (clean string, changed bool) {
	clean = strings.Trim(cell, zeroWidth+" \t\r\n\v\f")
	return clean, clean != trim(cell)
}

func readNBCTF(r *run) error {
	var wallets *input
	var header nbctfLayout
	validity := map[string]nbctfValidity{}
	for _, in := range r.inputs {
		s, err := in.sample()
		if err != nil {
			return err
		}
		found, orders := false, false
		for _, record := range heads(s, ',', maxPreface) {
			if l, ok := nbctfColumns(record); ok {
				header, found = l, true
				break
			}
			orders = orders || nbctfOrders(record)
		}
		switch {
		case orders:
			if err := readNBCTFOrders(in, validity); err != nil {
				return err
			}
		case !found:
			return in.invalid("header", "names no column %q (or its Hebrew name) and %q", "Virtual currency address / User ID", "Full name")
		case wallets != nil:
			return fault.E(fault.Invalid, "%s and %s: are both tables of wallets; give one", wallets.name, in.name)
		default:
			wallets = in
		}
	}
	if wallets == nil {
		return r.only().invalid("header", "is that of the table of orders; give the table of wallets, too")
	}
	rc, err := wallets.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	n := &nbctf{run: r, in: wallets, layout: header, validity: validity}
	return n.read(newRecordReader(wallets, rc, ','))
}

// nbctfValidity is what the table of orders says about an order.
type nbctfValidity struct{ until, note string }

func readNBCTFOrders(in *input, validity map[string]nbctfValidity) error {
	rc, err := in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	c := newRecordReader(in, rc, ',')
	for {
		fields, err := c.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if blank(fields) || nbctfOrders(fields) {
			continue
		}
		if len(fields) < 3 {
			return in.invalid(lineAt(c.line), "has %d of 3 columns", len(fields))
		}
		order := nbctfNumber.FindStringSubmatch(fields[0])
		text, _ := edges(fields[2])
		if order == nil || text == "-" || text == "" {
			continue // an annex or amendment: its order has a row of its own
		}
		if len(validity) == 10_000 {
			return in.invalid(lineAt(c.line), "holds more than 10,000 orders")
		}
		v := nbctfValidity{note: text} // "Forfeiture Order (FO 5/26)": in force without an end
		if date, err := anyDate(text); err == nil {
			v = nbctfValidity{until: date}
		} else if !strings.Contains(strings.ToLower(text), "forfeiture") {
			return in.invalid(lineAt(c.line), "the validity %q is neither a date nor a forfeiture order", clip(text))
		}
		validity[order[1]] = v
	}
}

type nbctf struct {
	*run
	in       *input
	layout   nbctfLayout
	validity map[string]nbctfValidity

	seen      bool   // the header
	order     string // as published
	pending   []Row  // of the record before: what follows may belong to it
	invisible int    // cells with characters without width at their edges
	repeated  int    // cells that repeat the address beside or above them
	numbers   int    // user ids
}

func (n *nbctf) read(c *recordReader) error {
	for {
		fields, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		if !n.seen {
			if _, ok := nbctfColumns(fields); ok {
				n.seen = true
			} else if !blank(fields) && c.lines.n > 50 {
				return n.in.invalid("header", "is missing")
			}
			continue
		}
		if c.bad != "" {
			if err := n.flush(); err != nil {
				return err
			}
			if err := n.emit(Row{Locator: lineAt(c.line), Problem: "quotes: " + c.bad}); err != nil {
				return err
			}
			continue
		}
		if err := n.record(fields, c.line); err != nil {
			return err
		}
	}
	if err := n.flush(); err != nil {
		return err
	}
	c.lines.done()
	if n.invisible > 0 {
		n.warn("zero_width", "%s: characters without width were removed from the edges of %d cells", n.in.name, n.invisible)
	}
	if n.repeated > 0 {
		n.warn("repeated_cells", "%s: %d cells repeat the address beside or above them and were taken once", n.in.name, n.repeated)
	}
	if n.numbers > 0 {
		n.warn("user_ids", "%s: %d cells are user ids of an exchange, no wallets; they are given as rows with that problem", n.in.name, n.numbers)
	}
	return nil
}

// flush yields the rows of the record before.
func (n *nbctf) flush() error {
	for _, row := range n.pending {
		if err := n.emit(row); err != nil {
			return err
		}
	}
	n.pending = n.pending[:0]
	return nil
}

func (n *nbctf) record(fields []string, line int64) error {
	cells := make([]string, len(fields))
	content := 0
	for i, f := range fields {
		clean, changed := edges(f)
		if changed {
			n.invisible++
		}
		if clean == "-" {
			clean = ""
		}
		if cells[i] = clean; clean != "" {
			content++
		}
	}
	get := func(i int) string {
		if i < 0 || i >= len(cells) {
			return ""
		}
		return cells[i]
	}
	if content == 0 {
		return nil
	}
	first := cells[0]
	if nbctfOrder.MatchString(first) {
		if err := n.flush(); err != nil {
			return err
		}
		n.order = first
		cells[0] = ""
		if content--; content == 0 {
			return nil
		}
	}
	wallet, asset := get(n.layout.wallet), get(n.layout.asset)
	if len(cells) == 1 { // what a cell with a line break becomes
		if len(n.pending) > 0 && n.pending[len(n.pending)-1].Address == first {
			n.repeated++
			return nil
		}
		wallet = first
	}
	if asset != "" && asset == wallet {
		n.repeated++
		asset = ""
	}
	if wallet == "" {
		return n.continued(get, asset, line)
	}
	if err := n.flush(); err != nil {
		return err
	}
	row := Row{Asset: asset, Incident: n.order, Locator: lineAt(line)}
	if n.order != "" {
		row.Programs = []string{n.order}
		if m := nbctfOrder.FindStringSubmatch(n.order); m != nil {
			v := n.validity[m[1]]
			row.ValidUntil = v.until
			row.remark("order", v.note)
		}
	}
	if len(cells) > 1 {
		row.EntityName = get(n.layout.name)
		n.identify(&row, get)
	}
	if tag := nbctfTag.FindStringSubmatch(wallet); tag != nil {
		wallet = strings.TrimSuffix(wallet, tag[0])
		row.remark("tag", tag[1])
	}
	for _, address := range walletsIn(wallet) {
		own := row
		if own.Address = address; userID(address) {
			own.notWallet()
			n.numbers++
		}
		n.pending = append(n.pending, own)
	}
	return nil
}

// identify takes what the table says about the person.
func (n *nbctf) identify(row *Row, get func(int) string) {
	id, passport := get(n.layout.id), get(n.layout.passport)
	if row.EntityID == "" {
		row.EntityID = id
	} else {
		row.remark("id", id)
	}
	row.remark("passport", passport)
	if id != "" || passport != "" || get(n.layout.birth) != "" {
		row.EntityType = "individual"
	}
}

// continued adds a record without a wallet to the one before: the rest of a name, further documents, the currency.
func (n *nbctf) continued(get func(int) string, asset string, line int64) error {
	if len(n.pending) == 0 {
		return n.emit(Row{EntityName: get(n.layout.name), Incident: n.order, Locator: lineAt(line), Problem: "address: is missing"})
	}
	for i := range n.pending {
		row := &n.pending[i]
		if name := get(n.layout.name); name != "" {
			row.EntityName = trim(row.EntityName + " " + name)
		}
		n.identify(row, get)
		switch {
		case asset == "":
		case row.Asset == "":
			row.Asset = asset
		default:
			row.remark("currency", asset)
		}
	}
	return nil
}

// walletsIn splits a cell that holds several addresses; any other cell stays whole.
func walletsIn(cell string) []string {
	parts := strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(", ;\t\r\n/", r) })
	if len(parts) < 2 {
		return []string{cell}
	}
	for i, p := range parts {
		if parts[i], _ = edges(p); !looksLikeAddress(parts[i]) && !(userID(p) && len(p) >= 6) {
			return []string{cell}
		}
	}
	return parts
}
