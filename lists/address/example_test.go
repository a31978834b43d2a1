package address_test

import (
	"errors"
	"fmt"

	"interdict/lists/address"
)

// Two spellings of one address have one identity and one canonical text. Without a network, every reading of the text is returned.
func ExampleParse() {
	for _, text := range []string{"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"} {
		readings, err := address.Parse(nil, text, "bitcoin")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(readings[0].Network, readings[0].Canonical)
	}
	// Output:
	// bitcoin bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4
	// bitcoin bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4
}

// A text that is not an address of the network is an error with a reason. It is never a miss.
func ExampleParse_refused() {
	_, err := address.Parse(nil, "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMh", "bitcoin")
	var refused *address.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Reason)
	}
	// Output: bad_checksum
}
