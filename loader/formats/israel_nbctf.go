package formats

import (
	"regexp"
	"strings"

	"interdict/lists/fault"
)

// The wallet table of Israel's National Bureau for Counter Terror Financing (nbctf.mod.gov.il, "Seizure orders - virtual
// currencies", saved as CSV). It is in English until mid-2026, then in Hebrew and without a column for the order. The order is in
// a row above its wallets, or in the first cell of the first of them. A person may take several rows, and wallets may be in other
// columns. About half of the cells are user ids of an exchange.
//
// The table of orders (File Type, Last Updated, Validity of Issue) may be given as a second file: it has the end of each order.
func init() {
	register(format{
		name: "israel_nbctf", order: 70, files: 2,
		detect: func(s *sample) bool {
			if s.xlsx {
				return false
			}
			for _, record := range firstRecords(s, ',', maxPreface) {
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

// nbctfLayout holds the columns of the wallet table; -1 if there is none.
type nbctfLayout struct{ order, name, id, passport, birth, wallet, asset int }

func nbctfColumns(header []string) (nbctfLayout, bool) {
	l := nbctfLayout{-1, -1, -1, -1, -1, -1, -1}
	for i, name := range header {
		name = visibleText(name)
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

// nbctfOrders reports whether a record is the header of the table of orders.
func nbctfOrders(header []string) bool {
	return len(header) >= 3 && visibleText(header[0]) == "File Type" && strings.HasPrefix(visibleText(header[2]), "Validity")
}

// visibleText returns the words of a cell that is not an address: without invisible characters, with single blanks.
func visibleText(cell string) string {
	return strings.Join(strings.Fields(strings.Map(removeInvisible, cell)), " ")
}

var (
	// nbctfOrder is an order's name: "ASO 53/25", "ASO - 34/24", "צ.ת 18/26"; words may follow.
	nbctfOrder  = regexp.MustCompile(`^(?:ASO|צ\.?\s*ת\.?)\s*[-–]?\s*(\d{1,4}/\d{2})(?:\D.*)?$`)
	nbctfNumber = regexp.MustCompile(`\(ASO\s*[-–]?\s*(\d{1,4}/\d{2})\)`)
	// nbctfTag follows an address that an exchange shares among customers: "(Address tag 104728783) *".
	nbctfTag = regexp.MustCompile(`\s*\(\s*([^()]*\b[Tt]ag\b[^()]*)\)\s*\*?$`)
)

// zeroWidth are the invisible characters and the blank that word processors and web pages leave around cells.
const zeroWidth = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad\u00a0"

// trimInvisible removes blanks and invisible characters around a cell, never inside it. changed: there were invisible characters.
func trimInvisible(cell string) (clean string, changed bool) {
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
		for _, record := range firstRecords(s, ',', maxPreface) {
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
			return in.invalid("header", "needs the columns %q and %q, or their Hebrew names", "Virtual currency address / User ID", "Full name")
		case wallets != nil:
			return fault.E(fault.Invalid, "%s and %s: two tables of wallets; give one", wallets.name, in.name)
		default:
			wallets = in
		}
	}
	if wallets == nil {
		return r.input().invalid("header", "this is the table of orders; also give the table of wallets")
	}
	n := &nbctf{run: r, in: wallets, layout: header, validity: validity}
	return n.read()
}

// nbctfValidity is the end of an order, or a note about it, from the table of orders.
type nbctfValidity struct{ until, note string }

func readNBCTFOrders(in *input, validity map[string]nbctfValidity) error {
	return in.eachRecord(',', func(c *recordReader) error {
		fields := c.fields
		if isBlank(fields) || nbctfOrders(fields) {
			return nil
		}
		if len(fields) < 3 {
			return in.invalid(lineAt(c.line), "%d of 3 columns; fetch the file again", len(fields))
		}
		order := nbctfNumber.FindStringSubmatch(fields[0])
		text, _ := trimInvisible(fields[2])
		if order == nil || text == "-" || text == "" {
			return nil // an annex or amendment: its order has a row of its own
		}
		if len(validity) == 10_000 {
			return in.invalid(lineAt(c.line), "more than 10,000 orders; is this the right file?")
		}
		v := nbctfValidity{note: text} // "Forfeiture Order (FO 5/26)": in force without an end
		if date, err := parseDate(text); err == nil {
			v = nbctfValidity{until: date}
		} else if !strings.Contains(strings.ToLower(text), "forfeiture") {
			return in.invalid(lineAt(c.line), "the validity %q is neither a date nor a forfeiture order; correct it", truncate(text, maxQuoted))
		}
		validity[order[1]] = v
		return nil
	})
}

type nbctf struct {
	*run
	in       *input
	layout   nbctfLayout
	validity map[string]nbctfValidity

	seen      bool   // the header was read
	order     string // as published
	pending   []Row  // rows of the previous record, which the next may continue
	invisible int    // cells with invisible characters around their text
	repeated  int    // cells that repeat the address beside or above them
	userIDs   int
}

func (n *nbctf) read() error {
	if err := n.in.eachRecord(',', func(c *recordReader) error {
		if !n.seen {
			if _, n.seen = nbctfColumns(c.fields); !n.seen && !isBlank(c.fields) && c.lines.n > 50 {
				return n.in.invalid("header", "missing in the first 50 lines")
			}
			return nil
		}
		if c.badQuotes == "" {
			return n.record(c.fields, c.line)
		}
		if err := n.flush(); err != nil {
			return err
		}
		return n.emit(Row{Locator: lineAt(c.line), Problem: "quotes: " + c.badQuotes})
	}); err != nil {
		return err
	}
	if err := n.flush(); err != nil {
		return err
	}
	if n.invisible > 0 {
		n.warn("zero_width", "%s: invisible characters around the text of %d cells were removed", n.in.name, n.invisible)
	}
	if n.repeated > 0 {
		n.warn("repeated_cells", "%s: %d cells repeat the address beside or above them and were read once", n.in.name, n.repeated)
	}
	if n.userIDs > 0 {
		n.warn("user_ids", "%s: %d cells are user ids of an exchange, not wallets; they are reported as rows with a problem", n.in.name, n.userIDs)
	}
	return nil
}

// flush yields the rows of the previous record.
func (n *nbctf) flush() error {
	for _, row := range n.pending {
		if err := n.emitAddresses(row); err != nil {
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
		clean, changed := trimInvisible(f)
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
	if order := visibleText(first); nbctfOrder.MatchString(order) {
		first = order
	}
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
	var further []string // addresses in other cells
	for i, cell := range cells {
		if i != n.layout.wallet && cell != wallet && holdsAddresses(cell) {
			further = append(further, cell)
			if cell == asset {
				asset = ""
			}
		}
	}
	if wallet == "" && len(further) > 0 {
		wallet, further = further[0], further[1:]
	}
	if wallet == "" {
		return n.continuation(get, asset, line)
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
			row.addNote("order", v.note)
		}
	}
	if len(cells) > 1 {
		row.EntityName = get(n.layout.name)
		n.identify(&row, get)
	}
	if tag := nbctfTag.FindStringSubmatch(wallet); tag != nil {
		wallet = strings.TrimSuffix(wallet, tag[0])
		row.addNote("tag", tag[1])
	}
	for _, address := range walletsIn(wallet) {
		own := row
		if own.Address = address; isUserID(address) {
			own.markUserID()
			n.userIDs++
		}
		n.pending = append(n.pending, own)
	}
	for _, address := range further {
		own := row
		own.Address = address
		n.pending = append(n.pending, own)
	}
	return nil
}

// identify sets what the table says about the person.
func (n *nbctf) identify(row *Row, get func(int) string) {
	id, passport := get(n.layout.id), get(n.layout.passport)
	if row.EntityID == "" {
		row.EntityID = id
	} else {
		row.addNote("id", id)
	}
	row.addNote("passport", passport)
	if id != "" || passport != "" || get(n.layout.birth) != "" {
		row.EntityType = "individual"
	}
}

// continuation adds a record without a wallet to the previous one: the rest of a name, further documents, the currency.
func (n *nbctf) continuation(get func(int) string, asset string, line int64) error {
	if len(n.pending) == 0 {
		return n.emit(Row{EntityName: get(n.layout.name), Incident: n.order, Locator: lineAt(line), Problem: "address: missing"})
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
			row.addNote("currency", asset)
		}
	}
	return nil
}

// walletsIn splits a cell with several addresses or user ids. Any other cell is returned whole.
func walletsIn(cell string) []string {
	parts := strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(", ;\t\r\n/", r) })
	if len(parts) < 2 {
		return []string{cell}
	}
	for i, p := range parts {
		if parts[i], _ = trimInvisible(p); !looksLikeAddress(parts[i]) && !(isUserID(p) && len(p) >= 6) {
			return []string{cell}
		}
	}
	return parts
}
