package console

import (
	"bytes"
	"encoding/csv"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"interdict/api/client"
	"interdict/lists/fault"
)

const (
	maxMany     = 10_000 // addresses
	shownMisses = 1_000  // in the page; the file has all
	manyAtOnce  = 8      // look-ups at the same time
)

// manyData is what the page of many look-ups shows.
type manyData struct {
	Most        int
	Lines       []manyLine // of hits, and of lines without an answer
	Misses      []manyLine
	MoreMisses  int
	Hits        int
	Missed      int
	Failed      int
	Total       int
	Heading     string // the first line, which is not an address
	Generations []int
	Listings    int // that were screened, at last
	Lists       int
	CSV         string
	Wrong       string
}

// manyLine is one line of the form, and its outcome.
type manyLine struct {
	Line    int
	Input   string // "" if it is not shown
	Answer  *client.Answer
	Failed  *client.Error
	Actions actions
}

// Lists returns the lists with a match.
func (l manyLine) Lists() []string {
	var out []string
	for _, m := range l.Answer.Matches {
		if !slices.Contains(out, m.List.ID) {
			out = append(out, m.List.ID)
		}
	}
	return out
}

// Entities returns the names of what is listed.
func (l manyLine) Entities() []string {
	var out []string
	for _, m := range l.Answer.Matches {
		if m.Entity.Name != "" && !slices.Contains(out, m.Entity.Name) {
			out = append(out, m.Entity.Name)
		}
	}
	return out
}

func (p *page) manyForm() error {
	return p.show("lookup-many", "Look up many addresses", &manyData{Most: maxMany})
}

// many looks up all addresses of a form or a file.
func (p *page) many() error {
	const title = "Look up many addresses"
	data := &manyData{Most: maxMany}
	var lines []manyLine
	field, file := "addresses", []byte(nil)
	err := p.upload(func(_ string, body io.Reader) (err error) {
		field = "file"
		if file, err = io.ReadAll(io.LimitReader(body, maxForm+1)); err != nil {
			return fault.E(fault.Invalid, "file: the upload broke off, and nothing was looked up")
		}
		return nil
	})
	if err == nil && field == "addresses" {
		file = []byte(p.text("addresses"))
	}
	if err == nil {
		lines, data.Heading, err = readMany(field, file)
	}
	if err != nil {
		return p.showWrong("lookup-many", title, data, err)
	}
	_ = http.NewResponseController(p.w).SetWriteDeadline(time.Now().Add(10 * time.Minute))
	if err := p.lookUpAll(lines, p.text("network")); err != nil {
		return err
	}
	all, err := p.api.Lists(p.r.Context())
	if err != nil {
		data.Wrong = "The settings of the lists could not be read, so actions are not known: " + plain(err).Error()
	}
	if err := data.add(lines, policiesOf(all), p.c.o.SafeCells); err != nil {
		return err
	}
	p.r.PostForm.Set("addresses", shownText(lines))
	return p.show("lookup-many", title, data)
}

// headings are first lines that name the column.
var headings = []string{"address", "addresses", "wallet", "wallet address", "wallet_address", "wallets", "account", "crypto address"}

// readMany reads one address of each line: its first cell if the line has several. Errors name the field that the text came from.
func readMany(field string, text []byte) (lines []manyLine, heading string, err error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	switch {
	case len(text) > maxForm:
		return nil, "", fault.E(fault.Invalid, "%s: larger than %d bytes: use several files", field, maxForm)
	case !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0:
		return nil, "", fault.E(fault.Invalid, "%s: not a text in UTF-8: save a spreadsheet as CSV (UTF-8)", field)
	}
	at := 0
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\r\n", "\n")) {
		at++
		cell := firstCell(strings.TrimRight(line, "\r\n"))
		switch {
		case cell == "":
		case len(lines) == 0 && heading == "" && slices.Contains(headings, strings.ToLower(cell)):
			heading = cell
		default:
			lines = append(lines, manyLine{Line: at, Input: cell})
		}
	}
	switch {
	case len(lines) == 0:
		return nil, "", fault.E(fault.Invalid, "%s: enter at least one address", field)
	case len(lines) > maxMany:
		return nil, "", fault.E(fault.Invalid, "%s: %s addresses; at most %s at once, and nothing was looked up", field, number(len(lines)), number(maxMany))
	}
	return lines, heading, nil
}

// firstCell returns the first cell of a line of CSV, whose separator is a comma, a semicolon or a tab.
func firstCell(line string) string {
	line = strings.TrimSpace(line)
	if i := strings.IndexAny(line, ",;\t"); i >= 0 || strings.HasPrefix(line, `"`) {
		r := csv.NewReader(strings.NewReader(line))
		r.LazyQuotes, r.FieldsPerRecord = true, -1
		if i >= 0 && !strings.HasPrefix(line, `"`) {
			r.Comma = rune(line[i])
		} else if end := strings.Index(line[1:], `"`); end >= 0 && end+2 < len(line) && strings.IndexByte(",;\t", line[end+2]) >= 0 {
			r.Comma = rune(line[end+2])
		}
		if cells, err := r.Read(); err == nil && len(cells) > 0 {
			line = cells[0]
		}
	}
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "'") && !strings.HasSuffix(line, "'") {
		line = line[1:] // the mark that keeps a spreadsheet from running a cell as a formula
	}
	return line
}

// lookUpAll looks up all lines, some at the same time. The error is that of a person who may not.
func (p *page) lookUpAll(lines []manyLine, network string) error {
	var next atomic.Int64
	var refused atomic.Pointer[error]
	var wait sync.WaitGroup
	for range min(manyAtOnce, len(lines)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(lines) && refused.Load() == nil; i = int(next.Add(1)) - 1 {
				l := &lines[i]
				var err error
				if l.Answer, err = p.api.Lookup(p.r.Context(), l.Input, network); err == nil {
					continue
				}
				if l.Failed = noAnswer(err); l.Failed == nil {
					refused.Store(&err)
				} else if l.Failed.Reason == "secret_material" {
					l.Input = ""
				}
			}
		})
	}
	wait.Wait()
	if err := refused.Load(); err != nil {
		return *err
	}
	return nil
}

// add sorts the lines into hits, misses and lines without an answer, and writes their file.
func (d *manyData) add(lines []manyLine, policies policies, safe func([]string) []string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	err := w.Write([]string{"line", "address", "result", "deposit", "withdrawal", "lists", "entities", "reason", "canonical", "check_id", "generation", "checked_at"})
	if err != nil {
		return err
	}
	d.Total = len(lines)
	for i := range lines {
		l := &lines[i]
		cells := []string{strconv.Itoa(l.Line), l.Input}
		switch {
		case l.Answer == nil:
			d.Failed++
			d.Lines = append(d.Lines, *l)
			cells = append(cells, "no answer", "hold", "hold", "", "", whyNot(l.Failed), "", "", "", "")
		default:
			a := l.Answer
			l.Actions = policies.actions(a)
			d.screened(a)
			if a.Result == "hit" {
				d.Hits++
				d.Lines = append(d.Lines, *l)
			} else {
				d.Missed++
				if len(d.Misses) < shownMisses {
					d.Misses = append(d.Misses, *l)
				} else {
					d.MoreMisses++
				}
			}
			cells = append(cells, a.Result, string(l.Actions.Deposit), string(l.Actions.Withdrawal), strings.Join(l.Lists(), " "), strings.Join(l.Entities(), "; "), "",
				a.Address.Canonical, a.CheckID, strconv.Itoa(a.Screened.Generation), a.CheckedAt.UTC().Format(time.RFC3339))
		}
		if err := w.Write(safe(cells)); err != nil {
			return err
		}
	}
	slices.Sort(d.Generations)
	w.Flush()
	d.CSV = b.String()
	return w.Error()
}

func (d *manyData) screened(a *client.Answer) {
	if !slices.Contains(d.Generations, a.Screened.Generation) {
		d.Generations = append(d.Generations, a.Screened.Generation)
	}
	if a.Screened.Generation == slices.Max(d.Generations) {
		d.Lists, d.Listings = a.Screened.Lists, a.Screened.Listings
	}
}

// shownText returns the lines for the form, without those that look like secrets.
func shownText(lines []manyLine) string {
	var b strings.Builder
	for _, l := range lines {
		if l.Input != "" {
			b.WriteString(l.Input)
			b.WriteByte('\n')
		}
	}
	return b.String()
}
