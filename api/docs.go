package api

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"

	"interdict/api/auth"
	"interdict/lists/fault"
)

//go:embed openapi.yaml
var openapiYAML []byte

//go:embed swagger/*.gz
var swaggerUI embed.FS

// OpenAPI gives the description of the API, an OpenAPI 3.1 document in YAML.
func OpenAPI() []byte { return openapiYAML }

const docsPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Interdict API</title>
<link rel="stylesheet" href="swagger-ui.css">
<link rel="icon" type="image/png" href="favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="start.js"></script>
</body>
</html>
`

// docsStart names openapi.yaml in full, because a browser refuses to fetch a URL relative to one that holds a password.
const docsStart = `SwaggerUIBundle({
  url: new URL("../openapi.yaml", location.origin + location.pathname).href,
  dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null, supportedSubmitMethods: %s
});
`

// docsPolicy lets the page load what this server gives, and nothing else. Swagger UI draws its arrows as data: images.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func (s *Server) openapi(c *gin.Context, _ *auth.Principal) error {
	c.Data(http.StatusOK, "application/yaml", openapiYAML)
	return nil
}

func (s *Server) docs(c *gin.Context, _ *auth.Principal) error {
	return serveDocs(c.Writer, c.Request, param(c, "file"), `["get", "put", "post", "delete"]`)
}

// docsFiles are the parts of Swagger UI that the page uses.
var docsFiles = map[string]string{"swagger-ui.css": "text/css; charset=utf-8", "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
	"favicon-32x32.png": "image/png"}

// serveDocs serves a part of the page; tryOut are the methods that the reader may try from it, as a JavaScript array.
func serveDocs(w http.ResponseWriter, r *http.Request, file, tryOut string) error {
	file = strings.TrimPrefix(path.Clean("/"+file), "/")
	h := w.Header()
	h.Set("Content-Security-Policy", docsPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	var body []byte
	switch file {
	case "", "index.html":
		h.Set("Content-Type", "text/html; charset=utf-8")
		body = []byte(docsPage)
	case "start.js":
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		body = fmt.Appendf(nil, docsStart, tryOut)
	default:
		if docsFiles[file] == "" {
			return fault.E(fault.NotFound, "no such page")
		}
		var err error
		if body, err = swaggerUI.ReadFile("swagger/" + file + ".gz"); err != nil {
			return err
		}
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
		} else if body, err = gunzip(body); err != nil {
			return err
		}
		h.Set("Content-Type", docsFiles[file])
		h.Set("Cache-Control", "private, max-age=86400")
	}
	_, _ = w.Write(body) //nolint:gosec // G705: the body is embedded in the program; a reader that has gone needs no answer
	return nil
}

func gunzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// DocsHandler serves the documentation page and openapi.yaml without a key, for the admin address. The API is not there, so nothing
// can be tried from that page.
func DocsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(openapiYAML)
	})
	mux.HandleFunc("GET /docs/", func(w http.ResponseWriter, r *http.Request) {
		if err := serveDocs(w, r, strings.TrimPrefix(r.URL.Path, "/docs"), "[]"); err != nil {
			http.NotFound(w, r)
		}
	})
	return mux
}
