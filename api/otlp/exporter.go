// Package otlp sends traces to a collector by OTLP over HTTP, in protobuf. The exporter of OpenTelemetry itself does the same, and brings the whole of
// gRPC along.
package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	resource "go.opentelemetry.io/proto/slim/otlp/resource/v1"
	pb "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// timeout limits one request to the collector.
const timeout = 5 * time.Second

// Exporter sends spans. A request that fails is not repeated: its spans are lost.
type Exporter struct {
	url           string
	authorization string
	http          *http.Client
	note          func(begun time.Time, err error)
}

// New returns an exporter to a collector. Where the URL has no path, it is that of the specification, /v1/traces. authorization is the value of the header
// of that name; "" for none. note, which may be nil, is told how every request went.
func New(base, authorization string, note func(begun time.Time, err error)) (*Exporter, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("use an http or https URL of a collector, without user and query")
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/v1/traces"
	}
	if note == nil {
		note = func(time.Time, error) {}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	client := &http.Client{Timeout: timeout, Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Exporter{u.String(), authorization, client, note}, nil
}

// ExportSpans sends spans. It returns no error: note has it.
func (x *Exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if len(spans) == 0 {
		return nil
	}
	begun := time.Now()
	err := x.send(ctx, spans)
	if ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		return nil // the process ends
	}
	x.note(begun, err)
	return nil
}

// Shutdown closes the connections.
func (x *Exporter) Shutdown(context.Context) error {
	x.http.CloseIdleConnections()
	return nil
}

func (x *Exporter) send(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	body, err := proto.Marshal(&collector.ExportTraceServiceRequest{ResourceSpans: message(spans)})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, x.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if x.authorization != "" {
		req.Header.Set("Authorization", x.authorization)
	}
	res, err := x.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("the collector answers %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	var partial collector.ExportTraceServiceResponse
	if err == nil && proto.Unmarshal(answer, &partial) == nil && partial.GetPartialSuccess().GetRejectedSpans() > 0 {
		return fmt.Errorf("the collector rejects %d of %d spans", partial.GetPartialSuccess().GetRejectedSpans(), len(spans))
	}
	return nil
}

// message groups spans by their resource and scope, of which there are few.
func message(spans []sdk.ReadOnlySpan) []*pb.ResourceSpans {
	type key struct {
		resource attribute.Distinct
		scope    instrumentation.Scope
	}
	resources, scopes := map[attribute.Distinct]*pb.ResourceSpans{}, map[key]*pb.ScopeSpans{}
	var out []*pb.ResourceSpans
	for _, s := range spans {
		of := s.Resource().Equivalent()
		r := resources[of]
		if r == nil {
			r = &pb.ResourceSpans{Resource: &resource.Resource{Attributes: attributes(s.Resource().Attributes())}}
			resources[of] = r
			out = append(out, r)
		}
		k := key{of, s.InstrumentationScope()}
		scope := scopes[k]
		if scope == nil {
			scope = &pb.ScopeSpans{Scope: &common.InstrumentationScope{Name: k.scope.Name, Version: k.scope.Version}}
			scopes[k] = scope
			r.ScopeSpans = append(r.ScopeSpans, scope)
		}
		scope.Spans = append(scope.Spans, span(s))
	}
	return out
}

func span(s sdk.ReadOnlySpan) *pb.Span {
	trace, id, parent := s.SpanContext().TraceID(), s.SpanContext().SpanID(), s.Parent().SpanID()
	out := &pb.Span{TraceId: trace[:], SpanId: id[:], Name: s.Name(), Kind: pb.Span_SpanKind(s.SpanKind()),
		StartTimeUnixNano: nanos(s.StartTime()), EndTimeUnixNano: nanos(s.EndTime()), Attributes: attributes(s.Attributes()),
		DroppedAttributesCount: uint32(s.DroppedAttributes()), Flags: uint32(s.SpanContext().TraceFlags())} //nolint:gosec // few
	if s.Parent().SpanID().IsValid() {
		out.ParentSpanId = parent[:]
	}
	switch s.Status().Code {
	case codes.Error:
		out.Status = &pb.Status{Code: pb.Status_STATUS_CODE_ERROR, Message: s.Status().Description}
	case codes.Ok:
		out.Status = &pb.Status{Code: pb.Status_STATUS_CODE_OK}
	}
	return out
}

func nanos(t time.Time) uint64 { return uint64(max(0, t.UnixNano())) } //nolint:gosec // not negative

func attributes(all []attribute.KeyValue) []*common.KeyValue {
	out := make([]*common.KeyValue, len(all))
	for i, a := range all {
		v := &common.AnyValue{}
		switch a.Value.Type() {
		case attribute.BOOL:
			v.Value = &common.AnyValue_BoolValue{BoolValue: a.Value.AsBool()}
		case attribute.INT64:
			v.Value = &common.AnyValue_IntValue{IntValue: a.Value.AsInt64()}
		case attribute.FLOAT64:
			v.Value = &common.AnyValue_DoubleValue{DoubleValue: a.Value.AsFloat64()}
		default:
			v.Value = &common.AnyValue_StringValue{StringValue: a.Value.String()}
		}
		out[i] = &common.KeyValue{Key: string(a.Key), Value: v}
	}
	return out
}
