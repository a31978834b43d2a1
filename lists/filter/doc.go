// Package filter implements the Bloom filter of a layer. It answers nearly every check without access to
// the store.
//
//	lists.Hash(key), once for each query ── MayContain of the filter of every layer ┬ all false: a miss
//	                                                                                └ any true: look-up in the store
//
// The bit set is that of bits-and-blooms/bloom. The locations of a key are computed here: one 64-bit hash is the seed of a linear
// congruential generator, and one multiplication scales each state to the number of bits. So
// a query is hashed once for any number of filters and needs no division. BenchmarkReduction with a million
// keys: 25 ns for a miss, 31 ns with divisions and the Test of the bit set, 272 ns with TestLocations, which computes all locations
// before it tests the first. Double hashing, the usual method, had six times the wanted rate in filters
// of a thousand keys, because its locations repeat together. This method keeps the rate at every size (TestRateHoldsAtEverySize).
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
// A lower rate costs memory and hardly any time. A false positive costs a round trip to the store (about 20 µs to Redis, 2 µs to disk).
// While the store is unreachable, a false positive makes the check of an unlisted address fail. At 1e-4 the round trips add 2 ns to the
// mean check, but with ten layers and Redis down one unlisted check in a thousand fails. At 1e-6 it
// is one in a hundred thousand, for 1.2 more bytes per key (36 MB for ten million keys, 360 MB for a hundred million).
// A further factor of ten costs 0.6 bytes per key and has no noticeable effect.
package filter

// Rate is the share of false positives of the filter of a layer.
const Rate = 1e-6
