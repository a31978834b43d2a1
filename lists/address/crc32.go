package address

import "hash/crc32"

// crc32Update is crc32.Update with the IEEE polynomial, which lets what it is given escape to the heap: for the
// few bytes of an address that costs more than the sum.
func crc32Update(crc uint32, data []byte) uint32 {
	crc = ^crc
	for _, b := range data {
		crc = crc32.IEEETable[byte(crc)^b] ^ crc>>8
	}
	return ^crc
}
