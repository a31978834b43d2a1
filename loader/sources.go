package loader

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/loader/events"
)

// Source describes a well-known list and where it is published. A list follows a source only after a person has chosen it.
type Source struct {
	ID         string           `json:"id"`
	List       string           `json:"list"` // default id of the list that follows it
	Name       string           `json:"name"`
	Authority  string           `json:"authority"`
	Category   lists.Category   `json:"category"`
	Confidence lists.Confidence `json:"confidence"`
	URL        string           `json:"url,omitempty"` // "": it is not published as a file
	Format     string           `json:"format,omitempty"`
	Every      time.Duration    `json:"every,omitempty"`
	Licence    string           `json:"licence"`
	Note       string           `json:"note,omitempty"` // what to know before following it
	// Instruction is the fragment that the URL of an operator's own node needs; "" for a file.
	Instruction string `json:"instruction,omitempty"`
}

const (
	publicDomain  = "public domain: a work of the US government"
	openSanctions = "CC BY-NC 4.0: not for commercial use without a licence from OpenSanctions"

	ofacFiles          = "https://sanctionslistservice.ofac.treas.gov/api/download/"
	openSanctionsFiles = "https://data.opensanctions.org/datasets/latest/"
	githubFiles        = "https://raw.githubusercontent.com/"
)

// sources are the well-known lists, those of the publishers themselves first. URLs are from the publishers' download pages; the names of
// OpenSanctions' datasets and their contents are from datasets/ of github.com/opensanctions/opensanctions (2026-08).
var sources = []Source{
	{ID: "ofac-sdn", Name: "OFAC SDN", Authority: "US Treasury, OFAC", Category: lists.Sanctions, Confidence: lists.Confirmed,
		URL: ofacFiles + "SDN_ADVANCED.ZIP#deltas=/changes", Format: "ofac_advanced", Every: 6 * time.Hour, Licence: publicDomain,
		Note: "OFAC refuses user agents that do not look like a browser's; the default one passes"},
	{ID: "ofac-consolidated", Name: "OFAC Consolidated (non-SDN)", Authority: "US Treasury, OFAC", Category: lists.Sanctions, Confidence: lists.Confirmed,
		URL: ofacFiles + "CONS_ADVANCED.XML", Format: "ofac_advanced", Every: 6 * time.Hour, Licence: publicDomain,
		Note: "held no address in January 2025: as long as that is so, the guard \"empty\" stops its first version"},
	{ID: "fbi-lazarus", Name: "FBI, Lazarus Group thefts", Authority: "US FBI", Category: "stolen_funds", Confidence: lists.Confirmed, Licence: publicDomain,
		Note: "the FBI publishes addresses in press releases and alerts only, not for machines: load those with interdict load --mode add, or follow opensanctions-fbi-lazarus"},
	{ID: "israel-nbctf", Name: "Israel NBCTF seizure orders", Authority: "Israel Ministry of Defense, NBCTF", Category: lists.TerroristFinancing, Confidence: lists.Confirmed,
		URL: githubFiles + "opensanctions/opensanctions/main/datasets/il/mod_crypto/wallets.csv", Format: "israel_nbctf", Every: 24 * time.Hour,
		Licence: "a copy of a government's page; the repository grants none for it",
		Note:    "the NBCTF's own page keeps machines out: this is the copy that OpenSanctions updates by hand"},
	{ID: "uk-sanctions", Name: "UK Sanctions List", Authority: "UK, FCDO", Category: lists.Sanctions, Confidence: lists.Confirmed,
		URL: "https://sanctionslist.fcdo.gov.uk/docs/UK-Sanctions-List.csv", Format: "uk_sanctions", Every: 6 * time.Hour,
		Licence: "Open Government Licence 3.0", Note: "addresses are found in the remarks: a remark that cannot be read holds a version back"},
	{ID: "japan-mof", Name: "Japan MOF asset freezes", Authority: "Japan, Ministry of Finance", Category: lists.Sanctions, Confidence: lists.Confirmed,
		URL:    "https://www.mof.go.jp/policy/international_policy/gaitame_kawase/gaitame/economic_sanctions/list.html#link=*shisantouketsu*.xlsx",
		Format: "japan_mof", Every: 6 * time.Hour, Licence: "none stated: a government's publication",
		Note: "the file is the one that the page links to; addresses are found in the remarks"},
	{ID: "ransomwhere", Name: "Ransomwhere", Authority: "ransomwhe.re", Category: "ransomware", Confidence: lists.Suspected,
		URL: "https://api.ransomwhe.re/export", Format: "json", Every: 24 * time.Hour, Licence: "CC BY 4.0: name Ransomwhere as the source"},
	{ID: "bybit-bounty", Name: "Bybit theft of 2025, bounty list", Authority: "Bybit", Category: "stolen_funds", Confidence: lists.Suspected,
		URL: "https://hackscan.hackbounty.io/public/hack-address.json", Format: "json", Every: 24 * time.Hour, Licence: "none stated",
		Note: "addresses that the stolen funds have passed, among them such of services"},
	{ID: "graphsense-ransomware", Name: "GraphSense TagPack, ransomware", Authority: "GraphSense", Category: "ransomware", Confidence: lists.Suspected,
		URL: githubFiles + "graphsense/graphsense-tagpacks/master/packs/ransomware.yaml", Format: "tagpack", Every: 24 * time.Hour, Licence: "MIT"},
	{ID: "graphsense-hacks", Name: "GraphSense TagPack, hacks", Authority: "GraphSense", Category: "stolen_funds", Confidence: lists.Suspected,
		URL: githubFiles + "graphsense/graphsense-tagpacks/master/packs/hacks.yaml", Format: "tagpack", Every: 24 * time.Hour, Licence: "MIT"},

	{ID: "ofac-sdn-xml", List: "ofac-sdn", Name: "OFAC SDN, not compressed", Authority: "US Treasury, OFAC", Category: lists.Sanctions, Confidence: lists.Confirmed,
		URL: ofacFiles + "SDN_ADVANCED.XML", Format: "ofac_advanced", Every: 6 * time.Hour, Licence: publicDomain,
		Note: "the same as ofac-sdn in 25 times as many bytes (127 MB)"},
	{ID: "opensanctions-ofac-sdn", Name: "OFAC SDN, by OpenSanctions", Authority: "US Treasury, OFAC", Category: lists.Sanctions, Confidence: lists.Confirmed,
		URL: openSanctionsFiles + "us_ofac_sdn/entities.ftm.json", Format: "ftm", Every: 24 * time.Hour, Licence: openSanctions},
	{ID: "opensanctions-israel-nbctf", Name: "Israel NBCTF seizure orders, by OpenSanctions", Authority: "Israel Ministry of Defense, NBCTF",
		Category: lists.TerroristFinancing, Confidence: lists.Confirmed,
		URL: openSanctionsFiles + "il_mod_crypto/entities.ftm.json", Format: "ftm", Every: 24 * time.Hour, Licence: openSanctions},
	{ID: "opensanctions-fbi-lazarus", Name: "FBI, Lazarus Group thefts, by OpenSanctions", Authority: "US FBI", Category: "stolen_funds", Confidence: lists.Confirmed,
		URL: openSanctionsFiles + "us_fbi_lazarus_crypto/entities.ftm.json", Format: "ftm", Every: 24 * time.Hour, Licence: openSanctions,
		Note: "holds the Stake.com theft of 2023 only, some 30 addresses; not the 51 of the Bybit alert"},
	{ID: "brave-ofac-sdn", Name: "OFAC SDN, Brave's mirror", Authority: "US Treasury, OFAC", Category: lists.Sanctions, Confidence: lists.Confirmed,
		URL: githubFiles + "brave-intl/ofac-sanctioned-digital-currency-addresses/lists/sdn_advanced.xml.bz2", Format: "ofac_advanced", Every: 24 * time.Hour,
		Licence: "data " + publicDomain, Note: "OFAC's whole file, copied each night; was last seen to move in December 2025"},
	{ID: "0xb10c-ofac-xbt", Name: "OFAC SDN, Bitcoin addresses, by 0xB10C", Authority: "US Treasury, OFAC", Category: lists.Sanctions, Confidence: lists.Confirmed,
		URL: githubFiles + "0xB10C/ofac-sanctioned-digital-currency-addresses/lists/sanctioned_addresses_XBT.json", Format: "json", Every: 24 * time.Hour,
		Licence: "MIT; data " + publicDomain, Note: "addresses without names, of one asset label; was last seen to move in September 2024"},
	{ID: "0xb10c-ofac-eth", Name: "OFAC SDN, Ethereum addresses, by 0xB10C", Authority: "US Treasury, OFAC", Category: lists.Sanctions, Confidence: lists.Confirmed,
		URL: githubFiles + "0xB10C/ofac-sanctioned-digital-currency-addresses/lists/sanctioned_addresses_ETH.json", Format: "json", Every: 24 * time.Hour,
		Licence: "MIT; data " + publicDomain, Note: "addresses without names, of one asset label; was last seen to move in September 2024"},
	{ID: "1020-ofac-complete", Name: "OFAC SDN, all addresses, by 1020-1795", Authority: "US Treasury, OFAC", Category: lists.Sanctions, Confidence: lists.Confirmed,
		URL: githubFiles + "1020-1795/OFAC_SDN_Wallet_List/HEAD/OFAC_Sanctioned_Wallet_Lists/1_Complete_Sanctioned_Wallet_List.txt", Format: "text", Every: 24 * time.Hour,
		Licence: "none stated; data " + publicDomain, Note: "addresses without names; only this one of its files is safe to follow, the others are renumbered"},
	{ID: "ultrasoundmoney-ofac-evm", Name: "OFAC SDN, EVM addresses, by ultrasound.money", Authority: "US Treasury, OFAC", Category: lists.Sanctions, Confidence: lists.Confirmed,
		URL: githubFiles + "ultrasoundmoney/ofac-ethereum-addresses/main/data.csv", Format: "csv", Every: 24 * time.Hour,
		Licence: "MIT; data " + publicDomain, Note: "EVM addresses only"},
}

// freezes are the addresses that the issuers of tokens have frozen. They are read from a node of the chain, which the operator names.
var freezes = func() (all []Source) {
	for _, c := range events.Contracts() {
		id := strings.ReplaceAll(c.Name, ":", "-")
		s := Source{ID: id + "-freezes", Name: c.Token + " on " + c.Network + ", frozen by " + c.Issuer, Authority: c.Issuer, Category: "issuer_freeze", Confidence: lists.Confirmed,
			Format: events.Format, Every: 10 * time.Minute, Licence: "facts of a public chain", Instruction: "events=" + c.Name,
			Note: "read from a node that you run or trust: interdict lists follow " + id + "-freezes --url https://NODE"}
		if c.ChainID == 0 {
			s.Note += " (TronGrid, or a node with its event interface; a key as the password of the URL)"
		}
		all = append(all, s)
	}
	return all
}()

// Sources returns the well-known lists.
func Sources() []Source {
	all := append(slices.Clone(sources), freezes...)
	for i := range all {
		all[i].List = cmp.Or(all[i].List, all[i].ID)
	}
	return all
}

func sourceNamed(id string) (Source, bool) {
	all := Sources()
	if i := slices.IndexFunc(all, func(s Source) bool { return s.ID == id }); i >= 0 {
		return all[i], true
	}
	return Source{}, false
}

// SourceNamed returns the source of the catalogue with that id; fault.NotFound if there is none.
func SourceNamed(id string) (*Source, error) {
	s, ok := sourceNamed(id)
	if !ok {
		return nil, fault.E(fault.NotFound, "source %s does not exist: see interdict lists sources", address.Quote(id))
	}
	return &s, nil
}

// NewList returns a list with default settings. A well-known id gives it a name, authority, category and confidence.
func NewList(id string, now time.Time) *lists.List {
	l := lists.NewList(id, now)
	if s, ok := sourceNamed(id); ok {
		l.Name, l.Authority, l.Category, l.Confidence = s.Name, s.Authority, s.Category, s.Confidence
	}
	return l
}

// DefaultMaxAge is the maximum age of a new list that follows a source: twice the interval, so that one refresh may fail. A list that follows
// no source is never stale.
func DefaultMaxAge(source *lists.Source) time.Duration {
	if source == nil {
		return 0
	}
	return 2 * source.Every
}
