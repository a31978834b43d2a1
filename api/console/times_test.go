package console

import (
	"html/template"
	"testing"
	"time"
)

func TestTimesHaveOneForm(t *testing.T) {
	at := time.Date(2026, 11, 26, 15, 5, 9, 0, time.FixedZone("", 3600))
	const open = `<time datetime="2026-11-26T14:05:09Z" title="2026-11-26 14:05:09 UTC">`
	for _, c := range []struct{ got, want template.HTML }{
		{showTime(at), open + "2026-11-26 14:05 UTC</time>"},
		{showTime(&at), open + "2026-11-26 14:05 UTC</time>"},
		{showSecond(at), open + "2026-11-26 14:05:09 UTC</time>"},
		{showTime((*time.Time)(nil)), "never"},
		{ago(time.Time{}), "never"},
		{showDay(at), `<time datetime="2026-11-26">2026-11-26</time>`},
		{showDay("2025-04-02"), `<time datetime="2025-04-02">2025-04-02</time>`},
		{showDay("spring <2025>"), "spring &lt;2025&gt;"},
		{showValue("a <b> until 2026-11-26T14:05:09Z, 2026-99-99T14:05:09Z"), "a &lt;b&gt; until " + open + "2026-11-26 14:05 UTC</time>, 2026-99-99T14:05:09Z"},
	} {
		if c.got != c.want {
			t.Errorf("%s instead of %s", c.got, c.want)
		}
	}
}
