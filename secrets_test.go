package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/bech32"
	"github.com/mr-tron/base58"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"interdict/api"
	"interdict/api/auth"
	"interdict/lists"
	"interdict/lists/storetest/freeaddr"
	"interdict/screening"
	"interdict/screening/journal"
)

// People paste secrets where an address belongs. None of them may stand in an answer, an error, a log, the journal, the metrics or a
// report: not in their own letters, and not in hex or base64 of these or of the key inside.

// pasted is a secret as it is pasted.
type pasted struct {
	name, text string
	key        []byte   // the key inside, as it might come out in hex; nil: the text itself is the key
	networks   []string // under which it is sent, beside those of everyWhere
	// listed tells that a list keeps such a text, since an authority publishes one (OFAC: 64 hex digits labelled XMR).
	listed bool
	// dressed tells that a key is in something that is refused, but for another reason than that.
	dressed bool
}

// everywhere are networks under which every secret is sent; "" is none, and one is not known.
var everywhere = []string{"", "bitcoin", "ethereum", "solana", "nowhere"}

// keyBytes are the bytes of which all keys are made: fixed, and of no pattern that anything else shows.
func keyBytes(n int) []byte {
	var out []byte
	for i := byte(0); len(out) < n; i++ {
		sum := sha256.Sum256([]byte{i, 'k', 'e', 'y'})
		out = append(out, sum[:]...)
	}
	return out[:n]
}

func base58Check(alphabet *base58.Alphabet, version, payload string) string {
	body := []byte(version + payload)
	once := sha256.Sum256(body)
	twice := sha256.Sum256(once[:])
	return base58.EncodeAlphabet(append(body, twice[:4]...), alphabet)
}

func bech32Of(hrp string, payload []byte) string {
	data, err := bech32.ConvertBits(payload, 8, 5, true)
	if err != nil {
		panic(err) // whole bytes always convert
	}
	text, err := bech32.Encode(hrp, data)
	if err != nil {
		panic(err)
	}
	return text
}

// strkeySeed writes a seed as SEP-23 says: version S, CRC-16/XMODEM.
func strkeySeed(key []byte) string {
	raw := append([]byte{18 << 3}, key...)
	var crc uint16
	for _, b := range raw {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return base32.StdEncoding.EncodeToString(binary.LittleEndian.AppendUint16(raw, crc))
}

// secretsOfAllFamilies writes the fixed bytes in every way in which a wallet shows a secret, with valid checksums.
func secretsOfAllFamilies() []pasted {
	key := keyBytes(64)
	k32, k64 := string(key[:32]), string(key)
	bitcoin := base58.BTCAlphabet
	ripple := base58.NewAlphabet("rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz")
	extended := strings.Repeat("\x00", 9) + k32 + "\x00" + string(key[32:]) // depth 0, no parent, chain code, key
	var numbers []string
	for _, b := range key {
		numbers = append(numbers, fmt.Sprint(b))
	}
	sum := sha256.Sum256(key[:32])
	digits := hex.EncodeToString(key[:32])
	der := "302e020100300506032b657004220420" + digits
	all := []pasted{
		{name: "BIP-38", text: base58Check(bitcoin, "\x01\x42", "\xc0"+k64[:36]), key: key[:32]},
		{name: "seed words, 12 (BIP-39 test vector)", text: "legal winner thank year wave sausage worth useful legal winner thank yellow"},
		{name: "seed words, 24 (BIP-39 test vector)", text: "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic bless"},
		{name: "seed words over lines", text: "legal\nwinner\nthank\nyear\nwave\nsausage\nworth\nuseful\nlegal\nwinner\nthank\nyellow"},
		{name: "Stellar seed", text: strkeySeed(key[:32]), networks: []string{"stellar"}},
		{name: "XRP seed", text: base58Check(ripple, "\x21", k32[:16]), key: key[:16], networks: []string{"xrp"}},
		{name: "XRP ed25519 seed", text: base58Check(ripple, "\x01\xe1\x4b", k32[:16]), key: key[:16], networks: []string{"xrp"}},
		{name: "Solana key pair", text: base58.Encode(key)},
		{name: "Solana key file", text: "[" + strings.Join(numbers, ",") + "]"},
		{name: "Solana key file with blanks", text: "[" + strings.Join(numbers, ", ") + "]"},
		{name: "Tezos edsk, 54 characters", text: base58Check(bitcoin, "\x0d\x0f\x3a\x07", k32), networks: []string{"tezos"}},
		{name: "Tezos edsk, 98 characters", text: base58Check(bitcoin, "\x2b\xf6\x4e\x07", k64), networks: []string{"tezos"}},
		{name: "Tezos spsk", text: base58Check(bitcoin, "\x11\xa2\xe0\xc9", k32), networks: []string{"tezos"}},
		{name: "Tezos p2sk", text: base58Check(bitcoin, "\x10\x51\xee\xbd", k32), networks: []string{"tezos"}},
		{name: "Sui", text: bech32Of("suiprivkey", append([]byte{0}, key[:32]...)), networks: []string{"sui"}},
		{name: "Nostr", text: bech32Of("nsec", key[:32])},
		{name: "Avalanche", text: "PrivateKey-" + base58.Encode(append(key[:32:32], sum[28:]...)), networks: []string{"avalanche-x", "avalanche-c"}},
		{name: "NEAR", text: "ed25519:" + base58.Encode(key), networks: []string{"near"}},
		{name: "Cardano", text: bech32Of("addr_xsk", append(key, key[:32]...)), networks: []string{"cardano"}},
		{name: "Zcash Sapling", text: bech32Of("secret-extended-key-main", keyBytes(169)), networks: []string{"zcash"}},
		{name: "Zcash Sprout", text: base58Check(bitcoin, "\xab\x36", "\x01"+k32[1:]), key: key[1:32], networks: []string{"zcash"}},
		{name: "Hedera, DER", text: der, networks: []string{"hedera"}},
		{name: "PEM", text: "-----BEGIN PRIVATE KEY-----\n" + base64.StdEncoding.EncodeToString(mustHex(der)) + "\n-----END PRIVATE KEY-----"},
		{name: "64 hex digits", text: digits, networks: []string{"tron", "litecoin", "zcash"}, listed: true},
		{name: "64 hex digits, capitals", text: strings.ToUpper(digits), networks: []string{"tron"}, listed: true},
		{name: "a label and a key", text: "key: " + base58Check(bitcoin, "\x80", k32+"\x01"), key: key[:32]},
		{name: "a key behind a scheme", text: "bitcoin:" + base58Check(bitcoin, "\x80", k32+"\x01"), key: key[:32]},
		{name: "a key in a URI's parameter", text: "bitcoin:1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2?key=" + base58Check(bitcoin, "\x80", k32+"\x01"), key: key[:32]},
		{name: "a key beside its address", text: "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2," + base58Check(bitcoin, "\x80", k32+"\x01"), key: key[:32]},
	}
	wif := base58Check(bitcoin, "\x80", k32+"\x01")
	for name, text := range map[string]string{"Electrum's export": "p2wpkh:" + wif, "a descriptor": "wpkh(" + wif + ")", "quotation marks": `"` + wif + `"`, "a full stop": wif + ".",
		"an assignment": "key=" + wif, "a path behind an xprv": base58Check(bitcoin, "\x04\x88\xad\xe4", extended) + "/0/1",
		"hyphens between seed words": "legal-winner-thank-year-wave-sausage-worth-useful-legal-winner-thank-yellow", "Aptos (AIP-80)": "ed25519-priv-0x" + digits} {
		all = append(all, pasted{name: "a key in a dress: " + name, text: text, key: key[:32], dressed: true})
	}
	for network, version := range map[string]string{"bitcoin": "\x80", "litecoin": "\xb0", "dogecoin": "\x9e", "dash": "\xcc", "zcash": "\x80", "verge": "\x9e", "bitcoin-cash": "\x80"} {
		all = append(all,
			pasted{name: "WIF of " + network, text: base58Check(bitcoin, version, k32), key: key[:32], networks: []string{network}},
			pasted{name: "WIF of " + network + ", compressed", text: base58Check(bitcoin, version, k32+"\x01"), key: key[:32], networks: []string{network}})
	}
	for name, version := range map[string]string{"xprv": "\x04\x88\xad\xe4", "yprv": "\x04\x9d\x78\x78", "zprv": "\x04\xb2\x43\x0c", "tprv": "\x04\x35\x83\x94", "Ltpv": "\x01\x9d\x9c\xfe"} {
		all = append(all, pasted{name: name, text: base58Check(bitcoin, version, extended), key: key[32:]})
	}
	for i := range all {
		if all[i].key == nil && !strings.Contains(all[i].text, "winner") && !strings.Contains(all[i].text, "letter") {
			all[i].key = key[:32]
		}
	}
	return all
}

// with0x are digits that are an account of Aptos, Sui or Starknet where no network is named, and a private key under these.
func with0x() pasted {
	return pasted{name: "0x and 64 hex digits", text: "0x" + hex.EncodeToString(keyBytes(32)), key: keyBytes(32), networks: []string{"bitcoin", "ethereum", "tron", "polygon", "xdc", "nowhere"}, listed: true}
}

func mustHex(digits string) []byte {
	b, err := hex.DecodeString(digits)
	if err != nil {
		panic(err) // the test writes hex
	}
	return b
}

// width is how many characters in a row give a secret away.
const width = 12

// parts are what must not show: any twelve characters of the secret, of its hex or base64, or of its key's, all in small letters; and words that no
// message of ours says.
func (p *pasted) parts() []string {
	var all []string
	flat := strings.Fields(p.text)
	for _, encoded := range []string{p.text, strings.Join(flat, " "), strings.Join(flat, ""), strings.Trim(fmt.Sprintf("%q", p.text), `"`), hex.EncodeToString([]byte(p.text)),
		base64.StdEncoding.EncodeToString([]byte(p.text)), hex.EncodeToString(p.key), base64.StdEncoding.EncodeToString(p.key)} {
		for i := 0; i+width <= len(encoded); i++ {
			if part := encoded[i : i+width]; !harmless(part) {
				all = append(all, strings.ToLower(part))
			}
		}
	}
	for _, word := range []string{"sausage", "winner", "yellow", "acoustic", "absurd"} {
		if strings.Contains(p.text, word) {
			all = append(all, word)
		}
	}
	return all
}

// harmless tells parts that belong to the dress of a secret and not to it.
func harmless(part string) bool {
	for _, dress := range []string{"secret-extended-key-main1", "PrivateKey-", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "bitcoin:1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2?key=",
		"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2,", "000000000000000000"} {
		if strings.Contains(dress, part) {
			return true
		}
	}
	return false
}

// outputs collects what came out, by where.
type outputs map[string][]byte

func (o outputs) add(where string, b []byte) { o[where] = append(append(o[where], '\n'), b...) }

// hunt looks for every secret in every output.
func (o outputs) hunt(t *testing.T, secrets []pasted) {
	t.Helper()
	byPart := map[string]int{} // which secret it is of
	var words []string
	for i := range secrets {
		for _, part := range secrets[i].parts() {
			if byPart[part] = i; len(part) != width {
				words = append(words, part)
			}
		}
	}
	for where, b := range o {
		text := strings.ToLower(string(b))
		told := map[int]bool{}
		tell := func(part string, at int) {
			if i, found := byPart[part]; found && !told[i] {
				told[i] = true
				t.Errorf("%s: %q shows in %s: … %q …", secrets[i].name, part, where, text[max(0, at-80):min(at+80, len(text))])
			}
		}
		for i := 0; i+width <= len(text); i++ {
			tell(text[i:i+width], i)
		}
		for _, word := range words {
			if at := strings.Index(text, word); at >= 0 {
				tell(word, at)
			}
		}
	}
}

// addFolder reads every file of a folder as it is on disk.
func (o outputs) addFolder(t *testing.T, where, folder string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		o.add(where+" on disk", b)
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("there is nothing in %s (%v)", folder, err)
	}
	for r, err := range journal.Read(t.Context(), folder) {
		if err != nil {
			t.Fatal(err)
		}
		o.add(where, r.Payload)
		if r.Kind == journal.Check {
			d, err := screening.DecodeRecord(r.Kind, r.ID, r.Time, r.Payload)
			if err != nil {
				t.Fatal(err)
			}
			o.add(where+" decoded", fmt.Appendf(d.JSON(), " %s %s %v", d.Identity, d.Canonical, d.Err))
		}
	}
}

// secretHouse is a list with an address and a raw row, so that every check looks for raw texts too.
const secretHouse = "address,network,entity\n" + canaryAlways + ",ethereum,Somebody\nno address at all,bitcoin,Raw\n" + canaryNever + ",bitcoin,Else\n"

func TestEverySecretWouldBeFound(t *testing.T) {
	shows := func(p *pasted, output string) bool {
		return slices.ContainsFunc(p.parts(), func(part string) bool { return strings.Contains(strings.ToLower(output), part) })
	}
	for _, p := range append(secretsOfAllFamilies(), with0x()) {
		for how, out := range map[string]string{"as it is": p.text, "as JSON": fmt.Sprintf("%q", p.text), "in hex": hex.EncodeToString([]byte(p.text)),
			"cut": p.text[:min(len(p.text), 64)], "in small letters": strings.ToLower(p.text)} {
			if !shows(&p, "x "+out+" y") {
				t.Errorf("%s %s is not found", p.name, how)
			}
		}
		if shows(&p, secretHouse) {
			t.Errorf("%s: the test's own list shows it", p.name)
		}
	}
}

// withoutRace leaves a test to the run of make test without the race detector.
func withoutRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("make test runs it without the race detector")
	}
}

func TestNoAnswerLogMetricOrRecordOfTheServerShowsASecret(t *testing.T) {
	withoutRace(t)
	data := listFile(t, secretHouse)
	out := outputs{}
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o, err := (&storeFlags{Data: data}).open(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	metrics := api.NewMetrics()
	s := screening.New(o.store, o.journal, metrics, log, time.Now)
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	metrics.Watch(s)
	keys, err := auth.Open(t.Context(), o.store, auth.Options{Recorder: recorder{o.journal}, Log: log, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	apiKey, _, err := keys.Create(t.Context(), lists.Key{Name: "tester", Roles: []lists.Role{lists.Admin}}, auth.Change{By: lists.Person("tester")})
	if err != nil {
		t.Fatal(err)
	}
	h := api.New(api.Options{Screener: s, Loader: o.loader, Keys: keys, Store: o.store, Metrics: metrics, Log: log, Now: time.Now, JournalError: func() error { return nil }, Recorder: recorder{o.journal}}).Handler()
	call := func(method, path string, body any) *httptest.ResponseRecorder {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), method, path, bytes.NewReader(b))
		r.Header.Set("Authorization", "Bearer "+apiKey)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}

	type item map[string]string
	secrets := secretsOfAllFamilies()
	var batch []item
	send := func(p *pasted, networks []string) {
		for _, network := range networks {
			for _, text := range []string{p.text, " " + p.text + "\n"} {
				body := item{"address": text, "network": network, "direction": "deposit"}
				batch = append(batch, body)
				where := "the answer to a check of " + p.name + " under " + network
				w := call(http.MethodPost, "/v1/check", body)
				out.add(where, w.Body.Bytes())
				if network != "nowhere" && !p.dressed && (w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `"reason":"secret_material"`)) {
					t.Errorf("%s is %d %s", where, w.Code, w.Body)
				}
				path := "/v1/addresses/" + url.PathEscape(text)
				if network != "" {
					path += "?network=" + network
				}
				out.add("the answer to a look-up", call(http.MethodGet, path, nil).Body.Bytes())
				if x, _ := s.Explain(context.WithoutCancel(t.Context()), &screening.Request{Address: text, Network: network}, &screening.Answer{}); x != nil {
					b, err := json.Marshal(x)
					if err != nil {
						t.Fatal(err)
					}
					out.add("an explanation", b)
				}
			}
		}
	}
	for i := range secrets {
		send(&secrets[i], append(everywhere, secrets[i].networks...))
	}
	hexed := with0x()
	send(&hexed, hexed.networks)
	secrets = append(secrets, hexed)
	for len(batch) > 0 {
		n := min(len(batch), 200)
		out.add("the answer to a batch", call(http.MethodPost, "/v1/checks", map[string]any{"checks": batch[:n]}).Body.Bytes())
		batch = batch[n:]
	}
	// Where a body is no check at all, the message says what is wrong with it.
	for i := range secrets {
		out.add("the answer to a broken body", call(http.MethodPost, "/v1/check", map[string]any{secrets[i].text: "x"}).Body.Bytes())
		out.add("the answer to a wrong direction", call(http.MethodPost, "/v1/check", item{"address": canaryAlways, "direction": secrets[i].text}).Body.Bytes())
		out.add("the answer to a path that is not there", call(http.MethodGet, "/v1/"+url.PathEscape(secrets[i].text), nil).Body.Bytes())
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(metrics.Registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if !strings.Contains(w.Body.String(), `interdict_refused_total{reason="secret_material"}`) {
		t.Errorf("the metrics do not count refused secrets:\n%s", w.Body)
	}
	out.add("the metrics", w.Body.Bytes())
	o.close()
	out.add("the log", logged.Bytes())
	out.addFolder(t, "the journal", filepath.Join(data, "journal"))
	out.hunt(t, secrets)
}

func TestNoCommandShowsASecret(t *testing.T) {
	withoutRace(t)
	data := listFile(t, secretHouse)
	out := outputs{}
	secrets := secretsOfAllFamilies()
	hexed := with0x()
	run := func(where string, want int, stdin string, args ...string) {
		code, stdout, stderr := program(t, stdin, args...)
		out.add(where+", standard output", []byte(stdout))
		out.add(where+", standard error", []byte(stderr))
		if code != want && code != exitUsage {
			t.Errorf("%s ends with exit code %d: %s%s", where, code, stdout, stderr)
		}
	}
	perNetwork := map[string]string{} // all that are tried under a network, in one call
	for i := range secrets {
		p := &secrets[i]
		for _, network := range append([]string{"bitcoin"}, p.networks...) {
			perNetwork[network] += strings.ReplaceAll(p.text, "\n", " ") + "\n"
		}
		network := append([]string{"bitcoin"}, p.networks...)[i%(1+len(p.networks))]
		run("check "+p.name, exitError, "", "check", "--data", data, "--network", network, "--", p.text)
		run("check --explain "+p.name, exitError, "", "check", "--explain", "--data", data, "--network", network, "--", p.text)
		run("check --explain --json "+p.name, exitError, "", "check", "--explain", "--json", "--data", data, "--", p.text)
		run("check without quotation marks "+p.name, exitError, "", append([]string{"check", "--data", data, "--network", "eos"}, strings.Fields(p.text)...)...)
		run("check through a server that is away "+p.name, exitError, "", "check", "--server", "http://127.0.0.1:1", "--", p.text)
		if !strings.Contains(p.text, "\n") {
			run("check of standard input "+p.name, exitError, p.text+"\n", "check", "--data", data, "-")
		}
	}
	for network, lines := range perNetwork {
		run("check of lines under "+network, exitError, lines, "check", "--data", data, "--network", network, "-")
	}
	for _, network := range hexed.networks {
		run("check "+hexed.name, exitError, "", "check", "--explain", "--data", data, "--network", network, hexed.text)
	}
	run("check of a store without lists", exitError, "", "check", "--explain", "--data", emptyStore(t), secrets[0].text)
	out.addFolder(t, "the journal", filepath.Join(data, "journal"))
	out.hunt(t, append(secrets, hexed))
}

func TestNoReportOfALoadedListShowsASecret(t *testing.T) {
	withoutRace(t)
	var secrets []pasted
	for _, p := range append(secretsOfAllFamilies(), with0x()) {
		if !p.listed && !p.dressed {
			secrets = append(secrets, p)
		}
	}
	for _, format := range []string{"csv", "ndjson", "json", "text"} {
		t.Run(format, func(t *testing.T) {
			secrets := slices.Clone(secrets)
			if format == "text" { // a line is an address and names behind it: what holds blanks or commas is no cell
				secrets = slices.DeleteFunc(secrets, func(p pasted) bool { return strings.ContainsAny(p.text, " ,\n") })
			}
			out := outputs{}
			var file bytes.Buffer
			var objects []map[string]string
			cells := csv.NewWriter(&file)
			for i := range 2 * len(secrets) { // as many addresses beside them, so that no guard trips
				p := secrets[i%len(secrets)]
				network := ""
				if len(p.networks) > 0 {
					network = p.networks[0]
				}
				text := p.text
				if i >= len(secrets) {
					text, network = fmt.Sprintf("0x%040x", i), "ethereum"
				}
				switch format {
				case "csv":
					if err := cells.Write([]string{text, network, "Somebody"}); err != nil {
						t.Fatal(err)
					}
				case "text":
					fmt.Fprintln(&file, text)
				default:
					objects = append(objects, map[string]string{"address": text, "network": network})
				}
			}
			cells.Flush()
			content := file.Bytes()
			switch format {
			case "csv":
				content = append([]byte("address,network,entity\n"), content...)
			case "ndjson":
				for _, o := range objects {
					b, err := json.Marshal(o)
					if err != nil {
						t.Fatal(err)
					}
					content = append(append(content, b...), '\n')
				}
			case "json":
				var err error
				if content, err = json.Marshal(objects); err != nil {
					t.Fatal(err)
				}
			}
			data, name := t.TempDir(), filepath.Join(t.TempDir(), "list."+format)
			if err := os.WriteFile(name, content, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{
				{"load", "deny", name, "--format", format, "--dry-run"}, {"load", "deny", name, "--format", format, "--json"},
				{"activate", "deny", "1"}, {"load", "deny", name, "--format", format, "--activate", "--override", "test"},
				{"versions", "deny"}, {"diff", "deny", "0", "1"}, {"export", "deny"},
			} {
				code, stdout, stderr := program(t, "", append(args, "--data", data)...)
				out.add("interdict "+args[0], []byte(stdout+stderr))
				if args[0] == "load" && code != exitDone {
					t.Errorf("%v ends with %d: %s%s", args, code, stdout, stderr)
				}
			}
			var logged bytes.Buffer
			o, err := (&storeFlags{Data: data}).open(t.Context(), slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
			if err != nil {
				t.Fatal(err)
			}
			refused := 0
			if err := o.loader.Quarantine(t.Context(), "deny", 1, func(q lists.Quarantined) error {
				b, err := json.Marshal(q)
				out.add("the quarantine report", b)
				if q.Reason == "secret_material" && q.Address == "" && !q.Active {
					refused++
				}
				return err
			}); err != nil {
				t.Error(err)
			}
			if refused != len(secrets) {
				t.Errorf("%d of %d secrets are told as such", refused, len(secrets))
			}
			o.close()
			out.add("the log", logged.Bytes())
			out.addFolder(t, "the journal", filepath.Join(data, "journal"))
			out.hunt(t, secrets)
		})
	}
}

// furtherSecrets are secrets in spellings of which no network's address reader knows, and that a list of addresses may hold as they are (listed).
func furtherSecrets() []pasted {
	digits := hex.EncodeToString(keyBytes(32))
	b64 := base64.StdEncoding.EncodeToString(keyBytes(32))
	mnemonic := strings.Fields("legal winner thank year wave sausage worth useful legal winner thank yellow")
	var numbered, camel []string
	for i, word := range mnemonic {
		numbered = append(numbered, fmt.Sprintf("%d. %s", i+1, word))
		camel = append(camel, strings.ToUpper(word[:1])+word[1:])
	}
	return []pasted{
		{name: "63 hex digits", text: digits[:63], listed: true},
		{name: "66 hex digits", text: digits + "01", listed: true},
		{name: "base64", text: b64},
		{name: "base64 without padding", text: strings.TrimRight(b64, "="), listed: true},
		{name: "seed words, joined", text: strings.Join(mnemonic, "")},
		{name: "seed words, camel case", text: strings.Join(camel, "")},
		{name: "seed words, commas", text: strings.Join(mnemonic, ",")},
		{name: "seed words, underscores", text: strings.Join(mnemonic, "_")},
		{name: "seed words, numbered", text: strings.Join(numbered, " ")},
		{name: "seed words, nine of them", text: strings.Join(mnemonic[:9], " ")},
		{name: "seed words, Japanese", text: strings.Repeat("あいこくしん ", 11) + "あおぞら"},
		{name: "seed words of Monero", text: "tavern judge beyond bifocals deepest mural onward dummy eagle diode gained vacation rally cause firm idled jerseys moat vigilant upload bobsled jobs cunning doing jobs"},
		{name: "keystore", text: `{"crypto":{"cipher":"aes-128-ctr","ciphertext":"` + digits + `"}}`, key: keyBytes(32)},
		{name: "macaroon", text: strings.Repeat(digits[:12], 10), listed: true},
		{name: "an API key", text: "ik_mfrggzdfmztwq2lk_9Yc0vVQqkq3r1nJ7mX2bT5wZ8aL4pE6uD0sGhKjRtFyA"},
		{name: "another API key", text: strings.Repeat("k", 16) + "0123456789abcdef0123456789abcdef", listed: true},
	}
}

// running is the program in this process, serving an embedded store.
type running struct {
	t           *testing.T
	base, admin string
	out         outputs
	end         func() (log []byte)
}

func serveHere(t *testing.T, data string) *running {
	t.Helper()
	t.Setenv("INTERDICT_BOOTSTRAP_KEY", testKey)
	t.Setenv("INTERDICT_LOG_LEVEL", "debug")
	listen, admin := freeaddr.Get(t), freeaddr.Get(t)
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer
	traces := collectTraces(t)
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--listen", listen, "--admin-listen", admin, "--drain-delay", "0s", "--data", data, "--access-log", "all", "--traces", traces.URL, "--traces-sample", "1"}, strings.NewReader(""), &log, &log)
	}()
	s := &running{t: t, base: "http://" + listen, admin: "http://" + admin, out: outputs{}}
	s.end = sync.OnceValue(func() []byte {
		cancel()
		if code := <-ended; code != exitDone {
			t.Errorf("the server ends with %d: %s", code, log.Bytes())
		}
		for _, b := range traces.bodies {
			s.out.add("the traces", b)
		}
		return log.Bytes()
	})
	t.Cleanup(func() { s.end() })
	answers(t, s.base)
	return s
}

// send makes one request and keeps the answer, with its headers, among the outputs.
func (s *running) send(method, path string, header map[string]string, body []byte) (status int, answer []byte) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+testKey)
	if len(body) > 0 && body[0] == '{' {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	where, _, _ := strings.Cut(path, "?")
	if strings.Contains(path, "?") || len(where) > 60 {
		where = where[:min(len(where), 16)] + "…"
	}
	s.out.add("the answer to "+method+" "+where, answer)
	for name, values := range res.Header {
		s.out.add("a header", []byte(name+": "+strings.Join(values, " ")))
	}
	return res.StatusCode, answer
}

func (s *running) sendJSON(method, path string, body any) (status int, answer []byte) {
	s.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(method, path, nil, b)
}

// field is a place in a request where a secret can be pasted.
type field struct {
	name  string
	paste func(s *running, text string)
}

// headerText reports whether a text can be sent in a header of HTTP.
func headerText(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

type object = map[string]any

// fieldsOfTheAPI are all fields of all requests, but for the columns of an upload.
func fieldsOfTheAPI() []field {
	var all []field
	add := func(name string, paste func(s *running, text string)) { all = append(all, field{name, paste}) }
	member := func(method, path, name string, rest object) {
		add(method+" "+path+": "+name, func(s *running, text string) {
			body := object{}
			for k, v := range rest {
				body[k] = v
			}
			outer, inner, nested := strings.Cut(name, ".")
			switch {
			case name == "[unknown]":
				body[text] = "x"
			case nested:
				body[outer] = object{inner: text}
			default:
				body[name] = text
			}
			s.sendJSON(method, path, body)
		})
	}
	for _, name := range []string{"network", "asset", "reference", "customer", "direction", "[unknown]", "colour"} {
		check := object{"address": canaryAlways, "direction": "deposit"}
		member(http.MethodPost, "/v1/check", name, check)
		add("batch: "+name, func(s *running, text string) {
			item := object{"address": canaryAlways, "direction": "deposit"}
			if name == "[unknown]" {
				item[text] = "x"
			} else {
				item[name] = text
			}
			s.sendJSON(http.MethodPost, "/v1/checks", object{"checks": []object{item}})
		})
	}
	for _, network := range []string{"bitcoin", "ethereum", "nowhere"} {
		member(http.MethodPost, "/v1/check", "address", object{"network": network, "direction": "deposit"})
	}
	add("query", func(s *running, text string) {
		q := url.QueryEscape(text)
		for _, path := range []string{"/v1/addresses/" + canaryAlways + "?network=", "/v1/lists/l/versions/1/diff?against=", "/v1/lists/l/versions/1/quarantine?offset=",
			"/v1/lists/l/export?as=", "/v1/lists/l/versions/1/activate?override="} {
			method := http.MethodGet
			if strings.Contains(path, "activate") {
				method = http.MethodPost
			}
			s.send(method, path+q, nil, nil)
			s.send(method, strings.Split(path, "?")[0]+"?"+q+"=x", nil, nil)
		}
	})
	add("path", func(s *running, text string) {
		p := url.PathEscape(text)
		for _, path := range []string{"/v1/" + p, "/v1/addresses/" + p + "?network=bitcoin", "/v1/lists/" + p, "/v1/lists/" + p + "/versions", "/v1/lists/l/versions/" + p,
			"/v1/lists/l/suppressions/" + p, "/v1/generations/" + p} {
			s.send(http.MethodGet, path, nil, nil)
		}
		s.sendJSON(http.MethodPut, "/v1/lists/"+p, object{"approvals": 0})
		s.send(http.MethodDelete, "/v1/lists/"+p, nil, nil)
		s.send(http.MethodDelete, "/v1/keys/"+p, nil, nil)
		s.send(http.MethodPost, "/v1/lists/"+p+"/versions", nil, []byte("address\n"+canaryAlways+"\n"))
	})
	add("header", func(s *running, text string) {
		if !headerText(text) {
			return
		}
		for _, header := range []map[string]string{{"Authorization": "Bearer " + text}, {"Authorization": "", "X-API-Key": text}, {"Authorization": "Basic " + text},
			{"X-Request-ID": text}, {"traceparent": text}, {"Accept": text}, {"User-Agent": text}, {"If-Match": text}, {"Content-Type": text}} {
			s.send(http.MethodGet, "/v1/lists", header, nil)
		}
		s.send(http.MethodPost, "/v1/check", map[string]string{"Content-Type": "application/json; x=" + text}, []byte("{}"))
	})
	for _, name := range []string{"name", "authority", "category", "confidence", "on_stale", "max_age", "[unknown]", "source.url", "source.format", "source.every", "source.sha256_url"} {
		member(http.MethodPut, "/v1/lists/l", name, object{"approvals": 0})
	}
	add("source", func(s *running, text string) {
		for _, name := range []string{"url", "sha256_url"} {
			source := object{"url": "https://example.org/list.csv", "every": "1h"}
			source[name] = "https://example.org/" + url.PathEscape(text) + "/list.csv"
			s.sendJSON(http.MethodPut, "/v1/lists/l", object{"source": source})
		}
	})
	for _, name := range []string{"category", "confidence", "class", "direction", "action", "colour"} {
		add("policy: "+name, func(s *running, text string) {
			rule := object{"action": "review"}
			rule[name] = text
			s.sendJSON(http.MethodPut, "/v1/lists/l", object{"policy": []object{rule}})
		})
	}
	add("upload", func(s *running, text string) {
		q := url.QueryEscape(text)
		for _, query := range []string{"filename=" + q + ".csv&note=" + q, "format=" + q, "mode=" + q, "published=" + q, "mapping=" + q + "%3Daddress",
			"mapping=address%3D" + q, "mapping=category%3A" + q + "%3Dscam", "wait=" + q, "dry_run=" + q, q + "=x"} {
			s.send(http.MethodPost, "/v1/lists/l/versions?"+query, nil, []byte("address\n"+canaryAlways+"\n# "+fmt.Sprint(len(query))+"\n"))
		}
	})
	add("multipart", func(s *running, text string) {
		for _, part := range [][2]string{{"file", text + ".csv"}, {text, "list.csv"}, {text, ""}} {
			var b bytes.Buffer
			w := multipart.NewWriter(&b)
			var p io.Writer
			var err error
			if part[1] == "" {
				p, err = w.CreateFormField(part[0])
			} else {
				p, err = w.CreateFormFile(part[0], part[1])
			}
			if err != nil {
				s.t.Fatal(err)
			}
			fmt.Fprintf(p, "address\n%s\n", canaryAlways)
			if err := w.Close(); err != nil {
				s.t.Fatal(err)
			}
			s.send(http.MethodPost, "/v1/lists/l/versions", map[string]string{"Content-Type": w.FormDataContentType()}, b.Bytes())
		}
	})
	for _, call := range []string{"versions/1/approve", "versions/1/reject", "rollback", "retire", "suppressions/019ad2c4-0000-7000-8000-000000000000/approve"} {
		for _, name := range []string{"reason", "[unknown]"} {
			member(http.MethodPost, "/v1/lists/l/"+call, name, nil)
		}
	}
	member(http.MethodPost, "/v1/lists/l/versions/1/activate", "override", nil)
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, name := range []string{"address", "network", "reason", "until", "[unknown]"} {
		member(http.MethodPost, "/v1/lists/l/suppressions", name, object{"address": canaryAlways, "reason": "x", "until": until})
	}
	member(http.MethodPost, "/v1/keys", "name", object{"roles": []string{"checker"}})
	add("POST /v1/keys: roles", func(s *running, text string) {
		s.sendJSON(http.MethodPost, "/v1/keys", object{"name": "x", "roles": []string{text}})
	})
	for _, name := range []string{"url", "description", "reason", "[unknown]"} {
		member(http.MethodPost, "/v1/webhooks", name, object{"url": "https://hooks.invalid/"})
	}
	for _, name := range []string{"from", "to", "reason", "[unknown]"} {
		member(http.MethodPost, "/v1/holds", name, object{"reason": "x"})
	}
	add("hold", func(s *running, text string) {
		s.sendJSON(http.MethodPost, "/v1/holds/"+url.PathEscape(text)+"/end", object{"reason": text})
	})
	add("webhook", func(s *running, text string) {
		p := url.PathEscape(text)
		s.sendJSON(http.MethodPost, "/v1/webhooks", object{"url": "https://hooks.invalid/" + p})
		s.sendJSON(http.MethodPost, "/v1/webhooks", object{"url": "https://hooks.invalid/", "events": []string{text}})
		s.sendJSON(http.MethodPost, "/v1/webhooks/"+p+"/rotate", object{"overlap": text, "reason": text})
		s.send(http.MethodDelete, "/v1/webhooks/"+p, nil, nil)
	})
	return all
}

// Every field of the API, with every secret: no answer, header, log, metric, record or document of the store shows one. What a caller gets
// to see of an address that was understood is its own text.
func TestNoFieldOfTheServerKeepsASecret(t *testing.T) {
	withoutRace(t)
	data := t.TempDir()
	s := serveHere(t, data)
	s.sendJSON(http.MethodPut, "/v1/lists/l", object{"approvals": 0})
	s.send(http.MethodPost, "/v1/lists/l/versions?format=csv", nil, []byte("address,network\n"+canaryAlways+",ethereum\n"))
	if status, answer := s.send(http.MethodPost, "/v1/lists/l/versions/1/activate?override=test", nil, nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	secrets := append(append(secretsOfAllFamilies(), furtherSecrets()...), with0x())
	for _, f := range fieldsOfTheAPI() {
		for i := range secrets {
			for _, dress := range []string{"%s", "my key=%s, please"} {
				if dress != "%s" && i%4 != 0 { // the dresses of texts are tested in lists/address
					continue
				}
				f.paste(s, fmt.Sprintf(dress, secrets[i].text))
			}
		}
	}
	// 64 hex digits without a network are an account, which the caller gets back; the record has a digest.
	hexed := with0x()
	kept := s.out
	s.out = outputs{}
	if status, answer := s.sendJSON(http.MethodPost, "/v1/check", object{"address": hexed.text, "direction": "deposit"}); status != http.StatusOK || !bytes.Contains(answer, []byte(hexed.text)) {
		t.Errorf("%d %s", status, answer)
	}
	s.out = kept
	s.uploadSecrets(secrets)

	for _, path := range []string{"/v1/lists", "/v1/lists/l", "/v1/lists/l/versions", "/v1/lists/l/suppressions", "/v1/generations", "/v1/keys", "/v1/webhooks", "/v1/replicas", "/readyz"} {
		s.send(http.MethodGet, path, nil, nil)
	}
	base := s.base
	s.base = s.admin
	s.send(http.MethodGet, "/metrics", nil, nil)
	s.base = base
	s.out.add("the log", s.end())
	s.out.addFolder(t, "the journal", filepath.Join(data, "journal"))
	if err := filepath.WalkDir(data, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "source-") { // the uploaded bytes stay as they are
			return err
		}
		b, err := os.ReadFile(name)
		s.out.add("the store", b)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s.out.hunt(t, secrets)
}

// uploadSecrets uploads lists with a secret in one column of each row, and reads all that is told of them.
func (s *running) uploadSecrets(secrets []pasted) {
	s.t.Helper()
	columns := []string{"address", "network", "asset", "entity", "entity_id", "entity_type", "category", "confidence", "programs", "incident", "listed_on", "valid_until", "url", "note", "extra"}
	upload := func(format string, content []byte) {
		status, answer := s.send(http.MethodPost, "/v1/lists/l/versions?format="+format, nil, content)
		var v struct{ Version int }
		if err := json.Unmarshal(answer, &v); status != http.StatusCreated || err != nil {
			if status != http.StatusBadRequest {
				s.t.Errorf("an upload of %s is %d %s", format, status, answer)
			}
			return
		}
		version := fmt.Sprint("/v1/lists/l/versions/", v.Version)
		if format == "auto" {
			s.send(http.MethodGet, version, nil, nil)
			return
		}
		s.send(http.MethodPost, version+"/activate?override=test", nil, nil)
		for _, path := range []string{"", "/quarantine", "/diff", "/export", "/export?as=csv"} {
			s.send(http.MethodGet, version+path, nil, nil)
		}
		s.send(http.MethodGet, version+"/quarantine", map[string]string{"Accept": "text/csv"}, nil)
		s.sendJSON(http.MethodPost, "/v1/check", object{"address": canaryAlways, "direction": "deposit"})
	}
	var lines []string
	for i, column := range columns {
		for _, dress := range []string{"%s", "key=%s"} {
			var b bytes.Buffer
			w := csv.NewWriter(&b)
			rows := [][]string{columns}
			for k, p := range secrets {
				row := make([]string, len(columns))
				row[0] = fmt.Sprintf("0x%040x", 1000*i+k)
				if k == 0 {
					row[0] = canaryAlways
				}
				if column == "address" && (p.listed || p.dressed) {
					continue // a list may name such an address
				}
				row[i] = fmt.Sprintf(dress, p.text)
				rows = append(rows, row)
				member, err := json.Marshal(object{"address": fmt.Sprintf("0x%040x", k), "note": "x", p.text: p.text})
				if err != nil {
					s.t.Fatal(err)
				}
				lines = append(lines, string(member))
			}
			if err := w.WriteAll(rows); err != nil {
				s.t.Fatal(err)
			}
			upload("csv", b.Bytes())
		}
	}
	upload("ndjson", []byte(strings.Join(lines, "\n")+"\n"))
	for _, p := range secrets {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.WriteAll([][]string{{p.text, "address", "note"}, {"x", canaryAlways, "y"}}); err != nil {
			s.t.Fatal(err)
		}
		upload("auto", b.Bytes())
	}
}

// What is written has the keys that the list does not have: the command says so, on a store and through a server.
func TestExportOfPublishedBytesWarnsOfKeys(t *testing.T) {
	wif := base58Check(base58.BTCAlphabet, "\x80", string(keyBytes(32))+"\x01")
	clean, dirty := "address,note\n"+canaryAlways+",x\n", "address,note\n"+canaryAlways+",key "+wif+"\n"
	data := t.TempDir()
	for i, content := range []string{clean, dirty} {
		name := filepath.Join(t.TempDir(), "list.csv")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := program(t, "", "load", "deny", name, "--activate", "--override", "test", "--data", data); code != exitDone {
			t.Fatalf("load %d: %s", i+1, stderr)
		}
	}
	check := func(where ...string) {
		t.Helper()
		for args, want := range map[string]bool{"--number 1 --as published": false, "--number 2 --as published": true, "--as published": true, "--as csv": false} {
			code, stdout, stderr := program(t, "", append(append([]string{"lists", "export", "deny"}, strings.Fields(args)...), where...)...)
			if code != exitDone || strings.Contains(stderr, "private keys") != want || strings.Contains(stdout, wif) != want {
				t.Errorf("export %s %v: %d, %q, %q", args, where, code, stdout, stderr)
			}
		}
	}
	check("--data", data)
	s := serveHere(t, data)
	check("--server", s.base, "--key", testKey)
}
