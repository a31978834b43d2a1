package address

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/blake2b"
	"pgregory.net/rapid"
)

// Addresses of the Filecoin specification ("Address", test vectors), with f for the network.
var filecoinSpec = []string{
	"f17uoq6tp427uzv7fztkbsnn64iwotfrristwpryy",
	"f1xcbgdhkgkwht3hrrnui3jdopeejsoatkzmoltqy",
	"f1xtwapqc6nh4si2hcwpr3656iotzmlwumogqbuaa",
	"f1wbxhu3ypkuo6eyp6hjx6davuelxaxrvwb2kuwva",
	"f12fiakbhe2gwd5cnmrenekasyn6v5tnaxaqizq6a",
	"f24vg6ut43yw2h2jqydgbg2xq7x6f4kub3bg6as6i",
	"f25nml2cfbljvn4goqtclhifepvfnicv6g7mfmmvq",
	"f2nuqrg7vuysaue2pistjjnt3fadsdzvyuatqtfei",
	"f24dd4ox4c2vpf5vk5wkadgyyn6qtuvgcpxxon64a",
	"f2gfvuyh7v2sx3patm5k23wdzmhyhtmqctasbr23y",
	"f3vvmn62lofvhjd2ugzca6sof2j2ubwok6cj4xxbfzz4yuxfkgobpihhd2thlanmsh3w2ptld2gqkn2jvlss4a",
	"f3wmuu6crofhqmm3v4enos73okk2l366ck6yc4owxwbdtkmpk42ohkqxfitcpa57pjdcftql4tojda2poeruwa",
	"f3s2q2hzhkpiknjgmf4zq3ejab2rh62qbndueslmsdzervrhapxr7dftie4kpnpdiv2n6tvkr743ndhrsw6d3a",
	"f3q22fijmmlckhl56rn5nkyamkph3mcfu5ed6dheq53c244hfmnq2i7efdma3cj5voxenwiummf2ajlsbxc65a",
	"f3u5zgwa4ael3vuocgc5mfgygo4yuqocrntuuhcklf4xzg5tcaqwbyfabxetwtj4tsam3pbhnwghyhijr5mixa",
}

// filecoinOf writes an address of protocol 1 to 4 by the specification.
func filecoinOf(protocol byte, namespace string, payload []byte) string {
	in := []byte{protocol}
	if protocol == 4 {
		var n uint64
		if _, err := fmt.Sscan(namespace, &n); err != nil {
			panic(err) // the test names a number
		}
		in = binary.AppendUvarint(in, n)
		namespace += "f"
	}
	h, _ := blake2b.New(4, nil)
	h.Write(append(in, payload...))
	encoding := base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
	return fmt.Sprint("f", protocol, namespace) + encoding.EncodeToString(h.Sum(payload[:len(payload):len(payload)]))
}

func TestFilecoin(t *testing.T) {
	for i, text := range filecoinSpec {
		oneIdentity(t, "filecoin", text, "t"+text[1:], "fil:f:"+text)
		unhinted(t, text, "filecoin")
		wouldBe(t, "filecoin", strings.ToUpper(text), text)
		wouldBe(t, "filecoin", text[:9]+strings.ToUpper(text[9:]), text)
		if i%5 == 0 {
			noTypo(t, "filecoin", text, strings.ToLower(lettersBase32)+"0189", "t"+text[1:])
		}
	}
	oneIdentity(t, "filecoin", "f01234", "t01234", "0xff000000000000000000000000000000000004d2", "0xFF000000000000000000000000000000000004D2")
	oneIdentity(t, "filecoin", "f00", "0xff00000000000000000000000000000000000000")
	oneIdentity(t, "filecoin", "f09223372036854775807", "0xff0000000000000000000000"+"7fffffffffffffff")
	const evm = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
	const delegated = "f410flkxlmbj7h2kmtonat4zwnfbv47xrx2xn5yjm6ma"
	oneIdentity(t, "filecoin", delegated, "t"+delegated[1:], evm, strings.ToLower(evm))
	related(t, SameKey, "filecoin", delegated, "ethereum", evm)
	related(t, SameKey, "filecoin", delegated, "tron", evm)
	related(t, None, "filecoin", "f01234", "ethereum", "0xff000000000000000000000000000000000004d2")
	noTypo(t, "filecoin", delegated, strings.ToLower(lettersBase32)+"0189", "t"+delegated[1:])
	wouldBe(t, "filecoin", strings.ToLower(evm[:30])+strings.ToUpper(evm[30:]), delegated)
	unhinted(t, delegated, "filecoin")
	unhinted(t, "f01234", "filecoin")
	if a := read1(t, "filecoin", "t01234"); len(a.Notices) != 1 {
		t.Errorf("notices %v", a.Notices)
	}
	hash := []byte("hash of twenty bytes")
	related(t, None, "filecoin", filecoinOf(1, "", hash), "filecoin", filecoinOf(2, "", hash))

	refused(t, "filecoin", map[Reason][]string{
		BadLength: {"f", "f0", "f09223372036854775808", "f099999999999999999999999", filecoinSpec[0] + "a", filecoinSpec[0][:40], "f4", "f410",
			filecoinOf(1, "", hash[:19]), filecoinOf(3, "", make([]byte, 47)), filecoinOf(4, "10", hash[:19]), "0x1234"},
		BadChecksum:     {"f2" + filecoinSpec[0][2:], filecoinOf(4, "32", hash)[:2] + "10f" + filecoinOf(4, "32", hash)[5:], filecoinSpec[0][:40] + "a"},
		UnsupportedKind: {"f5" + filecoinSpec[0][2:], filecoinOf(4, "32", hash), filecoinOf(4, "1", hash), "f4010" + filecoinOf(4, "10", hash)[4:]},
		BadCharacter:    {"f001234", "f0-1", "f01e5", filecoinSpec[0][:20] + "1" + filecoinSpec[0][21:]},
		MixedCase:       {strings.ToUpper(filecoinSpec[0])},
		WrongNetwork:    {"fil:t:t01234", "0xff000000000000000000000080000000000000ff"}, // an EVM account, no id
	})
}

// The checksum leaves two bits of the last letter to spare in the 24 bytes of f1 and f2, and three in the 52 of f3.
func TestFilecoinSpellings(t *testing.T) {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	rapid.Check(t, func(t *rapid.T) {
		protocol := rapid.SampledFrom([]byte{1, 2, 3, 4}).Draw(t, "protocol")
		size := 20
		namespace := ""
		switch protocol {
		case 3:
			size = 48
		case 4:
			namespace = "10"
		}
		text := filecoinOf(protocol, namespace, rapid.SliceOfN(rapid.Byte(), size, size).Filter(func(b []byte) bool { return b[0] != 0xff }).Draw(t, "payload"))
		oneIdentity(t, "filecoin", text, "t"+text[1:])
		last := strings.IndexByte(letters, text[len(text)-1])
		if other := text[:len(text)-1] + string(letters[last^1]); last&1 == 0 {
			if _, err := Parse(nil, other, "filecoin"); err == nil {
				t.Errorf("%s passes with a spare bit set", other)
			}
		}
		id := rapid.Uint64Max(1<<63-1).Draw(t, "id")
		oneIdentity(t, "filecoin", fmt.Sprint("f0", id), fmt.Sprint("t0", id), fmt.Sprintf("0xff%022d%016x", 0, id))
	})
}

func BenchmarkParseFilecoin(b *testing.B) {
	benchParse(b, "filecoin", map[string]string{"f0": "f01234", "f1": filecoinSpec[0], "f3": filecoinSpec[10], "f410": "f410flkxlmbj7h2kmtonat4zwnfbv47xrx2xn5yjm6ma"})
}
