package formats

import (
	"bytes"
	"errors"
	"io"
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
// The file is read twice, first the header, which may go on behind the tags, then tag by tag. A tag is parsed by itself, so memory stays
// bounded. Anchors and aliases are refused: a few lines of them unpack to more than any memory.
func init() {
	register(format{
		name: "tagpack", order: 75,
		detect: func(s *sample) bool { return !s.xlsx && (isTagPack(s) || isTagPackJSON(s)) },
		read:   readTagPack,
	})
}

const (
	maxHeader = 64 << 10 // bytes of a header in YAML
	maxTag    = 16 << 10 // and of a tag
	// maxYAMLDepth is how deep a header or tag nests.
	maxYAMLDepth = 16
)

var (
	tagPackTags   = regexp.MustCompile(`(?m)^tags[ \t]*:[ \t]*(?:#.*)?\r?$`)
	tagPackHeader = regexp.MustCompile(`(?m)^(?:title|creator|label|lastmod|source|currency|category|abuse|actor|confidence|description|network)[ \t]*:`)
	tagPackItem   = regexp.MustCompile(`(?m)^[ \t]*(?:-[ \t]+|[ \t]+)['"]?address['"]?[ \t]*:`)
)

// isTagPack reports a sample with the header of a TagPack in YAML. One without a header begins with its tags.
func isTagPack(s *sample) bool {
	tags := tagPackTags.FindIndex(s.head)
	return tags != nil && (tagPackHeader.Match(s.head) || tagPackItem.Match(s.head[tags[1]:]))
}

// isTagPackJSON reports an object with the members of a header and an array of tags that are objects.
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
			if err != nil { // they go on behind the sample, and the header may stand behind them
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
	in := r.only()
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

// tagPackFields are the fields that are read, or are known and say nothing about the address.
var tagPackFields = []string{"address", "label", "source", "currency", "network", "asset", "category", "abuse", "actor", "confidence", "lastmod", "title", "creator", "context", "description",
	"tags", "is_public", "is_cluster_definer", "author", "ticket", "concepts", "tag_type", "tag_subject", "tx_hash"}

// row makes the row of a tag: its own fields before those of the header.
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
			row.remark("actor", actor)
		}
	}
	for _, name := range []string{"abuse", "category", "concepts"} {
		word := get(name)
		if category := abuseCategory(t.mapping.value(fCategory, word)); category != "" && row.Category == "" {
			row.Category = category
		} else {
			row.remark(name, word)
		}
	}
	if word := get("confidence"); word != "" {
		if row.Confidence = tagConfidence(t.mapping.value(fConfidence, word)); row.Confidence == "" || !strings.EqualFold(row.Confidence, word) {
			row.remark("confidence", word)
		}
	}
	for _, source := range []string{own["source"], t.header["source"]} {
		if !webURL(source) {
			row.remark("source", source)
		} else if row.URL == "" {
			row.URL = source
		}
	}
	row.remark("context", own["context"])
	if date := get("lastmod"); date != "" {
		if d, err := anyDate(date); err == nil {
			row.ListedOn = d
		} else {
			row.remark("lastmod", date)
		}
	}
	return row
}

// abuseCategory gives our category for a word of GraphSense's taxonomies (abuse: INTERPOL's darkweb and cryptoassets taxonomy); "" if there is none.
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

// tagConfidence gives our confidence for a word of GraphSense's taxonomy: what the owner, an authority, a service's own data or a ledger
// proves is confirmed, what was derived or heard is suspected; "" if the word is none of them.
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

// done reports what should be known about the pack as a whole.
func (t *tagPack) done() error {
	if len(t.unknown) > 0 {
		slices.Sort(t.unknown)
		t.warn("unknown_fields", "%s: not read: %s", t.in.name, abridged(quoted(t.unknown)))
	}
	return nil
}

// headed takes the header.
func (t *tagPack) headed(header fieldsOf) {
	t.header = header
	delete(t.header, "address")
	if d, err := anyDate(header["lastmod"]); err == nil {
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
	t.headed(fields)
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

// item reads the lines of one tag.
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
		return t.in.invalid(lineAt(line), "is no list of tags")
	}
	return t.tag(nil, "tag: is no mapping", text)
}

// split parts a pack into its header, which it returns, and the texts of its tags, which it gives to fn.
func (t *tagPack) split(fn func(text string, line int64) error) (header string, err error) {
	rc, err := t.in.text()
	if err != nil {
		return "", err
	}
	defer rc.Close()
	l := newLineReader(t.in, rc)
	var head, item strings.Builder
	inTags, first, indent := false, int64(0), -1
	flush := func() error {
		text := item.String()
		item.Reset()
		if text == "" || fn == nil {
			return nil
		}
		return fn(text, first)
	}
	for {
		b, err := l.next()
		if errors.Is(err, io.EOF) {
			l.done()
			return head.String(), flush()
		} else if err != nil {
			return "", err
		}
		line := l.string(b)
		content := strings.TrimLeft(line, " ")
		switch level := len(line) - len(content); {
		case content == "" || content[0] == '#' || inTags && item.Len() > 0 && level > indent:
		case inTags && (content == "-" || strings.HasPrefix(content, "- ")) && (indent < 0 || level == indent):
			if err := flush(); err != nil {
				return "", err
			}
			indent, first = level, l.n
		case level == 0:
			if err := flush(); err != nil {
				return "", err
			}
			inTags = tagPackTags.MatchString(line)
			if inTags && indent >= 0 {
				return "", t.in.invalid(l.place(), "tags stands there twice")
			}
			if inTags {
				continue
			}
		case inTags:
			return "", t.in.invalid(l.place(), "is neither a tag nor a part of one")
		}
		to, most := &head, maxHeader
		if inTags {
			to, most = &item, maxTag
			if indent < 0 {
				continue // comments above the first tag
			}
		}
		if to.Len()+len(line) > most {
			return "", t.in.invalid(l.place(), "the header or a tag is longer than %d bytes", most)
		}
		if fn != nil || !inTags {
			to.WriteString(line)
			to.WriteByte('\n')
		} else if item.Len() == 0 {
			item.WriteByte('-') // that one has begun
		}
	}
}

// parse reads a piece of YAML: the scalars of a mapping, with the elements of its tags, or the elements of a sequence.
func (t *tagPack) parse(text, place string) (fields fieldsOf, inner []ast.Node, err error) {
	if depthOf(text) > maxYAMLDepth {
		return nil, nil, t.in.invalid(place, "nests deeper than %d", maxYAMLDepth)
	}
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		reason, _, _ := strings.Cut(err.Error(), "\n") // what follows shows the source
		return nil, nil, t.in.invalid(place, "is no valid YAML: %s", clip(reason))
	}
	if len(file.Docs) > 1 {
		return nil, nil, t.in.invalid(place, "holds several documents; give one at a time")
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return fieldsOf{}, nil, nil
	}
	check := &aliases{}
	ast.Walk(check, file.Docs[0].Body)
	if check.found {
		return nil, nil, t.in.invalid(place, "uses an anchor or alias (& or *); write the values out")
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
	return nil, nil, t.in.invalid(place, "is neither a mapping nor a list of tags")
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

// depthOf bounds how deep a text can nest: by its brackets, its indentation, and the signs that open something on one line.
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

// scalarsOf gives the texts of a mapping, as they are written: an address of 40 hex digits is no number.
func scalarsOf(n ast.Node) (fieldsOf, error) {
	pairs := pairsOf(n)
	if pairs == nil {
		return nil, errors.New("is no mapping")
	}
	all := fieldsOf{}
	for _, m := range pairs {
		key := keyText(m)
		if _, twice := all[key]; twice {
			return nil, errors.New(strconv.Quote(clip(key)) + " stands there twice")
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
			return t.in.invalid("header", "%q stands there twice", clip(name))
		}
		v, err := j.value()
		header[name] = scalarJSON(v)
		return err
	}); err != nil {
		return err
	}
	t.headed(header)
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
	if name := twice(all); name != "" {
		return t.tag(nil, strconv.Quote(clip(name))+": stands there twice", string(v[:min(len(v), 4096)]))
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

// membersJSON calls fn at the value of each member of the object that the document is.
func (t *tagPack) membersJSON(fn func(j *jsonReader, name string) error) error {
	rc, err := t.in.text()
	if err != nil {
		return err
	}
	defer rc.Close()
	j := &jsonReader{objects: objects{run: t.run, in: t.in, n: t.n}, src: &tokenReader{r: rc}}
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
			return t.in.invalid("header", "has more than %d members", maxFields)
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
