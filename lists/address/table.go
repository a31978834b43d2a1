package address

import (
	"fmt"
	"strconv"
	"strings"
)

// tableRows reads an embedded table: lines of fields between tabs, with "-" for an empty field; a line that begins with # is a comment.
// The tables are part of the program, so that a damaged one stops it.
func tableRows(name, table string, fields int) (rows [][]string) {
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		row := strings.Split(line, "\t")
		if len(row) != fields {
			panic(fmt.Sprintf("address: %s: %q has %d fields, not %d", name, line, len(row), fields))
		}
		for i := range row {
			if row[i] == "-" {
				row[i] = ""
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// tableList splits a field that holds several values.
func tableList(field string) []string {
	if field == "" {
		return nil
	}
	return strings.Split(field, ",")
}

// tableNumber reads a number of 16 bits.
func tableNumber[T ~uint16](name, field string) T {
	n, err := strconv.ParseUint(field, 10, 16)
	if err != nil {
		panic(fmt.Sprintf("address: %s: %q is not a number of 16 bits", name, field))
	}
	return T(n)
}
