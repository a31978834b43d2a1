package address

import (
	"crypto/sha256"

	"filippo.io/edwards25519"
)

// Solana: base58 of 32 bytes, an ed25519 public key or a program derived address, without a checksum. Tokens are held by
// token accounts; the associated one of an owner and a mint is derived from both (SPL Associated Token Account program).

// solanaMints are the tokens whose associated accounts are indexed with a listed owner: what money is moved in.
var solanaMints = []struct{ name, mint string }{
	{"USDC", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"},
	{"USDT", "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"},
	{"wSOL", "So11111111111111111111111111111111111111112"},
	{"PYUSD", "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"},
	{"EURC", "HzwqbKZw8HxMN6bF2yFZNrht3c2iXXzpKcFu7uBEDKtr"},
}

// solanaTokenPrograms are the programs that a mint can belong to: Token and Token-2022.
var solanaTokenPrograms = []string{
	"TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
	"TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb",
}

const solanaAssociatedProgram = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL"

// solanaSeeds holds, for every mint and token program, what stands between the owner and the bump seed.
var solanaSeeds [][]byte

// solanaEnd stands behind the bump seed.
var solanaEnd []byte

func init() {
	for _, m := range solanaMints {
		for _, program := range solanaTokenPrograms {
			solanaSeeds = append(solanaSeeds, append(solanaBytes(program), solanaBytes(m.mint)...))
		}
	}
	solanaEnd = append(solanaBytes(solanaAssociatedProgram), "ProgramDerivedAddress"...)
	register(Network{
		Name:    "solana",
		Aliases: []string{"sol", "spl"},
		Assets:  []string{"SOL", "USDC", "USDT", "PYUSD", "EURC", "WSOL"},
		CAIP2:   []string{"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"},
		Schemes: []string{"solana"},
		Forms:   []Form{{"account", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "none"}},
		Typos:   "No checksum: many typing errors are another valid address.",
		rank:    90,
		fits:    func(text string) bool { return len(text) >= 32 && len(text) <= 44 && base58Bitcoin.holds(text) },
		decode:  decodeSolana,
	})
	registerVariant(variant{VariantSolana, "solana", "", "solana", func(payload string) string {
		var out [48]byte
		return string(base58Bitcoin.encode(out[:0], []byte(payload)))
	}})
	registerSpace(space{number: SpaceEd25519, links: linksEd25519, relate: relateEd25519})
}

// solanaBytes decodes an account that is written in this file.
func solanaBytes(text string) []byte {
	b, fail := base58Bitcoin.decode(nil, text)
	if fail != nil || len(b) != 32 {
		panic("address: " + text + " is not an account of Solana")
	}
	return b
}

func decodeSolana(text string, a *Address) *Error {
	if len(text) < 32 || len(text) > 44 {
		return refuse(BadLength, "an address of Solana has 32 to 44 characters")
	}
	var room [48]byte
	account, fail := base58Bitcoin.decode(room[:0], text)
	if fail != nil {
		return fail
	}
	if len(account) != 32 {
		return refuse(BadLength, "it is not 32 bytes")
	}
	a.setText(SpaceEd25519, VariantSolana, account, text)
	return nil
}

// linksEd25519 derives the token accounts of a listed Solana owner. It takes some hundred microseconds, so it
// is never done for a query: a token account that is asked for meets its owner's entry in the index.
func linksEd25519(dst []Link, a *Address, side Side) []Link {
	if side != Listed || a.Variant != VariantSolana {
		return dst
	}
	for _, seeds := range solanaSeeds {
		account := solanaTokenAccount(a.Key.Payload(), seeds)
		dst = append(dst, Link{makeKey(SpaceEd25519, string(account[:])), RoleTokenAccount})
	}
	return dst
}

// solanaTokenAccount finds the program derived address: the first hash, by falling bump seed, that is no point of the curve,
// so that no key can sign for it.
func solanaTokenAccount(owner string, seeds []byte) (account [32]byte) {
	var room [192]byte
	buf := append(append(room[:0], owner...), seeds...)
	at := len(buf)
	buf = append(append(buf, 0), solanaEnd...)
	var point edwards25519.Point
	for bump := 255; bump > 0; bump-- {
		buf[at] = byte(bump)
		account = sha256.Sum256(buf)
		if _, err := point.SetBytes(account[:]); err != nil {
			return account
		}
	}
	return account
}

func relateEd25519(_ Key, asked Variant, askedAs Role, listed Variant, listedAs Role) (Class, string) {
	switch {
	case askedAs == 0 && listedAs == RoleTokenAccount && asked == VariantSolana:
		return SameKey, "solana owner → associated token account"
	case askedAs == 0 && listedAs == 0:
		return SameKey, wordsOf(listed) + " → " + wordsOf(asked) + ": the same ed25519 public key"
	}
	return None, ""
}
