package screening

import (
	"testing"
	"time"

	"interdict/lists"
	"interdict/lists/address"
	"interdict/screening/replica"
)

// BenchmarkRecord encodes the record of a miss that is decided already.
func BenchmarkRecord(b *testing.B) {
	snap := &replica.Snapshot{Screened: replica.Screened{Generation: 42, AsOf: time.Now(), Lists: 5, Listings: 10422},
		ScreenedJSON: []byte(`{"generation":42,"as_of":"2025-11-19T16:05:11.000Z","lists":5,"listings":10422}`)}
	for _, x := range []struct{ name, text, network string }{
		{"EVM", "0x098b716b8aaf21512996dc57eb0615e2383e2f96", "ethereum"},
		{"bech32", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin"},
		{"base58", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bitcoin"},
		{"Solana", "7xKXtg2CW87d97TXJSDpbD5jBkheTqA83TZRuJosgAsU", "solana"},
	} {
		b.Run(x.name, func(b *testing.B) {
			r := &Request{Address: x.text, Network: x.network, Direction: lists.Withdrawal, By: "exchange", Reference: "wd-8842"}
			readings, err := address.Parse(nil, r.Address, r.Network)
			if err != nil {
				b.Fatal(err)
			}
			now := time.Now()
			c := &check{request: r, readings: readings, answer: &Answer{CheckID: newID(now), CheckedAt: now, snapshot: snap, Input: r.Address, Direction: r.Direction,
				Result: Miss, Action: lists.Allow}}
			c.describe()
			c.answer.JSON = c.answer.appendJSON(nil)
			b.ReportAllocs()
			for b.Loop() {
				c.record = c.appendRecord(c.record[:0], false)
			}
		})
	}
}
