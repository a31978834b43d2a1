package formats

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// TagPacks of GraphSense, in YAML and as the same members in JSON (graphsense-tagpack-tool, tagpack schema):
//
//	title: Example pack        the header: what it says holds for every tag,
//	label: Example actor
//	abuse: scam
//	tags:
//	- address: 1Ge6…           unless the tag says something else
//	  currency: BTC
//
// The file is read twice: first the header, which may continue after the tags, then the tags. Each tag is parsed by itself, so memory is
// bounded. Anchors and aliases are refused, because a few lines of them can expand to more than any memory.
func init() {
	register(format{
		name: "tagpack", order: 75,
		detect: func(s *sample) bool { return !s.xlsx && (isTagPack(s) || isTagPackJSON(s)) },
		read:   readTagPack,
	})
}

const (
	maxHeader = 64 << 10 // bytes of a header in YAML
	maxTag    = 16 << 10 // bytes of a tag in YAML
	// maxYAMLDepth bounds the nesting of a header or tag.
	maxYAMLDepth = 16
)

var (
	tagPackTags   = regexp.MustCompile(`(?m)^tags[ \t]*:[ \t]*(?:#.*)?\r?$`)
	tagPackHeader = regexp.MustCompile(`(?m)^(?:title|creator|label|lastmod|source|currency|category|abuse|actor|confidence|description|network)[ \t]*:`)
	tagPackItem   = regexp.MustCompile(`(?m)^[ \t]*(?:-[ \t]+|[ \t]+)['"]?address['"]?[ \t]*:`)
)

// isTagPack reports whether a sample is a TagPack in YAML: it has tags, and a header or tags with addresses.
func isTagPack(s *sample) bool {
	tags := tagPackTags.FindIndex(s.head)
	return tags != nil && (tagPackHeader.Match(s.head) || tagPackItem.Match(s.head[tags[1]:]))
}

// isTagPackJSON reports whether a sample is an object with members of a header and an array of tags.
func isTagPackJSON(s *sample) bool {
	if shapeOf(s) != jsonValue || s.firstByte() != '{' {
		return false
	}
	d := jsontext.NewDecoder(bytes.NewReader(s.head), jsontext.AllowDuplicateNames(true))
	if _, err := d.ReadToken(); err != nil {
		return false
	}
	header, tags := 0, false
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			break
		}
		switch key := name.String(); {
		case key == "tags" && d.PeekKind() == '[':
			_, err = d.ReadToken()
			tags = err == nil && d.PeekKind() == '{'
			for err == nil && d.StackDepth() > 1 {
				_, err = d.ReadToken()
			}
			if err != nil { // the tags continue after the sample, and the header may follow them
				return tags && (header > 0 || !s.whole)
			}
			continue
		case slices.Contains([]string{"title", "creator", "label", "lastmod", "abuse", "actor"}, key):
			header++
		}
		if err := d.SkipValue(); err != nil {
			break
		}
	}
	return tags && header > 0
}

func readTagPack(r *run) error {
	in := r.input()
	s, err := in.sample()
	if err != nil {
		return err
	}
	t := &tagPack{run: r, in: in}
	if s.firstByte() == '{' {
		return t.readJSON()
	}
	return t.readYAML()
}

// tagPack reads one pack.
type tagPack struct {
	*run
	in      *input
	header  fieldsOf
	unknown []string
	n       int
}

// fieldsOf are the fields of a header or tag: texts, by their names.
type fieldsOf map[string]string

// tagPackFields are the fields that are read, and known fields that do not describe the address.
var tagPackFields = []string{"address", "label", "source", "currency", "network", "asset", "category", "abuse", "actor", "confidence", "lastmod", "title", "creator", "context", "description",
	"tags", "is_public", "is_cluster_definer", "author", "ticket", "concepts", "tag_type", "tag_subject", "tx_hash"}

// row returns the row of a tag. Its own fields win over those of the header.
func (t *tagPack) row(own fieldsOf, locator string) Row {
	get := func(name string) string {
		if text, ok := own[name]; ok && text != "" {
			return text
		}
		return t.header[name]
	}
	row := Row{Address: own["address"], Network: get("network"), Asset: get("currency"), EntityName: get("label"), Locator: locator}
	if row.Asset == "" {
		row.Asset = get("asset")
	}
	if actor := get("actor"); actor != row.EntityName {
		if row.EntityName == "" {
			row.EntityName = actor
		} else {
			row.addNote("actor", actor)
		}
	}
	for _, name := range []string{"abuse", "category", "concepts"} {
		word := get(name)
		if category := abuseCategory(t.mapping.value(fCategory, word)); category != "" && row.Category == "" {
			row.Category = category
		} else {
			row.addNote(name, word)
		}
	}
	if word := get("confidence"); word != "" {
		if row.Confidence = tagConfidence(t.mapping.value(fConfidence, word)); row.Confidence == "" || !strings.EqualFold(row.Confidence, word) {
			row.addNote("confidence", word)
		}
	}
	for _, source := range []string{own["source"], t.header["source"]} {
		if !isWebURL(source) {
			row.addNote("source", source)
		} else if row.URL == "" {
			row.URL = source
		}
	}
	row.addNote("context", own["context"])
	if date := get("lastmod"); date != "" {
		if d, err := parseDate(date); err == nil {
			row.ListedOn = d
		} else {
			row.addNote("lastmod", date)
			t.countIssue(issueDate, locator)
		}
	}
	return row
}

// abuseCategory returns the category for a word of GraphSense's taxonomies (abuse: INTERPOL's darkweb and cryptoassets taxonomy), or "".
func abuseCategory(word string) string {
	switch strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(word), " ", "_"), "-", "_") {
	case "sanctions", "sanction", "sanctioned", "sanctioned_entity":
		return "sanctions"
	case "terrorist_financing", "terrorism", "terrorism_financing", "terrorist", "terror":
		return "terrorist_financing"
	case "stolen_funds", "hack", "theft", "thief", "exploit", "hacked", "service_hack":
		return "stolen_funds"
	case "ransomware":
		return "ransomware"
	case "scam", "fraud", "phishing", "ponzi_scheme", "ponzi", "pyramid_scheme", "sextortion", "investment_fraud", "giveaway_scam", "extortion", "blackmail", "romance_scam", "pump_and_dump", "rug_pull", "rugpull":
		return "scam"
	case "darknet_market", "darknet", "dark_market", "darkweb", "market", "darknet_crime", "market_darknet":
		return "darknet_market"
	case "mixer", "mixing_service", "coinjoin", "tumbler", "mixing":
		return "mixer"
	case "issuer_freeze", "internal", "other":
		return strings.ToLower(word)
	}
	return ""
}

// tagConfidence returns the confidence for a word of GraphSense's taxonomy, or "". Data of the owner, an authority, a service or a ledger
// is confirmed; derived data and reports are suspected.
func tagConfidence(word string) string {
	switch strings.ToLower(word) {
	case "confirmed", "ownership", "override", "manual_transaction", "authority_data", "trusted_provider", "service_data", "service_api", "ledger_immanent":
		return "confirmed"
	case "suspected", "forensic", "forensic_investigation", "trusted_leak", "leak", "untrusted_transaction", "web_crawl", "web_scrape", "heuristic", "unknown":
		return "suspected"
	}
	return ""
}

// tag yields the listings of one tag.
func (t *tagPack) tag(own fieldsOf, problem, text string) error {
	t.n++
	locator := numbered("tag ", int64(t.n))
	if problem != "" {
		return t.emit(Row{Locator: locator, Problem: problem, Unread: holdsAddresses(text)})
	}
	for name := range own {
		if !slices.Contains(tagPackFields, name) && len(t.unknown) < 100 && !slices.Contains(t.unknown, name) {
			t.unknown = append(t.unknown, name)
		}
	}
	row := t.row(own, locator)
	if row.Address == "" {
		for name, text := range own {
			row.Unread = row.Unread || name != "tx_hash" && holdsAddresses(text)
		}
	}
	return t.emitAddresses(row)
}

// done adds the warnings about the pack as a whole.
func (t *tagPack) done() error {
	if len(t.unknown) > 0 {
		slices.Sort(t.unknown)
		t.warn("unknown_fields", "%s: not read: %s", t.in.name, joinFirst(quoteNames(t.unknown)))
	}
	return nil
}

// setHeader sets the header and the date of publication.
func (t *tagPack) setHeader(header fieldsOf) {
	t.header = header
	delete(t.header, "address")
	if d, err := parseDate(header["lastmod"]); err == nil {
		t.info.Published = d
	}
}

func (t *tagPack) readYAML() error {
	header, err := t.split(nil)
	if err != nil {
		return err
	}
	fields, inline, err := t.parse(header, "header")
	if err != nil {
		return err
	}
	t.setHeader(fields)
	for _, node := range inline { // tags: [{address: …}]
		own, err := scalarsOf(node)
		if err != nil {
			return t.in.invalid("header", "%w", err)
		}
		if err := t.tag(own, "", ""); err != nil {
			return err
		}
	}
	if _, err := t.split(t.item); err != nil {
		return err
	}
	return t.done()
}

// item yields the listings of the lines of one tag.
func (t *tagPack) item(text string, line int64) error {
	fields, inner, err := t.parse(text, lineAt(line))
	switch {
	case err != nil:
		return err
	case len(inner) == 1:
		own, err := scalarsOf(inner[0])
		if err != nil {
			return t.tag(nil, "tag: "+err.Error(), text)
		}
		return t.tag(own, "", text)
	case len(inner) > 1 || fields != nil:
		return t.in.invalid(lineAt(line), "not a list of tags")
	}
	return t.tag(nil, "tag: not a mapping", text)
}

// split splits a pack into its header, which it returns, and the texts of its tags, for each of which it calls fn, if fn is not nil.
func (t *tagPack) split(fn func(text string, line int64) error) (header string, err error) {
	p := &tagPackSplitter{in: t.in, fn: fn, indent: -1}
	if err := t.in.eachLine(func(l *lineReader, b []byte) error {
		return p.line(l.decode(b), l.n)
	}); err != nil {
		return "", err
	}
	return p.header.String(), p.flush()
}

// tagPackSplitter splits the lines of a pack.
type tagPackSplitter struct {
	in     *input
	fn     func(text string, line int64) error // nil: only the header is needed
	header strings.Builder
	tag    strings.Builder
	inTags bool
	first  int64 // line where the tag begins
	indent int   // of the tags; -1 before the first
}

// flush ends the current tag.
func (p *tagPackSplitter) flush() error {
	text := p.tag.String()
	p.tag.Reset()
	if text == "" || p.fn == nil {
		return nil
	}
	return p.fn(text, p.first)
}

func (p *tagPackSplitter) line(line string, n int64) error {
	content := strings.TrimLeft(line, " ")
	switch level := len(line) - len(content); {
	case content == "" || content[0] == '#' || p.inTags && p.tag.Len() > 0 && level > p.indent:
	case p.inTags && (content == "-" || strings.HasPrefix(content, "- ")) && (p.indent < 0 || level == p.indent):
		if err := p.flush(); err != nil {
			return err
		}
		p.indent, p.first = level, n
	case level == 0:
		if err := p.flush(); err != nil {
			return err
		}
		p.inTags = tagPackTags.MatchString(line)
		if p.inTags && p.indent >= 0 {
			return p.in.invalid(lineAt(n), "tags appears twice")
		}
		if p.inTags {
			return nil
		}
	case p.inTags:
		return p.in.invalid(lineAt(n), "neither a tag nor a part of one; check the indentation")
	}
	to, limit := &p.header, maxHeader
	if p.inTags {
		to, limit = &p.tag, maxTag
		if p.indent < 0 {
			return nil // comments above the first tag
		}
	}
	if to.Len()+len(line) > limit {
		return p.in.invalid(lineAt(n), "the header or a tag is longer than %d bytes", limit)
	}
	if p.fn != nil || !p.inTags {
		to.WriteString(line)
		to.WriteByte('\n')
	} else if p.tag.Len() == 0 {
		p.tag.WriteByte('-') // marks that a tag has begun
	}
	return nil
}

// parse parses a part of the YAML file: it returns the scalars of a mapping and the elements of its tags, or the elements of a sequence.
func (t *tagPack) parse(text, place string) (fields fieldsOf, inner []ast.Node, err error) {
	if depthOf(text) > maxYAMLDepth {
		return nil, nil, t.in.invalid(place, "nested deeper than %d", maxYAMLDepth)
	}
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		reason, _, _ := strings.Cut(err.Error(), "\n") // the rest quotes the source
		return nil, nil, t.in.invalid(place, "invalid YAML: %s", truncate(reason, maxQuoted))
	}
	if len(file.Docs) > 1 {
		return nil, nil, t.in.invalid(place, "several documents in one file; give one at a time")
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return fieldsOf{}, nil, nil
	}
	check := &aliases{}
	ast.Walk(check, file.Docs[0].Body)
	if check.found {
		return nil, nil, t.in.invalid(place, "anchors and aliases (& and *) are not supported; write the values out")
	}
	switch body := file.Docs[0].Body.(type) {
	case *ast.SequenceNode:
		return nil, body.Values, nil
	case *ast.MappingNode, *ast.MappingValueNode:
		if fields, err = scalarsOf(body); err != nil {
			return nil, nil, t.in.invalid(place, "%w", err)
		}
		for _, m := range pairsOf(body) {
			if seq, ok := m.Value.(*ast.SequenceNode); ok && keyText(m) == "tags" {
				inner = seq.Values
			}
		}
		return fields, inner, nil
	case *ast.CommentGroupNode, *ast.NullNode:
		return fieldsOf{}, nil, nil
	}
	return nil, nil, t.in.invalid(place, "neither a mapping nor a list of tags")
}

type aliases struct{ found bool }

func (a *aliases) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AliasNode, *ast.AnchorNode, *ast.MergeKeyNode:
		a.found = true
		return nil
	}
	return a
}

// depthOf returns an upper bound of the nesting of a text, from its brackets, its indentation, and the indicators on each line.
func depthOf(text string) int {
	flow, deepest := 0, 0
	var levels []int
	for line := range strings.SplitSeq(text, "\n") {
		content := strings.TrimLeft(line, " ")
		if content == "" {
			continue
		}
		indent := len(line) - len(content)
		for len(levels) > 0 && levels[len(levels)-1] >= indent {
			levels = levels[:len(levels)-1]
		}
		levels = append(levels, indent)
		opened := 0
		for strings.HasPrefix(content, "- ") || strings.HasPrefix(content, "? ") || strings.HasPrefix(content, "!") {
			_, content, _ = strings.Cut(content, " ")
			content = strings.TrimLeft(content, " ")
			opened++
		}
		for i := range len(content) {
			switch content[i] {
			case '[', '{':
				flow++
			case ']', '}':
				flow = max(flow-1, 0)
			}
			deepest = max(deepest, len(levels)+opened+flow)
		}
	}
	return deepest
}

func pairsOf(n ast.Node) []*ast.MappingValueNode {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}
	}
	return nil
}

func keyText(m *ast.MappingValueNode) string { return trim(m.Key.GetToken().Value) }

// scalarsOf returns the values of a mapping as written: an address of 40 hex digits is not a number.
func scalarsOf(n ast.Node) (fieldsOf, error) {
	pairs := pairsOf(n)
	if pairs == nil {
		return nil, errors.New("not a mapping")
	}
	all := fieldsOf{}
	for _, m := range pairs {
		key := keyText(m)
		if _, twice := all[key]; twice {
			return nil, errors.New(strconv.Quote(truncate(key, maxQuoted)) + " appears twice")
		}
		all[key] = yamlText(m.Value)
	}
	return all, nil
}

func yamlText(n ast.Node) string {
	switch v := n.(type) {
	case *ast.NullNode:
		return ""
	case *ast.LiteralNode:
		return trim(v.Value.Value)
	case *ast.TagNode:
		return yamlText(v.Value)
	case *ast.SequenceNode:
		var texts []string
		for _, e := range v.Values {
			if t := yamlText(e); t != "" {
				texts = append(texts, t)
			}
		}
		return strings.Join(texts, "; ")
	case *ast.MappingNode, *ast.MappingValueNode:
		var texts []string
		for _, m := range pairsOf(v) {
			texts = append(texts, keyText(m)+": "+yamlText(m.Value))
		}
		return strings.Join(texts, "; ")
	case ast.ScalarNode:
		return trim(v.GetToken().Value)
	}
	return ""
}

// readJSON reads a pack in JSON, twice: the header, then the tags.
func (t *tagPack) readJSON() error {
	header := fieldsOf{}
	if err := t.membersJSON(func(j *jsonReader, name string) error {
		if name == "tags" {
			return j.skip()
		}
		if _, twice := header[name]; twice {
			return t.in.invalid("header", "%q appears twice", truncate(name, maxQuoted))
		}
		v, err := j.value()
		header[name] = scalarJSON(v)
		return err
	}); err != nil {
		return err
	}
	t.setHeader(header)
	if err := t.membersJSON(func(j *jsonReader, name string) error {
		if name != "tags" || j.peek() != '[' {
			return j.skip()
		}
		if _, err := j.token(); err != nil {
			return err
		}
		for j.peek() != ']' {
			v, err := j.value()
			if err != nil {
				return err
			}
			if err := t.tagJSON(v); err != nil {
				return err
			}
		}
		_, err := j.token()
		return err
	}); err != nil {
		return err
	}
	return t.done()
}

func (t *tagPack) tagJSON(v jsontext.Value) error {
	all, err := membersOf(v)
	if err != nil {
		return t.tag(nil, "tag: "+err.Error(), string(v[:min(len(v), 4096)]))
	}
	if name := duplicateName(all); name != "" {
		return t.tag(nil, strconv.Quote(truncate(name, maxQuoted))+": appears twice", string(v[:min(len(v), 4096)]))
	}
	own := fieldsOf{}
	for _, m := range all {
		own[m.name] = scalarJSON(m.value)
	}
	return t.tag(own, "", "")
}

func scalarJSON(v jsontext.Value) string {
	if v.Kind() != '[' {
		return textOf(v)
	}
	var texts []string
	for _, e := range elementsOf(v) {
		if t := textOf(e); t != "" {
			texts = append(texts, t)
		}
	}
	return strings.Join(texts, "; ")
}

// membersJSON calls fn at the value of each member of the document, which is an object.
func (t *tagPack) membersJSON(fn func(j *jsonReader, name string) error) error {
	rc, err := t.in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	j := &jsonReader{objects: objects{run: t.run, in: t.in, listings: t.n}, src: &tokenReader{r: rc}}
	j.d = jsontext.NewDecoder(j.src, jsontext.AllowDuplicateNames(true))
	if _, err := j.token(); err != nil {
		return err
	}
	for n := 0; j.peek() != '}'; n++ {
		name, err := j.token()
		if err != nil {
			return err
		}
		if n > maxFields {
			return t.in.invalid("header", "more than %d members", maxFields)
		}
		if err := fn(j, name.String()); err != nil {
			return err
		}
	}
	if _, err := j.token(); err != nil {
		return err
	}
	return j.ended()
}
