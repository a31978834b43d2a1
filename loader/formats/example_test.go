package formats_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"interdict/loader/formats"
)

// A list file may be in any registered format; "auto" detects it. A row with a Problem is not a listing.
func ExampleRead() {
	const table = `Wallet,Chain,Owner
0x098B716B8Aaf21512996dC57EB0615e2383E2f96,ETH,Lazarus Group
,BTC,No address
`
	file := formats.File{Name: "wallets.csv", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(table)), nil
	}}
	info, err := formats.Read(context.Background(), []formats.File{file}, "auto", formats.Options{}, func(row formats.Row) error {
		if row.Problem != "" {
			fmt.Printf("%s is not a listing: %s\n", row.Locator, row.Problem)
			return nil
		}
		fmt.Printf("%s: %s on %s belongs to %s\n", row.Locator, row.Address, row.Network, row.EntityName)
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("format:", info.Format)
	// Output:
	// line 2: 0x098B716B8Aaf21512996dC57EB0615e2383E2f96 on ETH belongs to Lazarus Group
	// line 3 is not a listing: address: missing
	// format: csv
}
