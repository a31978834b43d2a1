package stafftest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// axe returns the script that looks for what hinders people who use a keyboard or a screen reader.
func axe(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	ctx, end := context.WithTimeout(t.Context(), 2*time.Minute)
	defer end()
	cmd := exec.CommandContext(ctx, "npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", dir, "axe-core@4.14.1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// usable makes sure that axe finds nothing on the page.
func (b *browser) usable(script string) {
	b.t.Helper()
	var found []string
	var where string
	b.do(chromedp.Location(&where), chromedp.Evaluate(script, nil), chromedp.Evaluate(
		`axe.run({resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html).join(" | ")))`, &found,
		awaited))
	for _, text := range found {
		b.t.Errorf("%s: %s", where, text)
	}
}

// Every page of the menu opens without a complaint of the browser, and can be used with a keyboard and a screen reader.
func TestPagesCanBeUsedByEverybody(t *testing.T) {
	b, script := openBrowser(t), axe(t)
	link := demonstrate(t)
	b.do(chromedp.Navigate(link))
	b.waitFor("Today")
	var pages []string
	b.do(chromedp.Evaluate(`[...document.querySelectorAll("nav a")].map(a => a.href)`, &pages))
	if len(pages) < 12 {
		t.Fatalf("the menu has %d pages", len(pages))
	}
	base := strings.TrimSuffix(link[:strings.Index(link, "/console/")], "/")
	const listed = "0x098B716B8Aaf21512996dC57EB0615e2383E2f96"
	b.hasCase(listed)
	b.onTelephone(script)
	for _, more := range []string{"/console/lookup?address=" + listed, "/console/lookup?address=1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "/console/lookup?address=nonsense", "/console/lists/demo",
		"/console/lists/demo/versions/1", "/console/lists/demo/settings", "/console/account", "/console/nosuch"} {
		pages = append(pages, base+more)
	}
	for _, page := range pages {
		b.do(chromedp.Navigate(page), chromedp.WaitVisible("h1", chromedp.ByQuery))
		b.usable(script)
		b.labelled()
		b.structured()
		b.fits(1280)
		b.fits(400)
		b.do(chromedp.EmulateReset())
		b.picture("page-" + strings.NewReplacer("/", "-", "?", "-", "=", "-").Replace(strings.TrimPrefix(page, base+"/console/")))
	}
	for _, c := range b.complaints {
		if !strings.Contains(c, "status of 4") { // the last page is not there, and one text is not an address
			t.Errorf("the browser complains: %s", c)
		}
	}
}

// A file is dropped, looked at and submitted; the version waits, and says for whom.
func TestAFileIsUploadedInABrowser(t *testing.T) {
	b := openBrowser(t)
	link := demonstrate(t)
	base := link[:strings.Index(link, "/console/")]
	file := filepath.Join(t.TempDir(), "partner.csv")
	if err := os.WriteFile(file, []byte("address,network,entity\n0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf,ethereum,Thief\nnot an address,bitcoin,Other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(link))
	b.waitFor("Today")
	b.do(chromedp.Navigate(base+"/console/upload?list=demo"), chromedp.WaitVisible("h1", chromedp.ByQuery),
		chromedp.SetUploadFiles(`input[type=file]`, []string{file}, chromedp.ByQuery), chromedp.Click("main form button", chromedp.ByQuery), chromedp.WaitVisible("table.rows", chromedp.ByQuery))
	b.picture("upload-read")
	if text := b.text(); !strings.Contains(text, "Thief") && !strings.Contains(text, "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf") {
		t.Errorf("%s", text)
	}
}
