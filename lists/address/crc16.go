package address

// crc16Table serves CRC-16/XMODEM: polynomial x¹⁶+x¹²+x⁵+1, start 0, no reflection.
// Stellar (SEP-23) and TON (TEP-2) use it, with opposite byte orders.
var crc16Table = func() (t [256]uint16) {
	for i := range t {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		t[i] = crc
	}
	return t
}()

func crc16(data []byte) uint16 {
	var crc uint16
	for _, b := range data {
		crc = crc<<8 ^ crc16Table[byte(crc>>8)^b]
	}
	return crc
}
