package api

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"interdict/lists/fault"
)

// renderPage answers with a page of items: the first ones after the cursor, and the cursor of the next page if there are more. Without a limit it
// answers with all of them, as it did before there were pages. known are further query parameters of the route.
func renderPage[T any](c *gin.Context, field string, all []T, id func(*T) string, known ...string) error {
	q, err := query(c, append(known, "cursor", "limit")...)
	if err != nil {
		return err
	}
	_, limit, err := page(q)
	if err != nil {
		return err
	}
	if q["limit"] == "" {
		limit = len(all)
	}
	start, err := afterCursor(q["cursor"], all, id)
	if err != nil {
		return err
	}
	end := min(start+limit, len(all))
	out := gin.H{field: all[start:end]}
	if end < len(all) {
		out["cursor"] = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(end-1) + " " + id(&all[end-1])))
	}
	return render(c, http.StatusOK, out)
}

// afterCursor returns the place after the item that a cursor names. An item that has been removed since was at the place where the next one is now.
func afterCursor[T any](cursor string, all []T, id func(*T) string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	text, name, ok := strings.Cut(string(b), " ")
	at, numberErr := strconv.Atoi(text)
	if err != nil || !ok || numberErr != nil || at < 0 {
		return 0, fault.E(fault.Invalid, "cursor is not one of an earlier page")
	}
	for i := range all {
		if id(&all[i]) == name {
			return i + 1, nil
		}
	}
	return min(at, len(all)), nil
}
