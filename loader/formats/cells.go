package formats

import "interdict/lists/address"

// piece is one address that a cell holds, with what stood beside it.
type piece struct {
	Address string
	Label   string // a network or asset named beside it: "ETH: 0x…"
	Note    string // anything else beside it: "(main wallet)", "tag 104857"
	Unread  bool   // it has the form of an address and does not read
}

// pieces splits a cell into its addresses. A cell without any gives none.
func pieces(cell string) []piece {
	if address.Recognize(cell) == address.NotAddress {
		return nil
	}
	return []piece{{Address: cell}}
}
