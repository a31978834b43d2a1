package address

// Grøstl-512, the hash of Groestlcoin. Source: "Grøstl – a SHA-3 candidate", version of 2011 (tweaked for the final round).
// The state is a matrix of 8 rows and 16 columns, kept column by column.

const groestlRounds = 14

// groestlShifts is how far the bytes of each row move to the left, in the permutations P and Q.
var groestlShifts = [2][8]int{{0, 1, 2, 3, 4, 5, 6, 11}, {1, 3, 5, 11, 0, 2, 4, 6}}

// groestlMix is the first row of the circulant matrix of MixBytes.
var groestlMix = [8]byte{2, 2, 3, 4, 5, 3, 5, 7}

// aesBox is the S-box of AES: the inverse in GF(2^8), then an affine map.
var aesBox = func() (box [256]byte) {
	for x := range box {
		inverse := 0
		for y := 1; x != 0 && inverse == 0; y++ {
			if gf256Times(byte(x), byte(y)) == 1 {
				inverse = y
			}
		}
		b := byte(inverse)
		box[x] = b ^ (b<<1 | b>>7) ^ (b<<2 | b>>6) ^ (b<<3 | b>>5) ^ (b<<4 | b>>4) ^ 0x63
	}
	return
}()

// groestlTimes holds the products of each byte with 0 to 7.
var groestlTimes = func() (t [8][256]byte) {
	for factor := range t {
		for x := range t[factor] {
			t[factor][x] = gf256Times(byte(factor), byte(x))
		}
	}
	return
}()

// gf256Times multiplies in GF(2^8) modulo x⁸+x⁴+x³+x+1.
func gf256Times(x, y byte) (product byte) {
	for ; y != 0; y >>= 1 {
		if y&1 != 0 {
			product ^= x
		}
		high := x >> 7
		x = x<<1 ^ high*0x1b
	}
	return product
}

// groestlPermute applies P (which = 0) or Q (which = 1).
func groestlPermute(state *[128]byte, which int) {
	for round := range groestlRounds {
		for column := range 16 {
			constant := byte(column)<<4 ^ byte(round)
			if which == 0 {
				state[8*column] ^= constant
				continue
			}
			for row := range 8 {
				state[8*column+row] ^= 0xff
			}
			state[8*column+7] ^= constant
		}
		var moved [128]byte
		for row, shift := range groestlShifts[which] {
			for column := range 16 {
				moved[8*column+row] = aesBox[state[8*((column+shift)%16)+row]]
			}
		}
		for column := range 16 {
			for row := range 8 {
				var sum byte
				for k := range 8 {
					sum ^= groestlTimes[groestlMix[(k-row+8)%8]][moved[8*column+k]]
				}
				state[8*column+row] = sum
			}
		}
	}
}

func groestl512(data []byte) (sum [64]byte) {
	blocks := (len(data) + 9 + 127) / 128
	padded := append(make([]byte, 0, 256), data...)
	padded = append(padded, 0x80)
	padded = append(padded, make([]byte, 128*blocks-len(padded))...)
	for i, n := len(padded)-1, blocks; n > 0; i, n = i-1, n>>8 {
		padded[i] = byte(n)
	}
	var state [128]byte
	state[126] = 2 // 512 bits
	for ; len(padded) > 0; padded = padded[128:] {
		p, q := state, [128]byte(padded)
		for i := range p {
			p[i] ^= q[i]
		}
		groestlPermute(&p, 0)
		groestlPermute(&q, 1)
		for i := range state {
			state[i] ^= p[i] ^ q[i]
		}
	}
	out := state
	groestlPermute(&out, 0)
	for i := range sum {
		sum[i] = out[64+i] ^ state[64+i]
	}
	return sum
}
