package address

// evmForm reads 0x and 40 hex digits under a network that also takes the EVM way of writing its
// accounts; mixed letter case must be that of EIP-55. fill makes the network's address of the 20 bytes.
func evmForm(text string, a *Address, fill func(a *Address, account []byte) *Error) *Error {
	digits, _ := without0x(text)
	var account [20]byte
	if fail := hex20(&account, digits); fail != nil {
		if fail.Position >= 0 {
			fail.Position += 2
		}
		return fail
	}
	if fail := fill(a, account[:]); fail != nil {
		return fail
	}
	if small, capital := letterCase(digits); small && capital {
		if checked := eip55(account[:], ""); string(checked[2:]) != digits {
			would := *a
			fail := refuse(BadChecksum, "the letter case is not the checksum of EIP-55")
			fail.Folded = &would
			return fail
		}
	}
	return nil
}

// renderEIP55 writes 20 bytes the EVM way.
func renderEIP55(payload string) string {
	text := eip55([]byte(payload), "")
	return string(text[:])
}
