// Package spans adds parts to the trace of a request. Without a trace it does nothing, and allocates nothing.
package spans

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Scope is the name under which all spans of Interdict are made.
const Scope = "interdict"

// Start begins a part of the trace in ctx. Names are fixed texts: no span holds an address, a customer or a key. End must follow.
func Start(ctx context.Context, name string) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.SpanContext().IsSampled() {
		return ctx, trace.SpanFromContext(context.Background()) // one that does nothing
	}
	return parent.TracerProvider().Tracer(Scope).Start(ctx, name)
}

// Continue returns ctx as a part of the trace in another context, for work that goes on after the other one has ended.
func Continue(ctx, other context.Context) context.Context {
	return trace.ContextWithSpan(ctx, trace.SpanFromContext(other))
}

// End ends what Start has begun.
func End(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "") // the text of an error may repeat what a caller sent
	}
	span.End()
}
