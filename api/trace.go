package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"interdict/lists/spans"
)

// traced makes a request part of a trace: that of its traceparent, or a new one. Attributes never hold what a caller sent: an address may be in the
// path and everywhere else, which is why the usual middleware is not used.
func (s *Server) traced(tracer trace.Tracer) gin.HandlerFunc {
	return func(c *gin.Context) {
		route := c.FullPath()
		if route == "/livez" || route == "/healthz" || route == "/readyz" || route == "" {
			return
		}
		method := c.Request.Method
		ctx := propagation.TraceContext{}.Extract(c.Request.Context(), propagation.HeaderCarrier{traceParentHeader: c.Request.Header[traceParentHeader]}) // not tracestate, which may hold anything
		ctx, span := tracer.Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route), attribute.String("interdict.request_id", requestID(c))))
		defer span.End()
		if span.SpanContext().IsValid() {
			carrier := propagation.HeaderCarrier{}
			propagation.TraceContext{}.Inject(ctx, carrier)
			c.Writer.Header()[traceParentHeader] = []string{carrier.Get(traceParentHeader)}
		}
		c.Request = c.Request.WithContext(ctx)
		c.Next()
		status := c.Writer.Status()
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	}
}

// checkContext returns the context of a check, which goes on when the caller closes its side. Without traces it is not made from that of the request.
func (s *Server) checkContext(c *gin.Context) context.Context {
	if s.tracer == nil {
		return context.Background()
	}
	return context.WithoutCancel(c.Request.Context())
}

// tracerOf returns the tracer of a provider; nil for none.
func tracerOf(p trace.TracerProvider) trace.Tracer {
	if p == nil {
		return nil
	}
	return p.Tracer(spans.Scope)
}
