package otlp_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	pb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"interdict/api/otlp"
)

// spansAt sends two spans, one within the other, to a collector and returns what it got, and what was noted.
func spansAt(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) (got []*collector.ExportTraceServiceRequest, noted []string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var m collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &m) != nil || r.URL.Path != "/v1/traces" || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-protobuf" ||
			r.Header.Get("Authorization") != "Bearer token" {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		got = append(got, &m)
		answer(w, r)
	}))
	defer s.Close()
	x, err := otlp.New(s.URL, "Bearer token", func(_ time.Time, err error) {
		if err == nil {
			noted = append(noted, "sent")
		} else {
			noted = append(noted, err.Error())
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(x), sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "interdict"))))
	tracer := provider.Tracer("scope")
	ctx, outer := tracer.Start(t.Context(), "outer", trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(time.Unix(1, 2)))
	outer.SetAttributes(attribute.Int("status", 503), attribute.Bool("yes", true), attribute.Float64("share", .5), attribute.StringSlice("many", []string{"a"}))
	outer.SetStatus(codes.Error, "")
	_, inner := tracer.Start(ctx, "inner")
	inner.End(trace.WithTimestamp(time.Unix(3, 4)))
	outer.End()
	if err := provider.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	return got, noted
}

func TestACollectorGetsSpans(t *testing.T) {
	got, noted := spansAt(t, func(http.ResponseWriter, *http.Request) {})
	if len(got) != 1 || len(got[0].ResourceSpans) != 1 || len(got[0].ResourceSpans[0].ScopeSpans) != 1 || !cmp.Equal(noted, []string{"sent"}) {
		t.Fatalf("%v %v", got, noted)
	}
	r := got[0].ResourceSpans[0]
	if a := r.Resource.Attributes[0]; a.Key != "service.name" || a.Value.GetStringValue() != "interdict" || r.ScopeSpans[0].Scope.Name != "scope" {
		t.Errorf("%v", r)
	}
	inner, outer := r.ScopeSpans[0].Spans[0], r.ScopeSpans[0].Spans[1]
	if inner.Name != "inner" || outer.Name != "outer" || string(inner.ParentSpanId) != string(outer.SpanId) || len(outer.ParentSpanId) > 0 || string(inner.TraceId) != string(outer.TraceId) || len(outer.TraceId) != 16 {
		t.Errorf("%v %v", inner, outer)
	}
	if outer.Kind != pb.Span_SPAN_KIND_SERVER || outer.Status.GetCode() != pb.Status_STATUS_CODE_ERROR || outer.StartTimeUnixNano != 1e9+2 || inner.EndTimeUnixNano != 3e9+4 || inner.Status != nil {
		t.Errorf("%v %v", inner, outer)
	}
	values := map[string]string{}
	for _, a := range outer.Attributes {
		values[a.Key] = a.Value.String()
	}
	for name, is := range map[string]bool{"status": outer.Attributes[0].Value.GetIntValue() == 503, "yes": outer.Attributes[1].Value.GetBoolValue(),
		"share": outer.Attributes[2].Value.GetDoubleValue() == .5, "many": outer.Attributes[3].Value.GetStringValue() == `["a"]`} {
		if !is {
			t.Errorf("%s: %s", name, values[name])
		}
	}
}

func TestACollectorThatRefusesIsNoted(t *testing.T) {
	_, noted := spansAt(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	if !cmp.Equal(noted, []string{"the collector answers 401 Unauthorized"}) {
		t.Errorf("%q", noted)
	}
	_, noted = spansAt(t, func(w http.ResponseWriter, _ *http.Request) {
		b, err := proto.Marshal(&collector.ExportTraceServiceResponse{PartialSuccess: &collector.ExportTracePartialSuccess{RejectedSpans: 1}})
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(b)
	})
	if !cmp.Equal(noted, []string{"the collector rejects 1 of 2 spans"}) {
		t.Errorf("%q", noted)
	}
}

// Nobody waits for a collector that hangs: not the one who makes spans, and not the end of the process.
func TestACollectorThatHangsHoldsNobodyUp(t *testing.T) {
	asked, over := make(chan struct{}, 100), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked <- struct{}{}
		<-over
	}))
	defer s.Close()
	defer close(over)
	x, err := otlp.New(s.URL, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(x, sdk.WithMaxQueueSize(4), sdk.WithMaxExportBatchSize(1)))
	tracer := provider.Tracer("scope")
	for range 1000 {
		_, span := tracer.Start(t.Context(), "span")
		span.End()
	}
	<-asked
	ended := make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	go func() {
		defer close(ended)
		_ = provider.Shutdown(ctx) // it says that time is over
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}

func TestURLsOfCollectors(t *testing.T) {
	for text, good := range map[string]bool{"http://c:4318": true, "https://c/otlp/v1/traces": true, "": false, "c:4318": false, "ftp://c": false, "http://user:secret@c": false, "http://c?x=1": false, "http://": false} {
		if _, err := otlp.New(text, "", nil); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}
