package stafftest

import (
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// structure finds what is wrong with the headings and the times of a page: each has one h1 and skips no level, and times have one form.
const structure = `(() => {
	const bad = [], levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(h => +h.tagName[1]);
	if (levels[0] !== 1 || levels.filter(l => l === 1).length !== 1 || levels.some((l, i) => i > 0 && l > levels[i - 1] + 1)) { bad.push("levels of headings " + levels); }
	for (const t of document.querySelectorAll("time")) {
		if (!t.dateTime || !/^(\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)? UTC)?|\d+ \w+ ago|in \d+ \w+)$/.test(t.textContent)) { bad.push("a time: " + t.outerHTML); }
	}
	const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const n = texts.currentNode;
		if (!n.parentElement.closest("time, option, pre") && /^\d{4}-\d\d-\d\d$|\d:\d\d(:\d\d)? ?(UTC|AM|PM|Z)|\dT\d\d:\d\d|\d [JFMASOND][a-z]{2,8} \d{4}|[JFMASOND][a-z]{2,8} \d+, \d{4}/.test(n.data.trim())) { bad.push("a time without its element: " + n.data.trim()); }
	}
	return bad;
})()`

// sideways finds what does not fit into the width of the window, and cells that do not have the title of their column beside them.
const sideways = `(() => {
	const bad = [], phone = innerWidth < 800;
	if (document.documentElement.scrollWidth > innerWidth) { bad.push("the page scrolls sideways"); }
	for (const box of document.querySelectorAll(".scroll:not(.sideways)")) {
		if (box.scrollWidth > box.clientWidth) { bad.push("a table scrolls sideways: " + box.textContent.trim().slice(0, 100)); }
		const titles = [...box.querySelectorAll("th")].map(th => th.textContent.trim());
		for (const cell of box.querySelectorAll("td:not([colspan])")) {
			if (cell.parentElement.closest("td")) { continue; }
			const title = titles[cell.cellIndex] === "All" ? "Choose" : titles[cell.cellIndex], shown = getComputedStyle(cell, "::before").content;
			if (phone && cell.offsetHeight > 0 && shown !== '"' + title + '"') { bad.push("the cell of " + title + " says " + shown); }
		}
	}
	const nav = document.querySelector("nav");
	if (phone && (nav.offsetHeight > 60 || [...document.querySelectorAll("details.notice")].some(n => n.offsetHeight > 40))) { bad.push("the menu or a notice is not one line"); }
	if (!phone && [...nav.querySelectorAll("a")].some(a => !a.checkVisibility({contentVisibilityAuto: true}) || a.offsetHeight === 0)) { bad.push("the menu is folded"); }
	return bad;
})()`

// structured makes sure that headings and times of the page are as everywhere.
func (b *browser) structured() {
	b.t.Helper()
	b.finds("structure", structure)
}

// fits makes sure that nothing of the page is cut in a window of this width.
func (b *browser) fits(width int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 860))
	b.finds(fmt.Sprintf("%d pixels", width), sideways)
}

func (b *browser) finds(what, script string) {
	b.t.Helper()
	var where string
	var bad []string
	b.do(chromedp.Location(&where), chromedp.Evaluate(script, &bad))
	for _, text := range bad {
		b.t.Errorf("%s: %s: %s", where, what, text)
	}
}

// hasCase asks about a listed address, and waits until its case is there.
func (b *browser) hasCase(listed string) {
	b.t.Helper()
	var open int
	b.do(chromedp.Evaluate(fmt.Sprintf(`(async () => {
		await fetch("/v1/check", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({address: %q, direction: "deposit", customer: "customer-4711", reference: "payment-0001"})});
		for (let i = 0, n; i < 200; i++) {
			if ((n = (await (await fetch("/v1/cases/counts")).json()).total) > 0) { return n; }
			await new Promise(go => setTimeout(go, 100));
		}
		return 0;
	})()`, listed), &open, awaited))
	if open != 1 {
		b.t.Fatalf("%d cases", open)
	}
}

// onTelephone makes sure that the menu and the notices are one line each on a telephone, and open without a script.
func (b *browser) onTelephone(axe string) {
	b.t.Helper()
	b.do(emulation.SetScriptExecutionDisabled(true), chromedp.EmulateViewport(400, 860),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}), chromedp.Reload())
	b.waitFor("Today")
	if text := b.text(); strings.Contains(text, "Test addresses are listed") || strings.Contains(text, "Timeliness") {
		b.t.Errorf("not folded: %s", text)
	}
	b.do(chromedp.SendKeys("details.notice summary", kb.Enter, chromedp.ByQuery), chromedp.SendKeys("nav summary", kb.Enter, chromedp.ByQuery),
		chromedp.WaitVisible(`nav a[href="/console/timeliness"]`, chromedp.ByQuery))
	if text := b.text(); !strings.Contains(text, "Test addresses are listed") {
		b.t.Errorf("a notice does not open: %s", text)
	}
	b.picture("telephone-menu")
	b.do(chromedp.Click(`nav a[href="/console/timeliness"]`, chromedp.ByQuery))
	b.waitFor("Timeliness")
	b.do(emulation.SetScriptExecutionDisabled(false))
	b.usable(axe)
	b.do(chromedp.EmulateReset(), emulation.SetEmulatedMedia())
}
