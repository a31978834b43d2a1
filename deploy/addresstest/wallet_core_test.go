package addresstest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"interdict/lists/address"
	"interdict/lists/fault"
)

const (
	seed      = "interdict"
	count     = "20" // addresses for each coin
	mutations = "2"  // of each address
)

// evmCoins are the coins whose accounts are those of Ethereum, with the network's name here.
var evmCoins = map[string]string{
	"acalaEVM": "acala-evm", "arbitrum": "arbitrum", "arbitrumNova": "arbitrum-nova", "arc": "arc-network", "aurora": "aurora", "avalancheCChain": "avalanche-c",
	"base": "base", "blast": "blast", "boba": "boba", "bounceBit": "bouncebit", "callisto": "callisto", "celo": "celo", "confluxeSpace": "conflux-espace",
	"cronosChain": "cronos", "ecochain": "heco", "ethereum": "ethereum", "ethereumClassic": "ethereum-classic", "evmos": "evmos-evm", "fantom": "fantom",
	"goChain": "gochain", "greenfield": "bnb-greenfield", "hyperEVM": "hyperevm", "ioTeXEVM": "iotex", "kaia": "kaia", "kavaEvm": "kava-evm", "kuCoinCommunityChain": "kcc",
	"lightlink": "lightlink", "linea": "linea", "mantaPacific": "manta-pacific", "mantle": "mantle", "megaETH": "megaeth", "merlin": "merlin", "meter": "meter", "metis": "metis",
	"monad": "monad", "moonbeam": "moonbeam", "moonriver": "moonriver", "neon": "neon-evm", "okxchain": "okx-chain", "opBNB": "opbnb", "optimism": "optimism", "plasma": "plasma",
	"poanetwork": "poa-network", "polygon": "polygon", "polygonzkEVM": "polygon-zkevm", "robinhoodChain": "robinhood-chain", "rootstock": "rootstock", "scroll": "scroll",
	"seiEVM": "sei-evm", "smartBitcoinCash": "smartbch", "smartChain": "bsc", "smartChainLegacy": "bsc", "sonic": "sonic", "theta": "theta", "thetaFuel": "theta",
	"thunderCore": "thundercore", "veChain": "vechain", "viction": "viction", "wanchain": "wanchain", "xdai": "gnosis", "zenEON": "horizen-eon", "zetaEVM": "zetachain-evm",
	"zkLinkNova": "zklink-nova", "zksync": "zksync",
}

// coins are the others, with the network's name here.
var coins = map[string]string{
	"acala": "acala", "aeternity": "aeternity", "agoric": "agoric", "aion": "aion", "akash": "akash", "algorand": "algorand", "aptos": "aptos", "axelar": "axelar",
	"bandChain": "band", "binance": "bnb", "bitcoin": "bitcoin", "bitcoinCash": "bitcoin-cash", "bitcoinDiamond": "bitcoin-diamond", "bitcoinGold": "bitcoin-gold",
	"bluzelle": "bluzelle", "cardano": "cardano", "comdex": "comdex", "coreum": "coreum", "cosmos": "cosmos", "crescent": "crescent", "cryptoOrg": "crypto-org", "dash": "dash",
	"decred": "decred", "digiByte": "digibyte", "dogecoin": "dogecoin", "dydx": "dydx", "ecash": "ecash", "everscale": "everscale", "fetchAI": "fetch",
	"filecoin": "filecoin", "firo": "firo", "groestlcoin": "groestlcoin", "harmony": "harmony", "icon": "icon", "internetComputer": "icp", "ioTeX": "iotex",
	"juno": "juno", "kava": "kava", "kin": "stellar", "komodo": "komodo", "kujira": "kujira", "kusama": "kusama", "litecoin": "litecoin", "mars": "mars-hub", "monacoin": "monacoin",
	"multiversX": "multiversx", "nano": "nano", "nativeCanto": "canto", "nativeEvmos": "evmos", "nativeInjective": "injective", "nativeZetaChain": "zetachain", "near": "near",
	"nebl": "neblio", "nebulas": "nebulas", "neo": "neo", "nervos": "nervos", "neutron": "neutron", "nimiq": "nimiq", "noble": "noble", "nuls": "nuls", "oasis": "oasis", "ontology": "ontology",
	"osmosis": "osmosis", "pactus": "pactus", "persistence": "persistence", "pivx": "pivx", "polkadot": "polkadot", "polymesh": "polymesh", "qtum": "qtum", "quasar": "quasar",
	"ravencoin": "ravencoin", "ronin": "ronin", "secret": "secret", "sei": "sei", "solana": "solana", "sommelier": "sommelier", "stargaze": "stargaze", "stellar": "stellar",
	"stratis": "stratis", "stride": "stride", "sui": "sui", "syscoin": "syscoin", "terra": "terra", "terraV2": "terra", "tezos": "tezos", "thorchain": "thorchain", "tia": "celestia", "ton": "ton",
	"tron": "tron", "umee": "umee", "verge": "verge", "viacoin": "viacoin", "waves": "waves", "xrp": "xrp", "zcash": "zcash", "zelcash": "flux", "zen": "horizen", "zilliqa": "zilliqa",
}

// refused are coins whose texts are no addresses that are screened, with the reason that a caller gets and why.
var refused = map[string]struct {
	network string
	reason  address.Reason
	why     string
}{
	"eos":      {"eos", address.UnsupportedKind, "the library writes the public key; accounts have names"},
	"fio":      {"", address.UnsupportedKind, "the library writes the public key; accounts have names"},
	"wax":      {"", address.UnsupportedKind, "the library writes the public key; accounts have names"},
	"iost":     {"iost", address.UnsupportedKind, "the library writes the public key; accounts have names"},
	"tbinance": {"bnb", address.Testnet, "a test network"},
	"hedera":   {"hedera", address.UnsupportedKind, "the library writes the alias of a key that has no account number yet"},
}

// pending are coins of networks that are not read yet: they are refused without a network, and the test says when one is read.
var pending = map[string]bool{}

// lax are coins of which a text that the library refuses is an address all the same, with the reason.
var lax = map[string]string{}

// line is one line of addresses.cjs.
type line struct {
	Coin    string `json:"coin"`
	Text    string `json:"text"`
	Mutated []struct {
		Text  string `json:"text"`
		Valid bool   `json:"valid"`
	} `json:"mutated"`
}

// TestTrustWalletCore reads addresses that the library makes, and checks that no text is read that the library refuses.
func TestTrustWalletCore(t *testing.T) {
	lines := generate(t)
	met, bad := map[string]int{}, map[string]int{}
	report := func(l *line, format string, args ...any) {
		if bad[l.Coin]++; bad[l.Coin] <= 3 {
			t.Errorf(l.Coin+": "+format, args...)
		}
	}
	read, mutants, strict := 0, 0, 0
	for i := range lines {
		l := &lines[i]
		met[l.Coin]++
		network := evmCoins[l.Coin]
		if network == "" {
			network = coins[l.Coin]
		}
		if no, ok := refused[l.Coin]; ok {
			var fail *address.Error
			if _, err := address.Parse(nil, l.Text, no.network); !errors.As(err, &fail) || fail.Reason != no.reason {
				report(l, "%s is not refused with %s (%s): %v", l.Text, no.reason, no.why, err)
			}
			continue
		}
		if network == "" {
			report(l, "no network is named for this coin")
			continue
		}
		readings, err := address.Parse(nil, l.Text, network)
		if pending[l.Coin] {
			if !fault.Is(err, fault.UnsupportedNetwork) {
				report(l, "is read now; take it out of pending")
			}
			continue
		}
		if err != nil {
			report(l, "%s on %s: %v", l.Text, network, err)
			continue
		}
		read++
		if readings[0].Network != network {
			report(l, "%s on %s is read as %s", l.Text, network, readings[0].Network)
		}
		for _, m := range l.Mutated {
			mutants++
			if m.Valid || lax[l.Coin] != "" {
				continue
			}
			strict++
			if readings, err := address.Parse(nil, m.Text, network); err == nil {
				report(l, "%s is no address for the library, and is read as %s", m.Text, readings[0].Canonical)
			}
		}
	}
	for _, table := range []map[string]string{evmCoins, coins, lax} {
		for coin := range table {
			if met[coin] == 0 {
				t.Errorf("the library has no coin %s", coin)
			}
		}
	}
	for _, coin := range slices.Sorted(maps.Keys(met)) {
		if met[coin] < 20 {
			t.Errorf("%s: %d addresses", coin, met[coin])
		}
	}
	t.Logf("%d coins, %d pending, %d refused; %d addresses read, %d mutations, of which the library refuses %d", len(met), len(pending), len(refused), read, mutants, strict)
}

// generate runs the library. The test is skipped where that cannot be done.
func generate(t *testing.T) (lines []line) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not here: addresses are not compared with those of Trust Wallet Core (install Node.js and npm)", program)
		}
	}
	modules := install(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "addresses.cjs", seed, count, mutations)
	node.Env = append(os.Environ(), "NODE_PATH="+modules)
	var faults bytes.Buffer
	node.Stderr = &faults
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node addresses.cjs: %v\n%s", err, faults.Bytes()[max(0, faults.Len()-2000):])
	}
	scanner := bufio.NewScanner(bytes.NewReader(out))
	for scanner.Scan() {
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// install puts the library, as the lock file pins it, into the user's cache folder, and returns its node_modules. Later runs find it there
// and need no network.
func install(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	folder := filepath.Join(cache, "interdict", "addresstest-"+hex.EncodeToString(sum[:8]))
	modules := filepath.Join(folder, "node_modules")
	if _, err := os.Stat(folder); err == nil {
		return modules
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		t.Skip("there is no cache folder: ", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(folder), "installing-")
	if err != nil {
		t.Skip("there is no cache folder: ", err)
	}
	defer os.RemoveAll(work)
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(work, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = work
	if out, err := npm.CombinedOutput(); err != nil {
		t.Skipf("Trust Wallet Core cannot be installed, so that addresses are not compared with it: %v\n%s", err, out)
	}
	if err := os.Rename(work, folder); err != nil && !errors.Is(err, os.ErrExist) {
		if _, there := os.Stat(folder); there != nil {
			t.Fatal(err)
		}
	}
	return modules
}
