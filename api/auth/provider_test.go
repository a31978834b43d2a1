package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// identityProvider is a real provider of OpenID Connect over HTTP, whose tokens a test can spoil.
type identityProvider struct {
	t     *testing.T
	srv   *httptest.Server
	now   func() time.Time
	key   *rsa.PrivateKey
	spoil func(claims map[string]any) // changes the claims of the next tokens
	sign  *rsa.PrivateKey             // nil: key
	info  map[string]any              // claims that the userinfo endpoint adds; nil: no endpoint
	away  bool                        // everything fails

	mu    sync.Mutex
	codes map[string]authorization
}

// authorization is a code that has been given out.
type authorization struct {
	challenge, nonce, redirect string
	claims                     map[string]any
}

const (
	clientID     = "interdict"
	clientSecret = "a secret of the client"
	callback     = "https://interdict.example.org/console/oidc/callback"
)

func startProvider(t *testing.T, now func() time.Time) *identityProvider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &identityProvider{t: t, now: now, key: key, codes: map[string]authorization{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.describe)
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer access" {
			p.answer(w, 401, map[string]any{"error": "invalid_token"})
			return
		}
		p.answer(w, 200, p.info)
	})
	p.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.away {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		p.srv.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return p
}

func (p *identityProvider) answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}

func (p *identityProvider) describe(w http.ResponseWriter, _ *http.Request) {
	d := map[string]any{"issuer": p.srv.URL, "authorization_endpoint": p.srv.URL + "/authorize", "token_endpoint": p.srv.URL + "/token", "jwks_uri": p.srv.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256"}}
	if p.info != nil {
		d["userinfo_endpoint"] = p.srv.URL + "/userinfo"
	}
	p.answer(w, 200, d)
}

// signIn is what happens in the browser at the provider: the person signs in and is sent back with a code and the state.
func (p *identityProvider) signIn(target string, claims map[string]any) (code, state string) {
	p.t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("client_id") != clientID || q.Get("redirect_uri") != callback || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("state") == "" || q.Get("nonce") == "" {
		p.t.Fatalf("%s", target)
	}
	code = rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code] = authorization{q.Get("code_challenge"), q.Get("nonce"), q.Get("redirect_uri"), claims}
	return code, q.Get("state")
}

func (p *identityProvider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	code := r.FormValue("code")
	p.mu.Lock()
	x, known := p.codes[code]
	delete(p.codes, code)
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || id != clientID || secret != url.QueryEscape(clientSecret) || !known || x.redirect != r.FormValue("redirect_uri") || x.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		p.answer(w, 400, map[string]any{"error": "invalid_grant", "error_description": "the code is " + code})
		return
	}
	claims := map[string]any{"iss": p.srv.URL, "aud": clientID, "nonce": x.nonce, "iat": p.now().Unix(), "exp": p.now().Add(time.Hour).Unix()}
	for name, value := range x.claims {
		claims[name] = value
	}
	if p.spoil != nil {
		p.spoil(claims)
	}
	key := p.key
	if p.sign != nil {
		key = p.sign
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	p.answer(w, 200, map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 3600, "id_token": text})
}
