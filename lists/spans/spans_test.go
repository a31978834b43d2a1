package spans_test

import (
	"context"
	"errors"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"interdict/lists/spans"
)

func TestWithoutATraceNothingIsAllocated(t *testing.T) {
	ctx, failed := context.Background(), errors.New("failed")
	if n := testing.AllocsPerRun(100, func() {
		_, span := spans.Start(ctx, "part")
		spans.End(span, failed)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A part may begin after the request has been answered.
func TestAPartMayOutliveItsRequest(t *testing.T) {
	kept := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(kept))
	request, span := provider.Tracer("test").Start(t.Context(), "request")
	span.End()
	_, part := spans.Start(spans.Continue(context.Background(), request), "part")
	spans.End(part, errors.New("repeats what a caller sent"))
	all := kept.GetSpans()
	if len(all) != 2 || all[1].Name != "part" || all[1].Parent.SpanID() != all[0].SpanContext.SpanID() || all[1].Status.Description != "" || len(all[1].Events) > 0 {
		t.Errorf("%+v", all)
	}
}
