package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader"
)

// maxSettingsBody is how many bytes the body of a change may have.
const maxSettingsBody = 256 << 10

// bind reads a JSON body strictly: unknown fields, duplicate names and invalid UTF-8 are errors. An empty body leaves the value as it is.
func bind(c *gin.Context, into any) error {
	var body bytes.Buffer
	if err := readBody(c.Request, &body, maxSettingsBody); err != nil {
		return err
	}
	if body.Len() == 0 {
		return nil
	}
	if err := json.Unmarshal(body.Bytes(), into, json.RejectUnknownMembers(true)); err != nil {
		return fault.E(fault.Invalid, "%s", withoutSecrets(err, "the body is not JSON with the members of this call"))
	}
	return nil
}

// withoutSecrets returns the text of an error about what a caller sent, or another one if it repeats what may be a secret.
func withoutSecrets(err error, otherwise string) string {
	if text := err.Error(); !address.HoldsSecret(text) {
		return text
	}
	return otherwise
}

func render(c *gin.Context, status int, v any) error {
	c.Header("Cache-Control", "no-store")
	c.JSON(status, v)
	return nil
}

// query reads the parameters that a route knows, each at most once.
func query(c *gin.Context, known ...string) (map[string]string, error) {
	out := map[string]string{}
	all, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		return nil, fault.E(fault.Invalid, "the query is malformed") // the error would show a part of it
	}
	for name, values := range all {
		ok := false
		for _, k := range known {
			ok = ok || k == name
		}
		if !ok {
			return nil, fault.E(fault.Invalid, "query parameter %s is unknown", address.Quote(name))
		}
		if len(values) > 1 {
			return nil, fault.E(fault.Invalid, "query parameter %s appears twice", name)
		}
		out[name] = values[0]
	}
	return out, nil
}

// withReason makes a change whose only argument is its reason.
func withReason[T any](c *gin.Context, change func(ctx context.Context, id, reason string) (*T, error)) error {
	var in reasoned
	if err := bind(c, &in); err != nil {
		return err
	}
	out, err := change(c.Request.Context(), param(c, "id"), in.Reason)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, out)
}

func number(c *gin.Context) (int, error) {
	n, err := strconv.Atoi(param(c, "n"))
	if err != nil || n < 1 {
		return 0, fault.E(fault.NotFound, "%s is not a positive number", address.Quote(param(c, "n")))
	}
	return n, nil
}

const (
	pageSize    = 1000
	maxPageSize = 10000
)

// page reads offset and limit.
func page(q map[string]string) (offset, limit int, err error) {
	limit = pageSize
	for name, into := range map[string]*int{"offset": &offset, "limit": &limit} {
		if q[name] == "" {
			continue
		}
		n, err := strconv.Atoi(q[name])
		if err != nil || n < 0 {
			return 0, 0, fault.E(fault.Invalid, "%s must be a number of rows", name)
		}
		*into = n
	}
	if limit < 1 || limit > maxPageSize {
		return 0, 0, fault.E(fault.Invalid, "limit must be 1 to %d", maxPageSize)
	}
	return offset, limit, nil
}

func wantsCSV(c *gin.Context) bool {
	return c.NegotiateFormat("application/json", "text/csv") == "text/csv"
}

// renderCSV writes a table that is safe to open in a spreadsheet: no cell starts a formula.
func renderCSV(c *gin.Context, table [][]string) error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for _, row := range table {
		if err := w.Write(loader.SafeCells(row)); err != nil {
			return err
		}
	}
	w.Flush()
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, "text/csv; charset=utf-8", b.Bytes())
	return w.Error()
}
