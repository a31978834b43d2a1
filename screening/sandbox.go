package screening

import (
	"slices"

	"interdict/lists/address"
	"interdict/lists/fault"
	"interdict/screening/sandbox"
)

// Notices of the addresses of test networks, which a sandbox reads.
const (
	noticeTestAddress = "testnet_address" // the text is written as a test network writes it
	noticeTestNetwork = "testnet_network" // the named network is a test network
)

// parseTestnet reads what address.Parse has refused with err: the address of a test network, as what it is on the main network, or an address of a
// test network that is named. For anything else it returns err.
func parseTestnet(dst []address.Address, r *Request, err error) ([]address.Address, error) {
	network, notices := r.Network, []string(nil)
	if fault.Is(err, fault.UnsupportedNetwork) {
		main, ok := address.TestnetOf(network)
		if !ok {
			return dst, err
		}
		network, notices = main, []string{noticeTestNetwork}
		var plain error
		if dst, plain = address.Parse(dst[:0], r.Address, network); plain == nil {
			return noticed(dst, notices), nil
		}
		err = plain
	}
	main, of, ok := address.FromTestnet(r.Address, network)
	if !ok {
		return dst[:0], err
	}
	readings, wrong := address.Parse(dst[:0], main, of)
	if wrong != nil {
		return readings[:0], err
	}
	return noticed(readings, append(notices, noticeTestAddress)), nil
}

func noticed(readings []address.Address, notices []string) []address.Address {
	for i := range readings {
		readings[i].Notices = append(slices.Clone(readings[i].Notices), notices...)
	}
	return readings
}

// reserved returns the error of a test address that is reserved for one, or nil. A listing of any other list counts as usual.
func (a *Answer) reserved() error {
	var reserved error
	if a.MatchesTotal > len(a.Matches) {
		return nil
	}
	for i := range a.Matches {
		m := &a.Matches[i]
		if m.stack.Active.List.ID != sandbox.List {
			return nil
		}
		if possible, err := sandbox.Reserved(m.Attribution.Incident); possible {
			reserved = &Undecided{err}
		} else if err != nil {
			reserved = err
		}
	}
	return reserved
}
