package lists

import "time"

// shownSettings are the settings of a list as records and proposals show them: durations as text, no secrets.
type shownSettings struct {
	Name           string       `json:"name"`
	Authority      string       `json:"authority"`
	Category       Category     `json:"category"`
	Confidence     Confidence   `json:"confidence"`
	Policy         Policy       `json:"policy"`
	MaxAge         string       `json:"max_age"`
	OnStale        OnStale      `json:"on_stale"`
	Approvals      int          `json:"approvals"`
	MaxShrink      float64      `json:"max_shrink"`
	MaxGrowth      float64      `json:"max_growth"`
	MaxQuarantined float64      `json:"max_quarantined"`
	Mandatory      bool         `json:"mandatory"`
	Keep           int          `json:"keep"`
	Source         *shownSource `json:"source,omitempty"`
}

type shownSource struct {
	URL       string `json:"url"`
	Format    string `json:"format"`
	Every     string `json:"every"`
	SHA256    string `json:"sha256,omitempty"`
	SHA256URL string `json:"sha256_url,omitempty"`
	By        string `json:"by,omitempty"`
}

// Shown returns the settings as records and proposals show them.
func (l *List) Shown() any {
	s := shownSettings{l.Name, l.Authority, l.Category, l.Confidence, l.Policy, DurationText(l.MaxAge), l.OnStale, l.Approvals, l.MaxShrink, l.MaxGrowth,
		l.MaxQuarantined, l.Mandatory, l.KeepVersions(), nil}
	if l.Source != nil {
		x := l.Source.Redacted()
		s.Source = &shownSource{x.URL, x.Format, DurationText(x.Every), x.SHA256, x.SHA256URL, x.By}
	}
	return s
}

// DurationText returns a duration as settings show it: "36h0m0s"; "" for 0.
func DurationText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
