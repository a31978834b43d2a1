package stafftest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"interdict/lists/storetest/freeaddr"
)

var program string // the built binary

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "interdict-staff-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "interdict")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// interdict runs a command to its end and returns its standard output.
func interdict(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("interdict %v: %v\n%s", args, err, &errs)
	}
	return out.String()
}

// serve starts a server and returns its address once it answers. It ends with the test.
func serve(t *testing.T, addr string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, append([]string{"serve", "--listen", addr, "--admin-listen", freeaddr.Get(t), "--drain-delay", "0s"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("server %s:\n%s", addr, &out)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get("http://" + addr + "/livez"); err == nil {
			res.Body.Close()
			return "http://" + addr
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not answer")
		}
	}
}

// people is the storage of the identity provider, whose people are all in one group.
type people struct{ *storage.Storage }

func (p people) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, token, subject, origin string) error {
	info.AppendClaims("groups", []string{"everyone", "screening"})
	return p.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin)
}

// identityProvider starts a provider with a page to sign in, under another name of this machine than that of the console: for a browser it is another site.
func identityProvider(t *testing.T, redirect string) (issuer string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	issuer = fmt.Sprintf("http://localhost:%d/", ln.Addr().(*net.TCPAddr).Port)
	storage.RegisterClients(storage.WebClient("interdict", "secret", redirect))
	srv := &http.Server{Handler: exampleop.SetupServer(issuer, people{storage.NewStorage(storage.NewUserStore(issuer))}, slog.New(slog.DiscardHandler), false)}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { srv.Close() })
	return issuer
}

// browser is one window of Chromium.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	complaints []string // of the browser about pages
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("INTERDICT_REQUIRE_CHROMIUM") != "" {
			t.Fatal(err)
		}
		t.Skip("no chromium: ", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1100, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) }) // waits until the browser has ended and its folder is gone
	b := &browser{t: t, ctx: ctx}
	chromedp.ListenTarget(ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			b.complaints = append(b.complaints, e.Entry.Text)
		case *runtime.EventExceptionThrown:
			b.complaints = append(b.complaints, e.ExceptionDetails.Error())
		}
	})
	return b
}

// do works in the window.
func (b *browser) do(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		var where, page string
		_ = chromedp.Run(b.ctx, chromedp.Location(&where), chromedp.OuterHTML("html", &page, chromedp.ByQuery))
		b.t.Fatalf("%v\nat %s:\n%s", err, where, page)
	}
}

// waitFor waits for a page with this heading.
func (b *browser) waitFor(heading string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.WaitVisible(fmt.Sprintf(`//h1[normalize-space()=%q]`, heading), chromedp.BySearch)); err != nil {
		b.do(chromedp.ActionFunc(func(context.Context) error { return fmt.Errorf("no page %q: %w", heading, err) }))
	}
}

// text returns the text of the page.
func (b *browser) text() string {
	b.t.Helper()
	var text string
	b.do(chromedp.Text("body", &text, chromedp.ByQuery))
	return text
}

// picture keeps a picture of the page in INTERDICT_TEST_PICTURES, if that is set.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("INTERDICT_TEST_PICTURES")
	if dir == "" {
		return
	}
	var png []byte
	b.do(chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// labelled makes sure that every field of the page that a person can see has a label.
func (b *browser) labelled() {
	b.t.Helper()
	var without []string
	b.do(chromedp.Evaluate(`[...document.querySelectorAll("input:not([type=hidden]):not([aria-hidden]):not([aria-label])")].filter(i => !i.labels.length).map(i => i.outerHTML)`, &without))
	if len(without) > 0 {
		b.t.Errorf("fields without a label: %s", strings.Join(without, "\n"))
	}
}

// demonstrate starts serve --demo and returns the link to its console.
func demonstrate(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(program, "serve", "--demo", "--listen", freeaddr.Get(t), "--admin-listen", freeaddr.Get(t))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "http://") {
			return lines.Text()
		}
	}
	t.Fatal("no link is printed")
	return ""
}

// awaited waits for the promise of an expression.
func awaited(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
