package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/gin-gonic/gin"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"interdict/api"
	"interdict/loader/formats"
)

// document returns openapi.yaml as the tests use it: an answer may hold only the fields that are described, so that a field
// that nobody described fails a test. The published schemas are open, because clients ignore fields they do not know.
var document = sync.OnceValue(func() *openapi3.T {
	doc := published()
	for _, t := range []string{"application/x-ndjson", "application/vnd.apache.parquet", "text/html", "text/css", "text/javascript", "image/png"} {
		openapi3filter.RegisterBodyDecoder(t, openapi3filter.FileBodyDecoder)
	}
	objects(answers(doc), func(_ string, s *openapi3.Schema) {
		if len(s.Properties) > 0 && s.AdditionalProperties.Schema == nil {
			s.AdditionalProperties.Has = openapi3.Ptr(false)
		}
		for _, p := range s.Properties {
			if p.Value.Type == nil && len(p.Value.AllOf)+len(p.Value.OneOf) == 0 {
				p.Value.Nullable = true // a value of any type; kin-openapi does not count null as one
			}
		}
	})
	restrict(doc)
	return doc
})

// restrict adds what is true of answers and what tools that generate clients read wrongly or not at all.
func restrict(doc *openapi3.T) {
	schema := func(text string) *openapi3.SchemaRef {
		s := &openapi3.Schema{}
		if err := json.Unmarshal([]byte(text), s); err != nil {
			panic(err)
		}
		return s.NewRef()
	}
	schemas := doc.Components.Schemas
	for name, miss := range map[string]string{
		"CheckAnswer":  `{"properties":{"matches":{"maxItems":0},"action":{"enum":["allow"]}}}`,
		"LookUpAnswer": `{"properties":{"matches":{"maxItems":0}}}`,
	} {
		s := schemas[name].Value
		s.If, s.Then, s.Else = schema(`{"properties":{"result":{"const":"miss"}}}`), schema(miss), schema(`{"properties":{"matches":{"minItems":1}}}`)
	}
	p := schemas["Problem"].Value
	p.If, p.Then, p.Else = schema(`{"properties":{"code":{"const":"invalid_address"}}}`), schema(`{"required":["reason"]}`),
		schema(`{"not":{"anyOf":[{"required":["reason"]},{"required":["would_match"]}]}}`)
	set := schemas["CheckAnswer"].Value.Properties["suppressed"].Value
	set.Items = &openapi3.SchemaRef{Value: &openapi3.Schema{AllOf: openapi3.SchemaRefs{set.Items, schema(`{"required":["suppression"]}`)}}}
}

// codes are the codes that errors of a response have: its x-codes.
func codes(r *openapi3.Response) (out []string) {
	list, _ := r.Extensions["x-codes"].([]any)
	for _, c := range list {
		out = append(out, fmt.Sprint(c))
	}
	return out
}

// published returns openapi.yaml as it is.
func published() *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI())
	if err != nil {
		panic(err)
	}
	return doc
}

// answers returns the schemas of all response bodies by operation and status, and that of errors.
func answers(doc *openapi3.T) map[string]*openapi3.SchemaRef {
	out := map[string]*openapi3.SchemaRef{"Problem": doc.Components.Schemas["Problem"]}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status, response := range op.Responses.Map() {
				for media, content := range response.Value.Content {
					out[method+" "+path+" "+status+" "+media] = content.Schema
				}
			}
		}
	}
	return out
}

// requests returns the schemas of all request bodies by operation.
func requests(doc *openapi3.T) map[string]*openapi3.SchemaRef {
	out := map[string]*openapi3.SchemaRef{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody == nil {
				continue
			}
			for media, content := range op.RequestBody.Value.Content {
				if content.Schema != nil {
					out[method+" "+path+" "+media] = content.Schema
				}
			}
		}
	}
	return out
}

// objects calls f for each schema of type object in the given schemas and below.
func objects(schemas map[string]*openapi3.SchemaRef, f func(where string, s *openapi3.Schema)) {
	for where, ref := range schemas {
		err := openapi3.NewSchemaRef("", ref.Value).WalkSubtree(func(_ string, part *openapi3.SchemaRef) error {
			if part.Value.Type.Is("object") {
				f(where, part.Value)
			}
			return nil
		})
		if err != nil {
			panic(err)
		}
	}
}

// A client that checks answers against the published schemas must not fail when a field is added. A misspelt field of a request
// must not be ignored.
func TestAnswersAreOpenAndRequestsAreStrict(t *testing.T) {
	doc := published()
	objects(answers(doc), func(where string, s *openapi3.Schema) {
		if s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has {
			t.Errorf("%s: an answer forbids additional fields", where)
		}
	})
	n := 0
	for where, ref := range requests(doc) {
		if ref.Value.Type.Is("object") {
			n++
			if has := ref.Value.AdditionalProperties.Has; has == nil || *has {
				t.Errorf("%s: a request accepts unknown fields", where)
			}
		}
	}
	if n < 10 {
		t.Errorf("%d request bodies", n)
	}
	rule := doc.Components.Schemas["ListSettings"].Value.Properties["policy"].Value
	for body, valid := range map[string]bool{
		`[{"action":"review","class":"same_key"}]`: true,
		`[{"action":"review","clas":"same_key"}]`:  false,
	} {
		var v any
		if err := json.Unmarshal([]byte(body), &v); err != nil {
			t.Fatal(err)
		}
		if err := rule.VisitJSON(v, openapi3.EnableJSONSchema2020()); (err == nil) != valid {
			t.Errorf("policy %s: %v", body, err)
		}
	}
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

type pattern struct {
	path string
	re   *regexp.Regexp
}

// patterns match the paths of openapi.yaml. Those without parameters come first, as in the server.
var patterns = sync.OnceValue(func() (all []pattern) {
	paths := document().Paths.InMatchingOrder()
	slices.SortStableFunc(paths, func(a, b string) int { return strings.Count(a, "{") - strings.Count(b, "{") })
	for _, path := range paths {
		re := regexp.MustCompile("^" + pathParameter.ReplaceAllString(regexp.QuoteMeta(path), "x") + "$")
		if strings.Contains(path, "{") {
			re = regexp.MustCompile("^" + pathParameter.ReplaceAllString(path, `(?P<$1>[^/]+)`) + "$")
		}
		all = append(all, pattern{path, re})
	}
	return all
})

// described finds the operation of a request.
func described(method string, u *url.URL) (route *routers.Route, params map[string]string, err error) {
	if u.Path == "/docs/" {
		u = u.JoinPath("index.html")
	}
	doc := document()
	err = errNoRoute
	for _, p := range patterns() {
		path, re := p.path, p.re
		m := re.FindStringSubmatch(u.EscapedPath())
		if m == nil {
			continue
		}
		item := doc.Paths.Value(path)
		op := item.GetOperation(method)
		if op == nil {
			err = fmt.Errorf("openapi.yaml does not describe %s for %s", method, path)
			continue
		}
		params = map[string]string{}
		for i, name := range re.SubexpNames() {
			if name != "" {
				if params[name], err = url.PathUnescape(m[i]); err != nil {
					return nil, nil, err
				}
			}
		}
		return &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}, params, nil
	}
	return nil, nil, err
}

// given are the answers that the tests have seen: "GET /v1/lists 200".
var given sync.Map

// conforms holds a request that was taken, and any answer, against openapi.yaml.
func conforms(req *http.Request, sent []byte, wrong bool, status int, header http.Header, body []byte) error {
	ctx := context.Background()
	route, params, err := described(req.Method, req.URL)
	if err != nil {
		if status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
			return err
		}
		return problemConforms(body)
	}
	given.Store(route.Method+" "+route.Path+" "+strconv.Itoa(status), true)
	if response := route.Operation.Responses.Status(status); response != nil {
		if err := problemIs(response.Value, status, body); err != nil {
			return err
		}
	}
	options := &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	if status < 300 && !wrong {
		if err := requestConforms(ctx, req, sent, &openapi3filter.RequestValidationInput{PathParams: params, Route: route, Options: options}); err != nil {
			return fmt.Errorf("the server takes a request that is not described: %w", err)
		}
	}
	response := route.Operation.Responses.Status(status)
	if response == nil {
		response = route.Operation.Responses.Default()
	}
	if response != nil {
		schema := schemaOf(response.Value.Content, header)
		options.ExcludeResponseBody = schema != nil
		if schema != nil {
			if err := bodyConforms(schema, body); err != nil {
				return fmt.Errorf("the answer: %w", err)
			}
		}
	}
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: options},
		Status: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)), Options: options})
}

func requestConforms(ctx context.Context, req *http.Request, sent []byte, in *openapi3filter.RequestValidationInput) error {
	in.Request = req.Clone(ctx)
	in.Request.Body = io.NopCloser(bytes.NewReader(sent))
	in.Request.ContentLength = int64(len(sent))
	if body := in.Route.Operation.RequestBody; body != nil && len(sent) > 0 {
		if schema := schemaOf(body.Value.Content, req.Header); schema != nil {
			options := *in.Options
			options.ExcludeRequestBody = true
			in.Options = &options
			if err := bodyConforms(schema, sent); err != nil {
				return err
			}
		}
	}
	return openapi3filter.ValidateRequest(ctx, in)
}

// schemaOf returns the schema of a body of JSON, or nil for other bodies.
func schemaOf(content openapi3.Content, header http.Header) *openapi3.SchemaRef {
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || media != "application/json" && media != "application/problem+json" || content[media] == nil {
		return nil
	}
	return content[media].Schema
}

// compiled are the schemas of bodies as they are asked; kin-openapi would compile one again for every body.
var compiled sync.Map

func bodyConforms(ref *openapi3.SchemaRef, body []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	s, ok := compiled.Load(ref)
	if !ok {
		text, err := json.Marshal(map[string]any{"schema": ref, "components": map[string]any{"schemas": document().Components.Schemas}})
		if err != nil {
			return err
		}
		resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		c := jsonschema.NewCompiler()
		c.DefaultDraft(jsonschema.Draft2020)
		c.AssertFormat()
		if err := c.AddResource("urn:interdict:openapi", resource); err != nil {
			return err
		}
		if s, err = c.Compile("urn:interdict:openapi#/schema"); err != nil {
			return err
		}
		compiled.Store(ref, s)
	}
	return s.(*jsonschema.Schema).Validate(v)
}

// problemIs holds an error against the status of its answer and the codes of its response.
func problemIs(r *openapi3.Response, status int, body []byte) error {
	if r.Content["application/problem+json"] == nil {
		return nil
	}
	var p problem
	if err := json.Unmarshal(body, &p); err != nil {
		return err
	}
	if p.Status != status || !slices.Contains(codes(r), p.Code) {
		return fmt.Errorf("an error of status %d and code %s in an answer of status %d and codes %v", p.Status, p.Code, status, codes(r))
	}
	return nil
}

// problemConforms holds an error of a path that is not described against the schema of errors.
func problemConforms(body []byte) error {
	return bodyConforms(document().Components.Schemas["Problem"], body)
}

// neverGiven are the answers that are described and that no test has seen. Some cannot be had from outside.
func neverGiven() (never []string) {
	for path, item := range document().Paths.Map() {
		for method, op := range item.Operations() {
			for status := range op.Responses.Map() {
				what := method + " " + path + " " + status
				if _, seen := given.Load(what); !seen && status != "500" && what != "PUT /v1/lists/{id} 409" && what != "POST /v1/lists/{id}/versions 409" {
					never = append(never, what)
				}
			}
		}
	}
	slices.Sort(never)
	return never
}

func TestOpenAPI(t *testing.T) {
	doc := document()
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %s", doc.OpenAPI)
	}
	t.Run("every operation has what an integrator needs", func(t *testing.T) {
		for path, item := range doc.Paths.Map() {
			for method, op := range item.Operations() {
				what := method + " " + path
				if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 || doc.Tags.Get(op.Tags[0]) == nil {
					t.Errorf("%s: operationId, summary or a declared tag is missing", what)
				}
				probe := op.Tags[0] == "Probes"
				if open := op.Security != nil && len(*op.Security) == 0; open != probe {
					t.Errorf("%s: described as open: %t", what, open)
				}
				if !probe && !strings.Contains(op.Description, "ole") {
					t.Errorf("%s: does not say which role it needs", what)
				}
				if !probe && (op.Responses.Status(401) == nil || op.Responses.Status(503) == nil) {
					t.Errorf("%s: says nothing of 401 or 503", what)
				}
			}
		}
	})
	t.Run("every example is one", func(t *testing.T) {
		n := 0
		for name, ref := range doc.Components.Schemas {
			err := openapi3.NewSchemaRef("", ref.Value).WalkSubtree(func(_ string, part *openapi3.SchemaRef) error {
				for _, example := range part.Value.Examples {
					n++
					if err := part.Value.VisitJSON(example, openapi3.EnableJSONSchema2020()); err != nil {
						t.Errorf("%s: %v: %v", name, example, err)
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		}
		if n < 50 {
			t.Errorf("%d examples were looked at", n)
		}
	})
	t.Run("every format that is read is named", func(t *testing.T) {
		for _, name := range formats.Names() {
			if !bytes.Contains(api.OpenAPI(), []byte("`"+name+"`")) {
				t.Errorf("format %s", name)
			}
		}
	})
	t.Run("every code of the contract is described", func(t *testing.T) {
		seen := map[string]bool{}
		for name, ref := range doc.Components.Responses {
			media := ref.Value.Content["application/problem+json"]
			if media == nil {
				continue
			}
			examples := []any{media.Example}
			for _, x := range media.Examples {
				examples = append(examples, x.Value.Value)
			}
			for _, c := range codes(ref.Value) {
				seen[c] = true
				if !slices.ContainsFunc(examples, func(x any) bool { m, ok := x.(map[string]any); return ok && m["code"] == c }) {
					t.Errorf("%s: no example of code %s", name, c)
				}
			}
		}
		for _, c := range doc.Components.Schemas["Problem"].Value.Properties["code"].Value.Enum {
			if !seen[fmt.Sprint(c)] {
				t.Errorf("no response has code %v", c)
			}
		}
		if len(seen) != 16 {
			t.Errorf("%d codes are described", len(seen))
		}
	})
}

// A route that is not described surprises integrators; a description without its route lies to them.
func TestRoutesAndDescriptionAreOne(t *testing.T) {
	h := open(t)
	toOpenAPI := regexp.MustCompile(`:(\w+)`)
	all, registered := registered(h), []string{}
	for _, r := range all {
		if r.Path == "/docs/*file" {
			registered = append(registered, r.Method+" /docs/{file}")
			continue
		}
		registered = append(registered, r.Method+" "+toOpenAPI.ReplaceAllString(r.Path, "{$1}"))
	}
	inDocument := []string{}
	for path, item := range document().Paths.Map() {
		for method := range item.Operations() {
			inDocument = append(inDocument, method+" "+path)
		}
	}
	slices.Sort(registered)
	slices.Sort(inDocument)
	same(t, "routes and openapi.yaml", registered, inDocument)
}

// The tests trust conforms: it must see what is wrong.
func TestConformsSeesWrongAnswers(t *testing.T) {
	h := screened(t)
	body := h.by("till", "POST", "/v1/check", checkOf(lazarus, "ethereum")).body
	missed := h.by("till", "POST", "/v1/check", checkOf(genesis, "bitcoin")).body
	for name, x := range map[string]struct {
		body     []byte
		old, new string
	}{
		"an unknown field":              {body, `"result":`, `"extra":1,"result":`},
		"a missing field":               {body, `"action":"reject",`, ``},
		"a field renamed":               {body, `"identity"`, `"ident"`},
		"a wrong type":                  {body, `"added_in":1`, `"added_in":"1"`},
		"an unknown class":              {body, `"class":"exact"`, `"class":"exakt"`},
		"an unknown field in a match":   {body, `"programs":`, `"x":1,"programs":`},
		"a date that is none":           {body, `2019-09-13`, `13.09.2019`},
		"a miss with matches":           {body, `"result":"hit"`, `"result":"miss"`},
		"a hit without matches":         {missed, `"result":"miss"`, `"result":"hit"`},
		"a miss that is to be reviewed": {missed, `"action":"allow"`, `"action":"review"`},
		"a time that is none":           {missed, `"checked_at":"2`, `"checked_at":"x2`},
	} {
		changed := bytes.Replace(x.body, []byte(x.old), []byte(x.new), 1)
		if bytes.Equal(changed, x.body) {
			t.Errorf("%s: nothing to replace in %s", name, x.body)
		}
		req, err := http.NewRequest("POST", h.url+"/v1/check", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		header := http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}
		sent := []byte(`{"address":"x","direction":"deposit"}`)
		if err := conforms(req, sent, false, 200, header, x.body); err != nil {
			t.Fatalf("the true answer: %v", err)
		}
		if conforms(req, sent, false, 200, header, changed) == nil {
			t.Errorf("%s is not noticed: %s", name, changed)
		}
		if conforms(req, []byte(`{"address":"x"}`), false, 200, header, x.body) == nil {
			t.Error("a request that is not described is not noticed")
		}
		if conforms(req, sent, false, 418, header, x.body) == nil {
			t.Error("a status that is not described is not noticed")
		}
		if conforms(req, sent, false, 200, http.Header{"Content-Type": {"application/json"}}, x.body) == nil {
			t.Error("a header that is missing is not noticed")
		}
	}
	if err := problemConforms([]byte(`{"type":"urn:interdict:problem:x","title":"t","status":404,"code":"nonsense"}`)); err == nil {
		t.Error("an unknown code is not noticed")
	} else if schema := (*jsonschema.ValidationError)(nil); !errors.As(err, &schema) {
		t.Error(err)
	}
}

// registered are the routes of the API, without the pages of the console.
func registered(h *house) gin.RoutesInfo {
	return slices.DeleteFunc(h.server.Handler().(*gin.Engine).Routes(), func(r gin.RouteInfo) bool { return r.Path == "/" || strings.HasPrefix(r.Path, "/console") })
}
