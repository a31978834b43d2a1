package api

import (
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gin-gonic/gin"
)

// The headers of requests and answers that belong together, in the form in which net/http keeps them.
const (
	requestIDHeader   = "X-Request-Id"
	traceParentHeader = "Traceparent"
)

// requestIDs makes ids of requests that came without one.
type requestIDs struct {
	prefix string // of this process
	last   atomic.Uint64
}

func newRequestIDs() *requestIDs {
	return &requestIDs{prefix: strconv.FormatUint(rand.Uint64()|1<<63, 36) + "-"} //nolint:gosec // not a secret
}

func (r *requestIDs) next() string {
	var b [40]byte
	return string(strconv.AppendUint(append(b[:0], r.prefix...), r.last.Add(1), 36))
}

// identify gives the answer the id of its request, and sends its traceparent back.
func (s *Server) identify(c *gin.Context) {
	h := c.Writer.Header()
	if sent := c.Request.Header[requestIDHeader]; len(sent) == 1 && isRequestID(sent[0]) {
		h[requestIDHeader] = sent
	} else {
		h[requestIDHeader] = []string{s.ids.next()}
	}
	if sent := c.Request.Header[traceParentHeader]; len(sent) == 1 && isTraceParent(sent[0]) {
		h[traceParentHeader] = sent
	}
}

// requestID returns the id of a request.
func requestID(c *gin.Context) string { return first(c.Writer.Header(), requestIDHeader) }

// traceID returns the id of the trace that a request is a part of; "" for none.
func traceID(c *gin.Context) string {
	if text := first(c.Writer.Header(), traceParentHeader); text != "" {
		return text[3:35]
	}
	return ""
}

func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

const (
	// maxRequestID is less than a key of 256 bits takes in base 64, which separators may divide.
	maxRequestID = 40
	// maxRequestIDRun is how many letters and digits may follow one another in an id. Every address with a checksum, and every private key, is longer.
	maxRequestIDRun = 24
	// maxRequestIDParts leaves no room for the words of a wallet.
	maxRequestIDParts = 8
)

// isRequestID reports whether an id of a caller is taken over. It goes into logs, so that it must not be able to hold an address or a key: letters,
// digits and separators, in short parts. UUIDs are taken over, and so are ULIDs and 16 bytes in hex, whose parts are longer.
func isRequestID(text string) bool {
	if text == "" || len(text) > maxRequestID {
		return false
	}
	run, longest, parts := 0, 0, 1
	for i := range len(text) {
		switch b := text[i]; {
		case b >= '0' && b <= '9', b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z':
			run++
			longest = max(longest, run)
		case strings.IndexByte("-_.:/=+", b) >= 0:
			run = 0
			parts++
		default:
			return false
		}
	}
	return parts <= maxRequestIDParts && (longest <= maxRequestIDRun || isLowerHex(text, 32) || isULID(text))
}

func isLowerHex(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, "0123456789abcdef") == ""
}

// isULID reports whether a text is a ULID: 26 digits of Crockford's base 32, without I, L, O and U, the first at most 7.
func isULID(text string) bool {
	return len(text) == 26 && text[0] <= '7' && strings.Trim(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
}

// isTraceParent reports whether a text is a traceparent of version 00 (W3C Trace Context, section 3.2).
func isTraceParent(text string) bool {
	if len(text) != 55 || text[:3] != "00-" || text[35] != '-' || text[52] != '-' {
		return false
	}
	var b [25]byte
	trace, terr := hex.Decode(b[:], []byte(text[3:35]))
	span, serr := hex.Decode(b[16:], []byte(text[36:52]))
	_, ferr := hex.Decode(b[24:], []byte(text[53:]))
	return terr == nil && serr == nil && ferr == nil && strings.ToLower(text) == text &&
		strings.Trim(text[3:3+2*trace], "0") != "" && strings.Trim(text[36:36+2*span], "0") != ""
}
