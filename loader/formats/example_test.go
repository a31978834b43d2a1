package formats_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"interdict/loader/formats"
)

// A table is read by its header. Each row says where in the file it is.
func ExampleRead() {
	file := formats.File{Name: "deny.csv", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("Owner,Wallet\nCase 1,1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH\n")), nil
	}}
	info, err := formats.Read(context.Background(), []formats.File{file}, "auto", formats.Options{
		Mapping: map[string]string{"address": "Wallet", "entity": "Owner"},
	}, func(row formats.Row) error {
		fmt.Println(row.Locator, row.Address, row.EntityName)
		return nil
	})
	fmt.Println(info.Format, err)
	// Output:
	// line 2 1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH Case 1
	// csv <nil>
}
