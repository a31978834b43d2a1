package main

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"interdict/api"
	"interdict/api/otlp"
	"interdict/lists/logs"
	"interdict/lists/spans"
)

// observeFlags say what is told of requests while they are answered.
type observeFlags struct {
	AccessLog           string  `help:"Which requests are logged: off; errors; calls (errors, and every call but checks, probes and pages); all. Addresses never are." enum:"off,errors,calls,all" default:"calls"`
	Traces              string  `help:"Send traces to this collector by OTLP over HTTP, such as http://collector:4318; none when not given." placeholder:"URL"`
	TracesSample        float64 `help:"Share of requests that begin a trace, from 0 to 1. One whose traceparent is sampled is always traced, one whose traceparent is not never." default:"0.01" placeholder:"SHARE"`
	TracesAuthorization string  `help:"Authorization header for the collector; better as INTERDICT_TRACES_AUTHORIZATION_FILE." placeholder:"TEXT"`
}

func (f *observeFlags) validate() error {
	if f.TracesSample > 1 {
		return usage("--traces-sample is a share from 0 to 1")
	}
	if f.Traces == "" {
		if f.TracesAuthorization != "" {
			return usage("--traces-authorization needs --traces")
		}
		return nil
	}
	_, err := otlp.New(f.Traces, "", nil)
	if err != nil {
		return usage("--traces: %w", err)
	}
	return nil
}

// apply sets the options of the API.
func (f *observeFlags) apply(o *api.Options, t *traces) {
	o.AccessLog, _ = api.ParseAccessLog(f.AccessLog)
	o.Traces = t.provider()
}

// traces are the traces of a server. Nil: there are none.
type traces struct{ sdk *sdk.TracerProvider }

const (
	// maxSpans is how many spans wait for the collector. More are dropped: no answer waits for traces.
	maxSpans      = 8192
	spansTogether = 512
	tracesEvery   = 2 * time.Second
	// tracesEnd bounds sending what is left when the server ends.
	tracesEnd = 2 * time.Second
)

// open begins sending traces. What the environment says to the library of OpenTelemetry is not read: settings come from one place.
func (f *observeFlags) open(log *slog.Logger) (*traces, error) {
	if f.Traces == "" {
		return nil, nil
	}
	collector := logs.NewDependency("collector of traces", "traces are lost; answers are given as ever", 0, log, time.Now)
	exporter, err := otlp.New(f.Traces, f.TracesAuthorization, collector.Note)
	if err != nil {
		return nil, usage("--traces: %w", err)
	}
	is := resource.NewSchemaless(attribute.String("service.name", "interdict"), attribute.String("service.version", version), attribute.String("host.name", hostname()))
	return &traces{sdk.NewTracerProvider(sdk.WithResource(is), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(f.TracesSample))),
		sdk.WithBatcher(exporter, sdk.WithMaxQueueSize(maxSpans), sdk.WithMaxExportBatchSize(spansTogether), sdk.WithBatchTimeout(tracesEvery)))}, nil
}

// provider returns what makes spans; nil for none.
func (t *traces) provider() trace.TracerProvider {
	if t == nil {
		return nil
	}
	return t.sdk
}

// tracer returns a tracer; nil for none.
func (t *traces) tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.sdk.Tracer(spans.Scope)
}

// close sends what is left, for a short time.
func (t *traces) close() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tracesEnd)
	defer cancel()
	_ = t.sdk.Shutdown(ctx) // what could not be sent is lost, as the log says
}
