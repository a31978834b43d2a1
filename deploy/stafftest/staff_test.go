package stafftest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"interdict/lists/storetest"
	"interdict/lists/storetest/freeaddr"
)

const password = "seven tall herons wade"

// cookies returns the cookies of the window, those that pages cannot read included.
func (b *browser) cookies() (all []*network.Cookie) {
	b.t.Helper()
	b.do(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		all, err = storage.GetCookies().Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser))
		return err
	}))
	return all
}

// status asks a server as a program would that has got hold of a cookie.
func status(t *testing.T, method, url string, cookie *network.Cookie, header http.Header) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	if header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Content-Type", "application/json")
	if cookie != nil {
		req.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func code(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	c, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A person gets an account by a command, sets it up in a browser, and works with two servers on one Redis. Nothing that they sent can be sent again.
func TestPersonSetsUpTheirAccountInABrowser(t *testing.T) {
	b := openBrowser(t)
	redis := storetest.StartRedis(t)
	journals := t.TempDir()
	one := serve(t, freeaddr.Get(t), "--redis", redis, "--data", t.TempDir())
	two := serve(t, freeaddr.Get(t), "--redis", redis, "--data", t.TempDir())
	invitation := strings.TrimSpace(interdict(t, "people", "create", "kim@example.org", "--person", "Kim Lee", "--role", "analyst,admin", "--redis", redis, "--data", journals))

	b.do(chromedp.Navigate(one))
	b.waitFor("Sign in")
	b.labelled()
	b.picture("sign-in")
	b.do(chromedp.Navigate(one + "/console/welcome#" + invitation))
	b.waitFor("Set up your account")
	b.labelled()
	var secret, where string
	b.do(chromedp.Value(`input[name=secret]`, &secret, chromedp.ByQuery), chromedp.Location(&where))
	if strings.Contains(where, invitation) {
		t.Errorf("the invitation is still in the address: %s", where)
	}
	b.do(chromedp.SendKeys("#password", "password1234", chromedp.ByQuery), chromedp.SendKeys("#again", "password1234", chromedp.ByQuery),
		chromedp.SendKeys("#code", code(t, secret, time.Now()), chromedp.ByQuery), chromedp.Click("main button", chromedp.ByQuery))
	b.do(chromedp.WaitVisible("#error", chromedp.ByQuery))
	b.picture("set-up")
	if text := b.text(); !strings.Contains(text, "one of the first that an attacker tries") || !strings.Contains(text, secret) {
		t.Errorf("%s", text)
	}
	b.do(chromedp.SendKeys("#password", password, chromedp.ByQuery), chromedp.SendKeys("#again", password, chromedp.ByQuery),
		chromedp.SendKeys("#code", code(t, secret, time.Now()), chromedp.ByQuery), chromedp.Click("main button", chromedp.ByQuery))
	b.waitFor("Your recovery codes")
	b.picture("recovery")
	b.do(chromedp.Click("main .button", chromedp.ByQuery))
	b.waitFor("Today")
	b.picture("console")
	b.do(chromedp.Navigate(one + "/console/account"))
	b.waitFor("Kim Lee")
	if text := b.text(); !strings.Contains(text, "analyst") || !strings.Contains(text, "10 left") || !strings.Contains(text, "Setup: fewer than two people") {
		t.Errorf("%s", text)
	}

	all := b.cookies()
	if len(all) != 1 || all[0].Name != "interdict" || !all[0].HTTPOnly || all[0].SameSite != network.CookieSameSiteStrict {
		t.Fatalf("%+v", all)
	}
	cookie := all[0]
	for _, server := range []string{one, two} {
		if got := status(t, "GET", server+"/v1/me", cookie, nil); got != 200 {
			t.Errorf("%s: the session: %d", server, got)
		}
	}
	// Another site's page can make the browser send the cookie only where it is not strict; a server must not rely on that.
	for _, header := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"https://evil.example.org"}}} {
		if got := status(t, "POST", one+"/v1/keys", cookie, header); got != 403 {
			t.Errorf("%v: %d", header, got)
		}
	}
	if got := status(t, "POST", one+"/v1/keys", cookie, nil); got != 400 { // no roles
		t.Errorf("a program with the cookie: %d", got)
	}

	b.do(chromedp.Click("header button", chromedp.ByQuery))
	b.waitFor("Sign in")
	for _, server := range []string{one, two} {
		if got := status(t, "GET", server+"/v1/me", cookie, nil); got != 401 {
			t.Errorf("%s: the cookie after signing out: %d", server, got)
		}
	}
	if all := b.cookies(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	b.do(chromedp.Navigate(two+"/console/"), chromedp.SendKeys("#login", "kim@example.org", chromedp.ByQuery), chromedp.SendKeys("#password", password, chromedp.ByQuery),
		chromedp.SendKeys("#code", "000000", chromedp.ByQuery), chromedp.Click("main button", chromedp.ByQuery), chromedp.WaitVisible("#error", chromedp.ByQuery))
	b.picture("refused")
	// The clock of a phone may be half a minute ahead, and each code works once.
	b.do(chromedp.SendKeys("#password", password, chromedp.ByQuery), chromedp.SendKeys("#code", code(t, secret, time.Now().Add(30*time.Second)), chromedp.ByQuery),
		chromedp.Click("main button", chromedp.ByQuery))
	b.waitFor("Today")

	b.do(chromedp.Navigate(one + "/console/welcome#" + invitation))
	b.do(chromedp.WaitVisible("#error", chromedp.ByQuery))
	if text := b.text(); !strings.Contains(text, "has been used") {
		t.Errorf("%s", text)
	}
	for _, c := range b.complaints {
		if !strings.Contains(c, "the server responded with a status of 4") {
			t.Errorf("the browser complains: %s", c)
		}
	}
}

// The browser goes to the provider, which is another site, and comes back.
func TestPersonSignsInAtTheIdentityProvider(t *testing.T) {
	b := openBrowser(t)
	addr := freeaddr.Get(t)
	issuer := identityProvider(t, "http://"+addr+"/console/oidc/callback")
	one := serve(t, addr, "--data", t.TempDir(), "--oidc-issuer", issuer, "--oidc-client-id", "interdict", "--oidc-client-secret", "secret",
		"--oidc-redirect-url", "http://"+addr+"/console/oidc/callback", "--oidc-roles", "screening=analyst,leads=approver")
	b.do(chromedp.Navigate(one+"/console/"), chromedp.WaitVisible("main .button", chromedp.ByQuery))
	b.picture("company")
	b.do(chromedp.Click("main .button", chromedp.ByQuery), chromedp.WaitVisible("#username", chromedp.ByQuery),
		chromedp.SendKeys("#username", "test-user@localhost", chromedp.ByQuery), chromedp.SendKeys("#password", "verysecure", chromedp.ByQuery), chromedp.Click("button", chromedp.ByQuery))
	b.waitFor("Today")
	b.picture("company-console")
	b.do(chromedp.Navigate(one + "/console/account"))
	b.waitFor("test-user@zitadel.ch")
	if text := b.text(); !strings.Contains(text, "analyst") || strings.Contains(text, "approver") || !strings.Contains(text, issuer) {
		t.Errorf("%s", text)
	}
	// A link on another site leads to the console of a person who is signed in.
	b.do(chromedp.Navigate("http://localhost:"+strings.Split(issuer, ":")[2]+"logged-out"), chromedp.Evaluate(`location.href = "`+one+`/console/"`, nil))
	b.waitFor("Today")

	b.do(chromedp.Click("header button", chromedp.ByQuery))
	b.waitFor("Sign in")
	if all := b.cookies(); len(all) != 0 {
		t.Errorf("%+v", all)
	}
	for _, c := range b.complaints {
		if !strings.Contains(c, "favicon") && !strings.Contains(c, "404") {
			t.Errorf("the browser complains: %s", c)
		}
	}
}

// The demonstration prints a link that signs in once.
func TestDemonstrationSignsIn(t *testing.T) {
	b := openBrowser(t)
	link := demonstrate(t)
	b.do(chromedp.Navigate(link))
	b.waitFor("Today")
	b.do(chromedp.Click("header button", chromedp.ByQuery))
	b.waitFor("Sign in")
	b.do(chromedp.Navigate(link), chromedp.WaitVisible("#error", chromedp.ByQuery))
}
