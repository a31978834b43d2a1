package address

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSolana(t *testing.T) {
	const text = "3h1zGmCwsRJnVk5BuRNMLsPaQu1y2aqXqXDWYCgrp5UG"
	oneIdentity(t, "solana", text, "solana:"+text, "solana:"+text+"?amount=1&label=x&spl-token=EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
		"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:"+text)
	oneIdentity(t, "solana", "11111111111111111111111111111111")
	unhinted(t, text, "solana")
	refused(t, "solana", map[Reason][]string{
		BadLength:      {"1" + text, text[:42], "111111111111111111111111111111111", string(base58Bitcoin.encode(nil, []byte(strings.Repeat("\x07", 31))))},
		BadCharacter:   {strings.ToUpper(text)[:8] + "0" + text[9:]},
		NameNotAddress: {"alice.sol"},
		SecretMaterial: {
			string(base58Bitcoin.encode(nil, []byte(strings.Repeat("\x07\xa5", 32)))),
			"[" + strings.Repeat("12, 34, 255, 0, ", 15) + "1, 2, 3, 4]", "[" + strings.TrimSuffix(strings.Repeat("12,34,255,0,", 16), ",") + "]",
		},
		WrongNetwork: {"solana:https://example.com/pay", "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1:" + text, "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"},
	})
}

// TestSolanaTokenAccounts takes an owner and token account from the tests of Solana.Swift, and demands every mint and program.
func TestSolanaTokenAccounts(t *testing.T) {
	const owner = "3h1zGmCwsRJnVk5BuRNMLsPaQu1y2aqXqXDWYCgrp5UG"
	const account = "3uetDDizgTtadDHZzyy9BqxrjQcozMEkxzbKhfZF4tG3" // USDC, Token program
	listed, asked := read1(t, "solana", owner), read1(t, "solana", account)
	if class, how := met(&listed, &asked); class != SameKey || how != "solana owner → associated token account" {
		t.Errorf("%v %q", class, how)
	}
	// What is listed as a token account does not tell its owner.
	if class, _ := met(&asked, &listed); class != None {
		t.Errorf("%v the other way", class)
	}
	if got := len(Links(nil, &listed, Listed)); got != len(solanaMints)*len(solanaTokenPrograms) {
		t.Errorf("%d token accounts", got)
	}
	if got := Links(nil, &listed, Asked); got != nil {
		t.Errorf("a query derives %v", got)
	}
}

func TestSolanaRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
		text := string(base58Bitcoin.encode(nil, key))
		oneIdentity(t, "solana", text, "\t"+text)
		unhinted(t, text, "solana")
	})
}
