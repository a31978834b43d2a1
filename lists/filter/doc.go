// Package filter is the Bloom filter of a layer: it clears nearly every address without asking
// the store.
//
//	lists.Hash(key), once a query ── MayContain of every layer's filter ┬ all say no: a miss
//	                                                                    └ one says maybe: the store is asked
//
// The bits are those of bits-and-blooms/bloom, the locations our own: one 64-bit hash feeds a linear
// congruential generator, and each state is scaled to the number of bits by one multiplication. That
// way a query is hashed once for any number of filters and needs no division. BenchmarkReduction at a million
// keys: 25 ns a miss, 31 ns with divisions and the bit set's own Test, 272 ns with TestLocations, which needs all locations
// before it looks at the first. Double hashing, the usual expansion, was measured at six times the wanted rate in filters
// of a thousand keys (its locations repeat together); this one keeps it at every size (TestRateHoldsAtEverySize).
//
// # The rate
//
// go test ./lists/filter -run '^$' -bench Rate -benchtime 2000000x, on two cores of an AMD EPYC, keys of 21 bytes, false positives among 8.4 million others:
//
//	            1,000,000 keys                    10,000,000 keys
//	rate   bits/key  false pos.  miss  hit  build  false pos.  miss   hit  build
//	1e-3     14.4      1.0e-3     15   17   0.02     9.9e-4     33    78   0.08
//	1e-4     19.2      1.0e-4     16   22   0.03     1.0e-4     42   166   0.16
//	1e-5     24.0      1.0e-5     17   28   0.03     9.1e-6     70   274   0.23
//	1e-6     28.8      1.5e-6     19   33   0.03     6e-7       48   362   0.31
//	1e-7     33.6      < 1e-7     16   37   0.04     1e-7       59   340   0.36
//	1e-9     43.1      < 1e-7     16   44   0.05     < 1e-7     60   484   0.44
//	                              ns   ns   s/M                 ns    ns   s/M
//
// The rate costs memory and hardly any time. A false positive costs a round trip to the store (about 20 µs in Redis, 2 µs on disk), and,
// while the store is out of reach, refuses a clean address. At 1e-4 the round trips add 2 ns to the mean
// check, but with ten layers and Redis down one clean check in a thousand is refused; at 1e-6 it
// is one in a hundred thousand, for 1.2 bytes a key more (36 MB for ten million keys, 360 MB for a hundred).
// A further power of ten costs 0.6 bytes a key and gains nothing that can be noticed.
package filter

// Rate is the share of unlisted keys that a layer's filter may send to the store.
const Rate = 1e-6
