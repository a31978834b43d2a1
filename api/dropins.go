package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	jsonv2 "github.com/go-json-experiment/json"

	"interdict/api/auth"
	"interdict/api/client"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening"
)

// The drop-in endpoints answer as three free screening services do, so that a program that asks one of them only needs another base URL and key. Their
// answers know no error: what cannot be answered has a status that is not a success, and never looks like an address that is not listed.
const (
	pathChainalysis = "/api/v1/address/:address"
	pathTRM         = "/public/v1/sanctions/screening"
	pathScorechain  = "/scorechain/v1/addresses/:address"
)

func (s *Server) serveDropIns() {
	s.dropIn(http.MethodGet, pathChainalysis, s.likeChainalysis)
	s.dropIn(http.MethodPost, pathTRM, s.likeTRM)
	s.dropIn(http.MethodGet, pathScorechain, s.likeScorechain)
}

// dropIn registers a handler for callers with role checker. Its errors are {"message": …}.
func (s *Server) dropIn(method, path string, h handler) {
	s.observed(method, path, func(c *gin.Context) {
		who, err := s.authenticate(c.Request, path)
		switch {
		case fault.Is(err, fault.Unauthorized):
			if err = s.slowDown(c.Request, err); fault.Is(err, fault.Unauthorized) {
				err = fault.E(fault.Unauthorized, "Invalid API Key")
			}
		case err == nil:
			err = s.permit(c, who, path, []auth.Role{auth.Checker})
		}
		if err == nil {
			err = h(c, who)
		}
		s.recognised(c, who, err)
		if err != nil {
			s.failDropIn(c, err)
		}
	})
}

// failDropIn answers an error. An address that cannot be read is 400, as a client of the original expects of a request that it should not repeat.
func (s *Server) failDropIn(c *gin.Context, err error) {
	p := problemOf(err)
	status := p.Status
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	s.failing(c, status, err)
	message := p.Title
	if status != http.StatusInternalServerError {
		message = err.Error()
	}
	if p.PossibleMatch {
		message += "; the address may be listed: hold the transfer"
	}
	b, err := EncodeExactly(map[string]string{"message": message, "code": p.Code})
	if err != nil {
		panic(err) // texts always encode
	}
	c.Header("Cache-Control", "no-store")
	c.Data(status, "application/json", b)
}

// checkIDHeader names the decision on record in an answer that has no place for it.
const checkIDHeader = "X-Check-Id"

// isNoAddress reports whether a lenient key may take a refused text for not listed: it is not an address, and none is found in it. An address in wrong
// letter case, with invisible characters in it, in a link or beside another one may be listed.
func isNoAddress(text string, refused *screening.Refused) bool {
	if refused.WouldMatch || refused.Cause.Folded != nil {
		return false
	}
	for i, piece := range piecesOf(text) {
		if i > 0 && len(piece) < shortestAddress {
			continue
		}
		_, _, err := address.ParseListed(nil, piece, "", "") // as a list would be read, which forgives more
		var cause *address.Error
		if !errors.As(err, &cause) {
			return false
		}
		switch cause.Reason {
		case address.Ambiguous, address.TwoAddresses, address.WrongNetwork:
			return false
		}
	}
	return true
}

// shortestAddress is less than the characters of any address but names and the numbers of Hedera: shorter words of a text are not tried.
const shortestAddress = 20

// piecesOf returns what in a text could be an address: first the text without blanks and invisible characters, then its words, also those of the link
// that it may be, with and without the marks that addresses of some networks have.
func piecesOf(text string) []string {
	visible := strings.Map(func(r rune) rune {
		if ' ' < r && r < utf8.RuneSelf-1 {
			return r
		}
		return -1
	}, text)
	all, texts := []string{visible, text}, []string{text, visible}
	if link, err := url.PathUnescape(text); err == nil && link != text {
		texts = append(texts, link)
	}
	for _, t := range texts {
		for _, marks := range []string{"", "-_", "-_:.", "-_:.+/="} {
			words := strings.FieldsFunc(t, func(r rune) bool {
				return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(marks, r)
			})
			all = append(append(all, words...), strings.Join(words, ""))
		}
	}
	return all
}

// sanctions returns the matches of an address that count for a key. An address that cannot be read is an error, or if the key is lenient no match
// (isNoAddress).
func (s *Server) sanctions(c *gin.Context, who *auth.Principal, service, text string) ([]client.Match, error) {
	var a screening.Answer
	err := s.screener.Check(c.Request.Context(), &screening.Request{Address: text, By: who.Name}, &a)
	matches, answered, err := s.counted(c, who, text, &a, err)
	s.shadow.compare(service, answered)
	return matches, err
}

// counted returns what sanctions does, of an answer or its error, and what there is to compare.
func (s *Server) counted(c *gin.Context, who *auth.Principal, text string, a *screening.Answer, err error) ([]client.Match, []compared, error) {
	d := who.DropIn()
	if err != nil {
		var refused *screening.Refused
		if d.Lenient && fault.Is(err, fault.InvalidAddress) && errors.As(err, &refused) && isNoAddress(text, refused) {
			return nil, nil, nil
		}
		return nil, nil, err
	}
	var answer client.Answer
	if err := json.Unmarshal(a.JSON, &answer); err != nil {
		return nil, nil, fault.E(fault.Internal, "read an answer: %w", err)
	}
	c.Writer.Header().Add(checkIDHeader, answer.CheckID)
	counted := slices.DeleteFunc(answer.Matches, func(m client.Match) bool { return !d.Counts(m.Category) })
	if len(counted) == 0 && a.MatchesTotal > len(a.Matches) {
		return nil, nil, fault.E(fault.Unavailable, "the address has %d listings, more than one answer holds: ask /v1/check", a.MatchesTotal)
	}
	return counted, []compared{{address: text, checkID: answer.CheckID, listed: len(counted) > 0}}, nil
}

// identification is a match as Chainalysis' free API shows it. The category is always "sanctions": clients fail on any other.
type identification struct {
	Category    string `json:"category"`
	Name        string `json:"name"`
	Description string `json:"description"`
	URL         string `json:"url"`
}

// likeChainalysis answers as GET https://public.chainalysis.com/api/v1/address/{address} does.
func (s *Server) likeChainalysis(c *gin.Context, who *auth.Principal) error {
	if err := s.admit(who, 1); err != nil {
		return err
	}
	matches, err := s.sanctions(c, who, chainalysis, param(c, "address"))
	if err != nil {
		return err
	}
	out := []identification{}
	for i := range matches {
		m := &matches[i]
		out = append(out, identification{"sanctions", "SANCTIONS: " + joined(" ", m.List.Name, m.Entity.Name, m.ListedOn, m.Listed.Address),
			joined("\n", m.List.Authority, strings.Join(m.Programs, ", "), m.Incident, m.URL), m.URL})
	}
	return renderDropIn(c, http.StatusOK, map[string]any{"identifications": out})
}

// trmItem is one address of a request to TRM's free API.
type trmItem struct {
	Address *string `json:"address"`
}

// trmAnswer is its answer.
type trmAnswer struct {
	Address      string `json:"address"`
	IsSanctioned bool   `json:"isSanctioned"`
}

// maxDropIns is how many addresses a request may have.
const maxDropIns = 1000

// likeTRM answers as POST https://api.trmlabs.com/public/v1/sanctions/screening does: with status 201, and each address as it was sent.
func (s *Server) likeTRM(c *gin.Context, who *auth.Principal) error {
	var body bytes.Buffer
	if err := readBody(c.Request, &body, maxChecksBody); err != nil {
		return err
	}
	var in []trmItem
	if err := jsonv2.Unmarshal(body.Bytes(), &in, jsonv2.RejectUnknownMembers(true)); err != nil {
		const want = `the body is not an array of {"address": "…"}`
		wrong := (*jsonv2.SemanticError)(nil)
		switch {
		case !errors.As(err, &wrong):
			return fault.E(fault.Invalid, "%s", withoutSecrets(err, want))
		case errors.Is(err, jsonv2.ErrUnknownName):
			return fault.E(fault.Invalid, "field %s is unknown", address.Quote(wrong.JSONPointer.LastToken()))
		}
		return fault.E(fault.Invalid, want) // the text of err names a type of this program
	}
	switch {
	case len(in) == 0:
		return fault.E(fault.Invalid, `the array holds no address: send [{"address": "…"}]`)
	case len(in) > maxDropIns:
		return fault.E(fault.Invalid, "the array holds %d addresses; at most %d are answered at once", len(in), maxDropIns)
	}
	for i := range in {
		if in[i].Address == nil {
			return fault.E(fault.Invalid, "item %d: field address is missing", i)
		}
	}
	if err := s.admit(who, len(in)); err != nil {
		return err
	}
	requests, answers, errs := make([]screening.Request, len(in)), make([]screening.Answer, len(in)), make([]error, len(in))
	for i := range in {
		requests[i] = screening.Request{Address: *in[i].Address, By: who.Name}
	}
	s.screener.CheckAll(c.Request.Context(), requests, answers, errs) // one flush of the record for all
	out := make([]trmAnswer, len(in))
	var answered []compared
	for i := range in {
		matches, one, err := s.counted(c, who, *in[i].Address, &answers[i], errs[i])
		if err != nil {
			return fault.E(fault.KindOf(err), "item %d: %w", i, err)
		}
		out[i], answered = trmAnswer{*in[i].Address, len(matches) > 0}, append(answered, one...)
	}
	s.shadow.compare(trm, answered) // the original is asked once, too
	return renderDropIn(c, http.StatusCreated, out)
}

// scorechainAnswer is an answer of Scorechain's free API.
type scorechainAnswer struct {
	IsSanctioned bool               `json:"isSanctioned"`
	Details      *scorechainDetails `json:"details,omitempty"`
}

type scorechainDetails struct {
	Name       string `json:"name"`
	Date       int64  `json:"sanctionDate,omitempty"` // Unix time
	PrettyDate string `json:"prettySanctionDate,omitempty"`
	Blockchain string `json:"blockchain"`
}

// likeScorechain answers as GET https://sanctions.api.scorechain.com/v1/addresses/{address} does: with an array, as its documentation says, or for keys
// that ask for it with a single object, as most of its clients expect.
func (s *Server) likeScorechain(c *gin.Context, who *auth.Principal) error {
	if err := s.admit(who, 1); err != nil {
		return err
	}
	matches, err := s.sanctions(c, who, scorechain, param(c, "address"))
	if err != nil {
		return err
	}
	out := []scorechainAnswer{}
	for i := range matches {
		m := &matches[i]
		d := &scorechainDetails{Name: joined(" ", m.Entity.Name, "("+m.List.Name+")"), Blockchain: titled(m.Listed.Network)}
		for _, day := range []string{m.ListedOn, m.List.Published} {
			if t, err := time.Parse(time.DateOnly, day); err == nil {
				d.Date, d.PrettyDate = t.Unix(), t.Format("2006-01-02T15:04:05.000Z")
				break
			}
		}
		out = append(out, scorechainAnswer{true, d})
	}
	if len(out) == 0 {
		out = append(out, scorechainAnswer{})
	}
	if who.DropIn().Object {
		return renderDropIn(c, http.StatusOK, out[0])
	}
	return renderDropIn(c, http.StatusOK, out)
}

func renderDropIn(c *gin.Context, status int, v any) error {
	b, err := EncodeExactly(v)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.Data(status, "application/json", b)
	return nil
}

// titled writes the name of a network as Scorechain does: "Bitcoin".
func titled(network string) string {
	if network == "" {
		return ""
	}
	return strings.ToUpper(network[:1]) + network[1:]
}

// joined joins the texts that are not empty.
func joined(by string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(t string) bool { return t == "" }), by)
}
