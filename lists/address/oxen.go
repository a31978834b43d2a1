package address

// Oxen (Loki before 2021): Monero's format with network bytes of its own. Source: oxen-core, cryptonote_config.h.

const (
	oxenStandard   = 114
	oxenIntegrated = 115
	oxenSubaddress = 116
)

func init() {
	text := func(network byte) func(keys string) string {
		return func(keys string) string { return moneroText(network, keys) }
	}
	example := generatorPoint[1:] + generatorPoint[1:]
	register(Network{
		Name: "oxen", Aliases: []string{"loki"}, Assets: []string{"OXEN", "LOKI"}, Schemes: []string{"oxen", "loki"},
		Forms: []Form{{"standard", text(oxenStandard)(example), "Keccak-256"}, {"subaddress", text(oxenSubaddress)(example), "Keccak-256"}},
		Typos: "A checksum of 32 bits: a typing error is found.",
		rank:  130, hex64: true, first: "L", fits: func(text string) bool { return len(text) == 95 || len(text) == 106 },
		decode: func(text string, a *Address) *Error {
			return decodeMoneroKind(text, a, &moneroKind{oxenStandard, oxenIntegrated, oxenSubaddress, "", VariantOxen, VariantOxenSubaddress})
		},
	})
	registerVariant(variant{VariantOxen, "oxen", "standard", "oxen", text(oxenStandard)})
	registerVariant(variant{VariantOxenSubaddress, "oxen", "subaddress", "oxen", text(oxenSubaddress)})
}
