package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"interdict/api"
)

// The trace of a caller goes on in the answer, with the parts that take time.
func TestACheckIsPartOfTheCallersTrace(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(kept), sdk.WithSampler(sdk.ParentBased(sdk.NeverSample())))
	h := screened(t, func(o *api.Options) { o.Traces = provider })
	if n := len(kept.GetSpans()); n > 0 {
		t.Errorf("%d spans of requests that are not sampled", n)
	}
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	sampled := func(name, method, path string, body any) []string {
		t.Helper()
		kept.Reset()
		a := h.do(call{method: method, path: path, key: h.keyOf[name], body: body, header: http.Header{"Traceparent": {parent}, "X-Request-Id": {"wd-1"}}})
		own := a.header.Get("Traceparent")
		var names []string
		root := ""
		all := kept.GetSpans()
		slices.SortFunc(all, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
		for _, s := range all {
			if s.SpanContext.TraceID().String() != "4bf92f3577b34da6a3ce929d0e0e4736" {
				t.Errorf("%s belongs to another trace", s.Name)
			}
			if root == "" {
				root = s.SpanContext.SpanID().String()
				if s.Parent.SpanID().String() != "00f067aa0ba902b7" || own != "00-4bf92f3577b34da6a3ce929d0e0e4736-"+root+"-01" {
					t.Errorf("%s: parent %s, the answer says %s", s.Name, s.Parent.SpanID(), own)
				}
			} else if s.Parent.SpanID().String() != root && s.Name != "store read" {
				t.Errorf("%s is no part of the request", s.Name)
			}
			names = append(names, s.Name)
		}
		return names
	}
	same(t, "a hit", []string{"POST /v1/check", "store read", "store read", "journal append"}, sampled("till", "POST", "/v1/check", checkOf(lazarus, "ethereum")))
	same(t, "a miss", []string{"POST /v1/check", "journal append"}, sampled("till", "POST", "/v1/check", checkOf(genesis, "bitcoin")))
	same(t, "an upload", []string{"POST /v1/lists/:id/versions", "receive upload", "read upload"},
		sampled("ana", "POST", "/v1/lists/ofac-sdn/versions?format=csv", []byte("address\n"+lazarus+"\n")))
	h.raw("GET", "/livez", http.Header{"Traceparent": {parent}}, "")
	h.store.noLookups.Store(true)
	kept.Reset()
	h.raw("POST", "/v1/check", http.Header{"X-Api-Key": {h.keyOf["till"]}, "Traceparent": {parent}}, `{"address":"`+p2pkh+`","direction":"deposit"}`)
	failed := []string{}
	for _, s := range kept.GetSpans() {
		failed = append(failed, s.Name+" "+s.Status.Code.String())
	}
	same(t, "a check that fails", []string{"store read Error", "journal append Unset", "POST /v1/check Error"}, failed)
}

// Without traces, and with the access log as it is by default, a check costs no more memory than without them.
func TestLogsAndTracesThatAreOffCostNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	allocations := func(set func(*api.Options)) float64 {
		h := screened(t, set)
		body := `{"address":"` + genesis + `","network":"bitcoin","direction":"deposit"}`
		header := http.Header{"X-Api-Key": {h.keyOf["till"]}}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/check", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.RemoteAddr, r.Header, r.ContentLength = "192.0.2.7:1", header, int64(len(body))
		text := strings.NewReader(body)
		r.Body = readCloser{text}
		w := &nowhere{header: http.Header{}}
		return testing.AllocsPerRun(200, func() {
			text.Reset(body)
			clear(w.header)
			h.server.Handler().ServeHTTP(w, r)
			if w.status != http.StatusOK {
				t.Fatal(w.status)
			}
		})
	}
	off := allocations(func(o *api.Options) { o.AccessLog = api.AccessOff })
	on := allocations(func(*api.Options) {})
	if on > off || off > 8 {
		t.Errorf("a miss allocates %v times, without access log %v times", on, off)
	}
}

// nowhere is a http.ResponseWriter that drops the answer.
type nowhere struct {
	header http.Header
	status int
}

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(status int)      { w.status = status }
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }
