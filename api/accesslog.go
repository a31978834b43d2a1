package api

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"interdict/api/auth"
)

// AccessLog says which requests the log has. The zero value is AccessCalls.
type AccessLog int

const (
	// AccessCalls logs every call other than a check, and every request that failed; of checks, probes and requests without a
	// valid key that fail no more than one a second for each route and status.
	AccessCalls AccessLog = iota
	// AccessOff logs none.
	AccessOff
	// AccessErrors logs what AccessCalls logs of requests that failed.
	AccessErrors
	// AccessAll logs every request.
	AccessAll
)

// accessLogs are the names of the kinds of access log.
var accessLogs = map[string]AccessLog{"calls": AccessCalls, "off": AccessOff, "errors": AccessErrors, "all": AccessAll}

// ParseAccessLog returns the access log of a name: off, errors, calls, all.
func ParseAccessLog(name string) (AccessLog, bool) {
	a, ok := accessLogs[name]
	return a, ok
}

// accessLogger writes one line for a request. No line has what a caller sends freely: its path is the route's template, its method one of those that a
// route can have.
type accessLogger struct {
	kind AccessLog
	log  *slog.Logger

	mu     sync.Mutex
	limits map[failure]*limit
}

// failure is what many requests have in common that fail for one reason.
type failure struct {
	route  string
	status int
}

type limit struct {
	rate       *rate.Limiter
	suppressed int
}

const (
	failuresPerSecond = 1
	failuresAtOnce    = 10
)

func newAccessLogger(kind AccessLog, log *slog.Logger) *accessLogger {
	return &accessLogger{kind: kind, log: log, limits: map[failure]*limit{}}
}

// frequent tells the routes with so many requests that those without an error are not logged: checks and probes.
func frequent(route string) bool {
	switch route {
	case pathCheck, pathChecks, pathAddress, pathChainalysis, pathTRM, pathScorechain, "/livez", "/healthz", "/readyz":
		return true
	}
	return false
}

// pagesRoute is the route of the console's pages, which ask the API for all they show and do: its lines tell more.
const pagesRoute = "/console/*page"

// wants reports whether a request is logged, unless too many of its kind are.
func (a *accessLogger) wants(route string, status int) bool {
	switch a.kind {
	case AccessOff:
		return false
	case AccessAll:
		return true
	case AccessErrors:
		return status >= http.StatusBadRequest
	default:
		return status >= http.StatusBadRequest || !frequent(route) && route != pagesRoute
	}
}

// admit reports whether one more line may be written, and how many were not since the last one.
func (a *accessLogger) admit(route string, status int, now time.Time) (suppressed int, ok bool) {
	if a.kind == AccessAll || status < http.StatusBadRequest || !frequent(route) && status != http.StatusUnauthorized && status != http.StatusTooManyRequests && route != "" {
		return 0, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.limits[failure{route, status}]
	if l == nil {
		l = &limit{rate: rate.NewLimiter(failuresPerSecond, failuresAtOnce)}
		a.limits[failure{route, status}] = l
	}
	if !l.rate.AllowN(now, 1) {
		l.suppressed++
		return 0, false
	}
	suppressed, l.suppressed = l.suppressed, 0
	return suppressed, true
}

// whoKey is where a gin.Context has the caller that it was recognised as.
const whoKey = "interdict.who"

// recognised notes who has made a request, for the log. What is not logged is not noted: that costs memory.
func (s *Server) recognised(c *gin.Context, who *auth.Principal, err error) {
	if who != nil && (err != nil || s.access.wants(c.FullPath(), http.StatusOK)) {
		c.Set(whoKey, who)
	}
}

// logged writes a line about a request that has been answered, if the access log wants it.
func (s *Server) logged(c *gin.Context) {
	start := s.now()
	defer func() {
		route, status := c.FullPath(), c.Writer.Status()
		r := recover()
		if r != nil {
			status = http.StatusInternalServerError
		}
		if s.access.wants(route, status) {
			s.access.write(c, s.clientAddr(c.Request).String(), route, status, start, s.now())
		}
		if r != nil {
			panic(r)
		}
	}()
	c.Next()
}

// methods are those that routes have. Another one may be any text.
const methods = " GET HEAD POST PUT PATCH DELETE OPTIONS "

func (a *accessLogger) write(c *gin.Context, client, route string, status int, start, end time.Time) {
	suppressed, ok := a.admit(route, status, end)
	if !ok {
		return
	}
	method := c.Request.Method
	if !strings.Contains(methods, " "+method+" ") {
		method = "other"
	}
	if route == "" {
		route = "none"
	}
	attrs := []slog.Attr{slog.String("method", method), slog.String("route", route), slog.Int("status", status),
		slog.Float64("ms", float64(end.Sub(start).Microseconds())/1000),
		slog.Int("bytes", max(0, c.Writer.Size())), slog.String("request_id", requestID(c))}
	if id := traceID(c); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	if x, ok := c.Get(whoKey); ok {
		if who, ok := x.(*auth.Principal); ok {
			attrs = append(attrs, slog.String("person", who.Actor.Person))
			if who.KeyID != "" {
				attrs = append(attrs, slog.String("key", who.KeyID))
			}
		}
	}
	attrs = append(attrs, slog.String("client", client))
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	a.log.LogAttrs(context.Background(), slog.LevelInfo, "request", attrs...)
}
