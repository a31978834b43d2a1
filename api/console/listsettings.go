package console

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"interdict/api/client"
	"interdict/lists"
	"interdict/lists/fault"
)

func (c *Console) addListSettings() {
	c.staff("GET /console/lists/{id}/settings", (*page).settings)
	c.staff("POST /console/lists/{id}/settings", (*page).changeSettings)
}

// settingFields are the fields of the form, in its order. Each has one text; policy is the JSON of its rules.
var settingFields = []string{"name", "authority", "category", "confidence", "policy", "max_age", "on_stale", "approvals", "max_shrink", "max_growth", "max_quarantined",
	"mandatory", "keep", "source.url", "source.format", "source.every", "source.sha256", "source.sha256_url"}

// settingTexts are settings as the form shows them, by field.
type settingTexts map[string]string

// settingsPage is what the page of settings shows.
type settingsPage struct {
	List *client.List
	Tag  string       // of the settings that the form was made from
	Base string       // these settings, as JSON
	Now  settingTexts // what the fields show
	// Rules are those of the policy, with empty ones to fill in.
	Rules                            []lists.Rule
	Categories                       []lists.Category
	Confidences                      []lists.Confidence
	Classes                          []string
	Changes                          []settingChange // that are to be confirmed
	Meanwhile                        []settingChange // that somebody else made since the form was opened
	Kept                             []keptField     // the form, while changes are confirmed
	MeansBefore, MeansAfter          lists.Means
	SecondPerson, SwitchedOff, Admin bool
}

// settingChange is the change of one field.
type settingChange struct {
	Field, Before, After string
	Weaker               bool // lets more through, or asks fewer people
}

// keptField is one value of a form.
type keptField struct{ Name, Value string }

// textsOf returns the settings of a list as the form shows them.
func textsOf(l *client.List) settingTexts {
	policy, err := json.Marshal(l.Policy)
	if err != nil {
		panic(err) // plain strings
	}
	t := settingTexts{"name": l.Name, "authority": l.Authority, "category": string(l.Category), "confidence": string(l.Confidence), "policy": string(policy),
		"max_age": shortDuration(l.MaxAge), "on_stale": string(l.OnStale), "approvals": strconv.Itoa(l.Approvals), "max_shrink": percentText(l.MaxShrink),
		"max_growth": floatText(l.MaxGrowth), "max_quarantined": percentText(l.MaxQuarantined), "mandatory": "no", "keep": strconv.Itoa(l.Keep)}
	if l.Mandatory {
		t["mandatory"] = "yes"
	}
	source := client.Source{}
	if l.Source != nil {
		source = *l.Source
	}
	t["source.url"], t["source.format"], t["source.every"] = source.URL, source.Format, shortDuration(source.Every)
	t["source.sha256"], t["source.sha256_url"] = source.SHA256, source.SHA256URL
	return t
}

func floatText(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// percentText writes a share as a percentage, without the error of the multiplication.
func percentText(f float64) string {
	return strconv.FormatFloat(f*100, 'g', 12, 64)
}

// shortDuration writes 24h0m0s as 24h. What is no duration stays as it is.
func shortDuration(text string) string {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return text
	case d == 0:
		return ""
	}
	text = d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// typedSettings returns what was typed.
func (p *page) typedSettings() settingTexts {
	t := settingTexts{}
	for _, field := range settingFields {
		t[field] = p.text(field)
	}
	for _, field := range []string{"max_age", "source.every"} {
		t[field] = shortDuration(t[field])
	}
	for _, field := range []string{"max_shrink", "max_growth", "max_quarantined"} {
		if f, err := strconv.ParseFloat(t[field], 64); err == nil {
			t[field] = strconv.FormatFloat(f, 'g', 12, 64)
		}
	}
	t["max_growth"] = plainNumber(t["max_growth"])
	t["mandatory"] = cmp.Or(t["mandatory"], "no")
	t["policy"] = policyText(p.typedRules())
	return t
}

// plainNumber writes a number without an exponent. What is no number stays as it is.
func plainNumber(text string) string {
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return floatText(f)
	}
	return text
}

// typedRules returns the rules of the form that have an action or a condition.
func (p *page) typedRules() lists.Policy {
	form := p.form()
	at := func(name string, i int) string {
		if all := form["rule."+name]; i < len(all) {
			return all[i]
		}
		return ""
	}
	rules := lists.Policy{}
	for i := range form["rule.action"] {
		r := lists.Rule{Category: lists.Category(at("category", i)), Confidence: lists.Confidence(at("confidence", i)), Class: at("class", i),
			Direction: lists.Direction(at("direction", i)), Action: lists.Action(at("action", i))}
		if r != (lists.Rule{}) {
			rules = append(rules, r)
		}
	}
	return rules
}

func policyText(rules lists.Policy) string {
	b, err := json.Marshal(rules)
	if err != nil {
		panic(err) // plain strings
	}
	return string(b)
}

// settingsOf reads texts as the settings of a list. The error names the field.
func settingsOf(id string, active int, t settingTexts) (*lists.List, error) {
	l := &lists.List{ID: id, Active: active, Name: t["name"], Authority: t["authority"], Category: lists.Category(t["category"]), Confidence: lists.Confidence(t["confidence"]),
		OnStale: lists.OnStale(t["on_stale"]), Mandatory: t["mandatory"] == "yes"}
	var failed error
	fail := func(field, text string) {
		if failed == nil {
			failed = fault.E(fault.Invalid, "%s: %s", field, text)
		}
	}
	duration := func(field string) (d time.Duration) {
		if t[field] != "" {
			var err error
			if d, err = time.ParseDuration(t[field]); err != nil {
				fail(field, "write a time such as 36h or 15m, or leave it empty")
			}
		}
		return d
	}
	whole := func(field string) int {
		n, err := strconv.Atoi(t[field])
		if err != nil {
			fail(field, "write a whole number")
		}
		return n
	}
	factor := func(field string) float64 {
		f, err := strconv.ParseFloat(t[field], 64)
		if err != nil {
			fail(field, "write a number")
		}
		return f
	}
	share := func(field string) float64 {
		f := factor(field)
		if !(f >= 0 && f <= 100) {
			fail(field, "write a percentage from 0 to 100")
		}
		return f / 100
	}
	l.MaxAge, l.Approvals, l.Keep = duration("max_age"), whole("approvals"), whole("keep")
	l.MaxShrink, l.MaxGrowth, l.MaxQuarantined = share("max_shrink"), factor("max_growth"), share("max_quarantined")
	if err := json.Unmarshal([]byte(t["policy"]), &l.Policy); err != nil {
		fail("policy", "the rules cannot be read")
	}
	source := lists.Source{URL: t["source.url"], Format: t["source.format"], Every: duration("source.every"), SHA256: t["source.sha256"], SHA256URL: t["source.sha256_url"]}
	if source.URL != "" {
		l.Source = &source
	}
	if failed != nil {
		return nil, failed
	}
	return l, l.Validate()
}

// settingChanges returns the fields that differ, in the order of the form.
func settingChanges(before, after settingTexts, weaker []string) (out []settingChange) {
	for _, field := range settingFields {
		if before[field] != after[field] {
			group, _, _ := strings.Cut(field, ".")
			out = append(out, settingChange{field, before[field], after[field], slices.Contains(weaker, group)})
		}
	}
	return out
}

// requested returns a request for exactly these changes.
func requested(changes []settingChange, l *lists.List, after settingTexts) (out client.ListSettings) {
	for _, c := range changes {
		switch c.Field {
		case "name":
			out.Name = &l.Name
		case "authority":
			out.Authority = &l.Authority
		case "category":
			out.Category = &l.Category
		case "confidence":
			out.Confidence = &l.Confidence
		case "policy":
			out.Policy = &l.Policy
		case "max_age":
			text := lists.DurationText(l.MaxAge)
			out.MaxAge = &text
		case "on_stale":
			out.OnStale = &l.OnStale
		case "approvals":
			out.Approvals = &l.Approvals
		case "max_shrink":
			out.MaxShrink = &l.MaxShrink
		case "max_growth":
			out.MaxGrowth = &l.MaxGrowth
		case "max_quarantined":
			out.MaxQuarantined = &l.MaxQuarantined
		case "mandatory":
			out.Mandatory = &l.Mandatory
		case "keep":
			out.Keep = &l.Keep
		default: // of the source
			out.Source = &client.Source{}
			if l.Source != nil {
				out.Source = &client.Source{URL: after["source.url"], Format: after["source.format"], Every: after["source.every"], SHA256: after["source.sha256"], SHA256URL: after["source.sha256_url"]}
			}
		}
	}
	return out
}

// emptyRules is how many rules can be added at a time.
const emptyRules = 2

// readSettings reads the settings as they are now, for the form.
func (p *page) readSettings() (*settingsPage, error) {
	l, tag, err := p.api.ListWithTag(p.r.Context(), p.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	me, err := p.api.Me(p.r.Context())
	if err != nil {
		return nil, err
	}
	d := &settingsPage{List: l, Tag: tag, Now: textsOf(l), Categories: lists.Categories, Confidences: lists.Confidences, Classes: lists.Classes,
		SwitchedOff: me.FourEyes == "off", Admin: p.may(lists.Admin)}
	base, err := json.Marshal(d.Now)
	if err != nil {
		return nil, err
	}
	d.Base = string(base)
	return d, d.fill()
}

// fill makes what the form shows of the policy.
func (d *settingsPage) fill() error {
	var rules lists.Policy
	if err := json.Unmarshal([]byte(d.Now["policy"]), &rules); err != nil {
		return fault.E(fault.Invalid, "The form cannot be read.")
	}
	d.Rules = append(rules, make([]lists.Rule, emptyRules)...)
	return nil
}

func (p *page) settings() error {
	d, err := p.readSettings()
	if err != nil {
		return err
	}
	return p.show("settings", "Settings of "+d.List.Name, d)
}

// changeSettings shows the effect of what was typed, and saves it once that is confirmed.
func (p *page) changeSettings() error {
	d, err := p.readSettings()
	if err != nil {
		return err
	}
	title, now := "Settings of "+d.List.Name, d.Now
	base := settingTexts{}
	if err := json.Unmarshal([]byte(p.form().Get("base")), &base); err != nil {
		return fault.E(fault.Invalid, "The form cannot be read.")
	}
	typed := p.typedSettings()
	if tag := p.form().Get("tag"); tag != d.Tag { // somebody else saved settings since the form was opened
		return p.showMeanwhile(d, base, typed)
	}
	if err := d.show(typed); err != nil {
		return err
	}
	before, err := settingsOf(d.List.ID, d.List.ActiveVersion, now)
	if err != nil {
		return err
	}
	after, err := settingsOf(d.List.ID, d.List.ActiveVersion, typed)
	if err != nil {
		return p.showWrong("settings", title, d, err)
	}
	changes := settingChanges(now, typed, lists.Weaker(before, after))
	switch {
	case p.text("do") == "edit":
		return p.show("settings", title, d)
	case len(changes) == 0:
		return p.showWrong("settings", title, d, fault.E(fault.Invalid, "Nothing is different from the settings as they are."))
	case p.text("do") != "save":
		return p.showConfirm(d, changes, before, after)
	}
	in := requested(changes, after, typed)
	in.Reason = p.text("reason")
	_, err = p.api.SetListIf(p.r.Context(), d.List.ID, d.Tag, in)
	if fault.Is(err, fault.Precondition) {
		if d, readErr := p.readSettings(); readErr == nil {
			return p.showMeanwhile(d, base, typed)
		}
	}
	if err = p.changed(err, listPath(d.List.ID, "settings"), "The settings are saved."); err != nil {
		return p.showWrong("settings", title, d, err)
	}
	return nil
}

// show makes the form show other settings.
func (d *settingsPage) show(t settingTexts) error {
	d.Now = t
	return d.fill()
}

// showConfirm shows what the changes do, and asks whether to save them.
func (p *page) showConfirm(d *settingsPage, changes []settingChange, before, after *lists.List) error {
	d.Changes, d.MeansBefore, d.MeansAfter = changes, before.Means(), after.Means()
	d.SecondPerson = !d.SwitchedOff && slices.ContainsFunc(changes, func(c settingChange) bool { return c.Weaker })
	form := p.form()
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if name == "do" || name == "reason" {
			continue
		}
		for _, value := range form[name] {
			d.Kept = append(d.Kept, keptField{name, value})
		}
	}
	return p.show("settings", "Settings of "+d.List.Name, d)
}

// showMeanwhile shows the form again after somebody else has changed the settings: with what was typed, and their values in fields that were not touched.
func (p *page) showMeanwhile(d *settingsPage, base, typed settingTexts) error {
	d.Meanwhile = settingChanges(base, d.Now, nil)
	merged := maps.Clone(d.Now)
	for _, field := range settingFields {
		if typed[field] != base[field] {
			merged[field] = typed[field]
		}
	}
	if err := d.show(merged); err != nil {
		return err
	}
	return p.showWrong("settings", "Settings of "+d.List.Name, d,
		fault.E(fault.Conflict, "Nothing was saved: %s changed the settings while you did. What you typed is kept; look at it again.", d.List.UpdatedBy))
}
