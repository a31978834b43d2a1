package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"interdict/api"
	"interdict/api/client"
	"interdict/lists"
)

// dropInPaths are the endpoints whose errors are those of other services.
var dropInPaths = []string{"/api/v1/address/", "/public/v1/sanctions/screening", "/scorechain/v1/addresses/"}

// The three clients below read answers as published programs do that ask the original services: strictly, and with their quirks.

// chainalysisClient fails on a status other than 200, and on a category that is not "sanctions".
func chainalysisClient(ctx context.Context, base, key, address string) (listed bool, err error) {
	b, err := sendAs(ctx, "GET", base+"/api/v1/address/"+url.PathEscape(address), nil, 200, func(h http.Header) { h.Set("X-API-Key", key); h.Set("Accept", "application/json") })
	if err != nil {
		return false, err
	}
	var a struct {
		Identifications []struct {
			Category               string
			Name, Description, URL *string
		}
	}
	if err := json.Unmarshal(b, &a); err != nil {
		return false, err
	}
	for _, i := range a.Identifications {
		if i.Category != "sanctions" || i.Name == nil {
			return false, fmt.Errorf("unknown variant %q", i.Category)
		}
	}
	return len(a.Identifications) > 0, nil
}

// trmClient accepts status 201 alone, and wants each address back as it was sent, in the same order.
func trmClient(ctx context.Context, base, key string, addresses ...string) (listed []bool, err error) {
	in := []map[string]string{}
	for _, a := range addresses {
		in = append(in, map[string]string{"address": a})
	}
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	b, err := sendAs(ctx, "POST", base+"/public/v1/sanctions/screening", body, 201, func(h http.Header) { (&http.Request{Header: h}).SetBasicAuth(key, key) })
	if err != nil {
		return nil, err
	}
	var out []struct {
		Address      string
		IsSanctioned bool
	}
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, err
	}
	if len(out) != len(addresses) {
		return nil, fmt.Errorf("%d answers for %d addresses", len(out), len(addresses))
	}
	for i, a := range out {
		if a.Address != addresses[i] {
			return nil, fmt.Errorf("item %d is %q", i, a.Address)
		}
		listed = append(listed, a.IsSanctioned)
	}
	return listed, nil
}

// scorechainClient reads an array, or with object a single object.
func scorechainClient(ctx context.Context, base, key, address string, object bool) (listed bool, details string, err error) {
	b, err := sendAs(ctx, "GET", base+"/scorechain/v1/addresses/"+url.PathEscape(address), nil, 200, func(h http.Header) { h.Set("x-api-key", key) })
	if err != nil {
		return false, "", err
	}
	type answer struct {
		IsSanctioned bool
		Details      json.RawMessage
	}
	var all []answer
	if object {
		all = make([]answer, 1)
		err = json.Unmarshal(b, &all[0])
	} else {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		return false, "", err
	}
	return all[0].IsSanctioned, string(all[0].Details), nil
}

func sendAs(ctx context.Context, method, target string, body []byte, status int, set func(http.Header)) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	set(req.Header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != status {
		return nil, fmt.Errorf("status %d: %s", res.StatusCode, b)
	}
	return b, err
}

func (h *house) makeKey(name string, more map[string]any) string {
	h.t.Helper()
	in := map[string]any{"name": name, "roles": []string{"checker"}}
	for k, v := range more {
		in[k] = v
	}
	h.keyOf[name] = h.by("root", "POST", "/v1/keys", in).want(201)["key"].(string)
	return h.keyOf[name]
}

// Programs written for the three services need only another base URL and key.
func TestProgramsForOtherServicesWorkUnchanged(t *testing.T) {
	h := screened(t)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	ctx, key := t.Context(), h.keyOf["till"]
	scam := h.makeKey("scam", map[string]any{"drop_in": map[string]any{"categories": []string{"sanctions", "scam"}, "object": true}})
	for _, x := range []struct {
		address     string
		listed, all bool // with category sanctions alone, and with scam
	}{
		{lazarus, true, true}, {strings.ToLower(lazarus), true, true}, {"eip155:1:" + lazarus, true, true}, {p2wpkh, true, true}, {rawMonero, true, true},
		{genesis, false, false}, {"bitcoin:" + genesis, false, false}, {dogecoin, false, true},
	} {
		for key, want := range map[string]bool{key: x.listed, scam: x.all} {
			if got, err := chainalysisClient(ctx, h.url, key, x.address); err != nil || got != want {
				t.Errorf("Chainalysis' client, %s: %v %v", x.address, got, err)
			}
			got, err := trmClient(ctx, h.url, key, x.address, genesis, x.address)
			if want := []bool{want, false, want}; err != nil || !slices.Equal(got, want) {
				t.Errorf("TRM's client, %s: %v %v", x.address, got, err)
			}
			if got, _, err := scorechainClient(ctx, h.url, key, x.address, key == scam); err != nil || got != want {
				t.Errorf("Scorechain's client, %s: %v %v", x.address, got, err)
			}
		}
	}
	a := h.do(call{method: "GET", path: "/api/v1/address/" + lazarus, header: http.Header{"X-Api-Key": {key}}})
	same(t, "listed", `{"identifications":[{"category":"sanctions","name":"SANCTIONS: OFAC SDN Lazarus Group 2019-09-13 `+lazarus+
		`","description":"US Treasury, OFAC\nDPRK3\nhttps://sanctionssearch.ofac.treas.gov/Details.aspx?id=27307","url":"https://sanctionssearch.ofac.treas.gov/Details.aspx?id=27307"}]}`, string(a.body))
	h.by("otto", "GET", "/v1/checks/"+a.header.Get("X-Check-Id"), nil).want(200)
	same(t, "not listed", `{"identifications":[]}`, string(h.do(call{method: "GET", path: "/api/v1/address/" + genesis, key: key}).body))
	_, details, err := scorechainClient(ctx, h.url, scam, lazarus, true)
	if want := `{"name":"Lazarus Group (OFAC SDN)","sanctionDate":1568332800,"prettySanctionDate":"2019-09-13T00:00:00.000Z","blockchain":"Ethereum"}`; err != nil || details != want {
		t.Errorf("%s %v", details, err)
	}
}

// What cannot be answered never looks like an address that is not listed.
func TestDropInsNeverAnswerWhatTheyCannot(t *testing.T) {
	h := screened(t, func(o *api.Options) { o.FailuresPerMinute = 1e6 })
	till := http.Header{"X-Api-Key": {h.keyOf["till"]}}
	refused := func(name, method, path string, header http.Header, body any, status int, code, part string) {
		t.Helper()
		a := h.do(call{method: method, path: path, header: header.Clone(), body: body})
		var got struct{ Message, Code string }
		err := json.Unmarshal(a.body, &got)
		if err != nil || a.status != status || got.Code != code || !strings.Contains(got.Message, part) || strings.Contains(string(a.body), "dentific") || strings.Contains(string(a.body), "anctioned") {
			t.Errorf("%s: %s %s: %d instead of %d %s: %s", name, method, path, a.status, status, code, a.body)
		}
	}
	badChecksum := genesis[:33] + "b"
	wrongCase := strings.Replace(lazarus, "B8A", "b8a", 1)
	for _, base := range []string{"/api/v1/address/", "/scorechain/v1/addresses/"} {
		refused("no key", "GET", base+genesis, nil, nil, 401, "unauthorized", "Invalid API Key")
		refused("a wrong key", "GET", base+genesis, http.Header{"X-Api-Key": {"x"}}, nil, 401, "unauthorized", "Invalid API Key")
		refused("another role", "GET", base+genesis, http.Header{"X-Api-Key": {h.keyOf["otto"]}}, nil, 403, "forbidden", "checker")
		refused("a wrong checksum", "GET", base+badChecksum, till, nil, 400, "invalid_address", "checksum")
		refused("a name", "GET", base+"vitalik.eth", till, nil, 400, "invalid_address", "")
		refused("a listed address in wrong letter case", "GET", base+wrongCase, till, nil, 400, "invalid_address", "in its right case is listed")
	}
	const trm = "/public/v1/sanctions/screening"
	item := func(address string) string {
		b, _ := json.Marshal(map[string]string{"address": address})
		return string(b)
	}
	refused("no key", "POST", trm, nil, "["+item(genesis)+"]", 401, "unauthorized", "Invalid API Key")
	for name, x := range map[string]struct{ body, code, part string }{
		"an empty array":              {`[]`, "invalid_request", "no address"},
		"null":                        {`null`, "invalid_request", "no address"},
		"an object":                   {item(genesis), "invalid_request", `the body is not an array of {"address": "…"}`},
		"no address":                  {`[{}]`, "invalid_request", "item 0: field address is missing"},
		"the newer version's fields":  {`[{"address":"` + genesis + `","chain":"bitcoin"}]`, "invalid_request", "chain"},
		"an address twice":            {`[{"address":"` + genesis + `","address":"` + lazarus + `"}]`, "invalid_request", ""},
		"a number":                    {`[{"address":1}]`, "invalid_request", `the body is not an array of {"address": "…"}`},
		"one address that is none":    {"[" + item(lazarus) + "," + item(badChecksum) + "]", "invalid_address", "item 1"},
		"ten thousand addresses":      {"[" + strings.Repeat(item(genesis)+",", 9999) + item(genesis) + "]", "invalid_request", "at most 1000"},
		"something behind the array":  {"[" + item(genesis) + "] x", "invalid_request", ""},
		"a body that breaks off":      {`[{"address":"` + genesis, "invalid_request", ""},
		"an empty text is no address": {"[" + item("") + "]", "invalid_address", "item 0"},
	} {
		refused(name, "POST", trm, till, x.body, 400, x.code, x.part)
	}
	h.by("till", "PUT", "/api/v1/address/"+genesis, nil).refused(problem{Status: 405, Code: "invalid_request"})
	h.by("till", "GET", trm, nil).refused(problem{Status: 405, Code: "invalid_request"})

	// A lenient key takes what is not an address for not listed, but not an address whose letter case is wrong, nor an outage.
	lenient := http.Header{"X-Api-Key": {h.makeKey("lenient", map[string]any{"drop_in": map[string]any{"lenient": true}})}}
	same(t, "lenient", `{"identifications":[]}`, string(h.do(call{method: "GET", path: "/api/v1/address/vitalik.eth", header: lenient.Clone()}).body))
	refused("lenient, wrong letter case", "GET", "/api/v1/address/"+wrongCase, lenient, nil, 400, "invalid_address", "in its right case is listed")
	bare := strings.ToLower(lazarus[2:])
	for text, reason := range map[string]string{bare: "ambiguous", lazarus + "," + lazarus: "two_addresses", lazarus[:12] + " " + lazarus[12:]: "whitespace_inside", "bitcoin:" + lazarus: "wrong_network",
		p2wpkh[:20] + strings.ToUpper(p2wpkh[20:]): "mixed_case", "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed": "bad_checksum",
		"\u200b" + lazarus: "bad_character", lazarus[:9] + "\ufeff" + lazarus[9:]: "bad_character", "https://etherscan.io/address/" + lazarus: "", "polygon:" + lazarus: "", "(" + lazarus + ")": "",
		"https://etherscan.io/address/" + lazarus[:9] + "\u200b" + lazarus[9:]: "", "to_" + lazarus: "", lazarus + "_1": "", "addr-" + lazarus: "", "https://example.org/?a=eth%3A" + lazarus: "",
		"(cfx:aarc9abycue0hhzgyrr53m6cxedgccrmmyybjgh4xg)": "", "0.0.1234567\u200b": "bad_character"} {
		refused("lenient, "+reason, "GET", "/api/v1/address/"+url.PathEscape(text), lenient, nil, 400, "invalid_address", reason)
		refused("lenient, "+reason, "POST", trm, lenient, "["+item(text)+"]", 400, "invalid_address", "item 0: not an address")
	}
	for _, text := range []string{"0x123", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "https://example.org/somewhere/else/entirely?q=0x12", "an exchange's user id, 100200300400500600700800900", lazarus[:40]} {
		same(t, text, `{"identifications":[]}`, string(h.do(call{method: "GET", path: "/api/v1/address/" + url.PathEscape(text), header: lenient.Clone()}).body))
	}

	h.store.noLookups.Store(true)
	for _, header := range []http.Header{till, lenient} {
		refused("the record cannot be read", "GET", "/api/v1/address/"+lazarus, header, nil, 503, "store_unavailable", "may be listed: hold")
		refused("the record cannot be read", "POST", trm, header, "["+item(genesis)+","+item(lazarus)+"]", 503, "store_unavailable", "item 1")
	}
	h.store.noLookups.Store(false)
	h.by("root", "PUT", "/v1/lists/ofac-sdn", map[string]any{"max_age": "1h", "on_stale": "stop"})
	h.clock.advance(2 * time.Hour)
	for _, header := range []http.Header{till, lenient} {
		refused("stale", "GET", "/api/v1/address/"+genesis, header, nil, 503, "stale", "")
		refused("stale", "GET", "/scorechain/v1/addresses/"+genesis, header, nil, 503, "stale", "")
		refused("stale", "POST", trm, header, "["+item(genesis)+"]", 503, "stale", "")
	}
	h.by("root", "POST", "/v1/keys", map[string]any{"roles": []string{"checker"}, "drop_in": map[string]any{"categories": []string{"nosuch"}}}).refused(
		problem{Status: 400, Code: "invalid_request", Detail: "drop_in.categories[0]: use one of [sanctions stolen_funds ransomware terrorist_financing scam darknet_market mixer issuer_freeze internal other]"})
}

// original is a service that holds one address for listed, and can fail.
type original struct {
	mu     sync.Mutex
	fail   bool
	swap   bool          // answers an array in another order
	hold   chan struct{} // closed: answers
	listed string
	keys   []string
}

func (o *original) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	<-o.hold
	o.mu.Lock()
	defer o.mu.Unlock()
	user, _, _ := r.BasicAuth()
	o.keys = append(o.keys, r.Header.Get("X-Api-Key")+user)
	if o.fail {
		w.WriteHeader(503)
		return
	}
	is := func(a string) bool { return a == o.listed }
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/v1/address/"):
		if is(strings.TrimPrefix(r.URL.Path, "/api/v1/address/")) {
			_, _ = io.WriteString(w, `{"identifications":[{"category":"sanctions","name":null,"description":null,"url":null}]}`)
		} else {
			_, _ = io.WriteString(w, `{"identifications":[]}`)
		}
	case r.URL.Path == "/public/v1/sanctions/screening":
		var in []struct{ Address string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			w.WriteHeader(400)
			return
		}
		w.WriteHeader(201)
		out := []map[string]any{}
		for _, a := range in {
			out = append(out, map[string]any{"address": a.Address, "isSanctioned": is(a.Address)})
		}
		if o.swap {
			slices.Reverse(out)
		}
		_ = json.NewEncoder(w).Encode(out)
	default:
		fmt.Fprintf(w, `{"isSanctioned":%v}`, is(strings.TrimPrefix(r.URL.Path, "/v1/addresses/")))
	}
}

// In shadow mode the original is asked in the background; an answer waits for nothing, and each difference is on record.
func TestShadowModeRecordsDifferences(t *testing.T) {
	o := &original{hold: make(chan struct{}), listed: genesis}
	srv := httptest.NewServer(o)
	t.Cleanup(srv.Close)
	h := screened(t, func(options *api.Options) {
		options.Originals = map[string]api.Original{"chainalysis": {URL: srv.URL, Key: "their-key"}, "trm": {URL: srv.URL, Key: "trm-key"}, "scorechain": {URL: srv.URL}}
	})
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	key := h.keyOf["till"]
	for _, a := range []string{lazarus, genesis, p2pkh} { // the original does not answer yet
		if _, err := chainalysisClient(t.Context(), h.url, key, a); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := trmClient(t.Context(), h.url, key, lazarus, dogecoin); err != nil {
		t.Fatal(err)
	}
	if _, _, err := scorechainClient(t.Context(), h.url, key, dogecoin, false); err != nil {
		t.Fatal(err)
	}
	close(o.hold)
	total := func(s client.Shadow) (n int) {
		for _, x := range s.Services {
			n += x.Same + x.OursOnly + x.TheirsOnly + x.Failed + x.Dropped
		}
		return n
	}
	until := func(n int) (s client.Shadow) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if err := json.Unmarshal(h.by("otto", "GET", "/v1/shadow", nil).body, &s); err != nil {
				t.Fatal(err)
			}
			if total(s) >= n {
				return s
			}
			if time.Now().After(deadline) {
				t.Fatalf("%+v", s)
			}
		}
	}
	s := until(6)
	same(t, "services", []client.ShadowService{{Service: "chainalysis", URL: srv.URL, OursOnly: 2, TheirsOnly: 1}, {Service: "trm", URL: srv.URL, Same: 1, OursOnly: 1},
		{Service: "scorechain", URL: srv.URL, Same: 1}}, s.Services)
	if len(s.Differences) != 4 || s.Differences[0].CheckID == "" {
		t.Fatalf("%+v", s.Differences)
	}
	recorded := 0
	for _, r := range h.records() {
		if r["action"] == "shadow" {
			recorded++
		}
	}
	same(t, "differences on record", 4, recorded)
	o.mu.Lock()
	slices.Sort(o.keys)
	same(t, "requests, of which an array is one", []string{"", "their-key", "their-key", "their-key", "trm-key"}, o.keys)
	o.fail = true
	o.mu.Unlock()
	if listed, err := chainalysisClient(t.Context(), h.url, key, lazarus); err != nil || !listed {
		t.Errorf("%v %v", listed, err)
	}
	if s := until(7); s.Services[0].Failed != 1 || s.Services[0].LastError != "the original answered 503 service unavailable" {
		t.Errorf("%+v", s.Services[0])
	}
	o.mu.Lock()
	o.fail, o.swap = false, true
	o.mu.Unlock()
	if _, err := trmClient(t.Context(), h.url, key, genesis, lazarus); err != nil {
		t.Fatal(err)
	}
	if s := until(9); s.Services[1].Failed != 2 || len(s.Differences) != 4 { // an address is not compared with the answer to another one
		t.Errorf("%+v", s)
	}
	if text := h.log.String(); strings.Contains(text, "their-key") {
		t.Error("the key of the original is in the log")
	}
}

// A session is read from the store each time.
func TestShadowModeIsForAuditors(t *testing.T) {
	h, staff := staffed(t)
	token, _ := h.signIn(staff, "kim", lists.Auditor)
	h.do(call{method: "GET", path: "/v1/shadow", header: with(token)}).want(200)
	h.by("ana", "GET", "/v1/shadow", nil).refused(problem{Status: 403, Code: "forbidden"})
	h.store.gone.Store(true)
	h.do(call{method: "GET", path: "/v1/shadow", header: with(token)}).refused(problem{Status: 503, Code: "store_unavailable"})
}

// The other answers of the endpoints, as openapi.yaml describes them.
func TestAnswersOfDropIns(t *testing.T) {
	h := screened(t)
	same(t, "Scorechain", `[{"isSanctioned":false}]`, string(h.do(call{method: "GET", path: "/scorechain/v1/addresses/" + genesis, key: h.keyOf["till"]}).body))
	const trm = "/public/v1/sanctions/screening"
	body := `[{"address":"` + genesis + `"}]`
	a := h.by("till", "POST", trm, body)
	same(t, "TRM", `[{"address":"`+genesis+`","isSanctioned":false}]`, string(a.body))
	same(t, "TRM's status", http.StatusCreated, a.status)
	h.by("otto", "POST", trm, body).refused(problem{Status: 403, Code: "forbidden"})
	h.by("till", "POST", trm, "["+strings.Repeat(" ", 2<<20)+"]").refused(problem{Status: 413, Code: "too_large"})
	h.do(call{method: "POST", path: trm, key: h.keyOf["till"], body: body, header: http.Header{"Content-Type": {"text/plain"}}}).refused(problem{Status: 415, Code: "unsupported_media_type"})
}
