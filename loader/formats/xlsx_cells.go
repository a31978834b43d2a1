package formats

// sheetColumns says where the cells of a sheet go. A sheet may have cells in its last column, XFD, and none in the thousands before it: the
// cost of a row must be that of the cells it has.
type sheetColumns struct {
	width  int   // of the header: empty cells beyond it are dropped and only a few others are kept; 0: no limit
	joined bool  // the cells of a row follow each other, whatever their columns
	used   []int // columns of a wide sheet that are not empty, in order; nil: every column keeps its place
	places map[int]int
}

const (
	// maxNarrow is the number of columns up to which every column keeps its place.
	maxNarrow = 64
	// maxFurther bounds the cells of a row that are kept beyond the width of the header.
	maxFurther = 16
)

// columns returns where the cells of a sheet go that begins with these rows. The columns of a wide sheet are closed up: it is read once more
// to find those that are not empty.
func (w *workbook) columns(in *input, sampled [][]string) (sheetColumns, error) {
	wide := 0
	for _, cells := range sampled {
		wide = max(wide, len(cells))
	}
	if wide <= maxNarrow {
		return sheetColumns{}, nil
	}
	filled := make([]bool, wide)
	err := in.readXML("worksheet", func(x *xmlScanner) error {
		return x.eachNamed("sheetData", func() error {
			return x.each(func([]byte) error { // row
				return w.eachCell(x, func(column int, text string) error {
					if column < wide && trim(text) != "" {
						filled[column] = true
					}
					return nil
				})
			})
		})
	})
	c := sheetColumns{used: []int{}, places: map[int]int{}}
	for column, is := range filled {
		if is {
			c.places[column] = len(c.used)
			c.used = append(c.used, column)
		}
	}
	return c, err
}

// place returns the place of a column in a row, or -1 if the column is empty.
func (c *sheetColumns) place(column int) int {
	if c.used == nil {
		return column
	}
	if at, ok := c.places[column]; ok {
		return at
	}
	if len(c.used) > 0 && column > c.used[len(c.used)-1] {
		return len(c.used)
	}
	return -1
}

// closeUp returns rows without the empty columns of a wide sheet.
func (c *sheetColumns) closeUp(rows [][]string) [][]string {
	if c.used == nil {
		return rows
	}
	out := make([][]string, len(rows))
	for i, cells := range rows {
		for _, column := range c.used {
			if column < len(cells) {
				out[i] = append(out[i], cells[column])
			}
		}
	}
	return out
}

// limit sets the width to that of a layout, and makes the layout name the columns as the sheet counts them.
func (c *sheetColumns) limit(l *layout) {
	c.width = l.width
	if l.numbers = c.used; l.header < 0 {
		for i := range l.further {
			l.further[i].name = l.columnName(l.further[i].at)
		}
	}
}

// cells reads the cells of a row, each into its place.
func (w *workbook) cells(x *xmlScanner, cells []string, columns sheetColumns) ([]string, error) {
	size, further := 0, 0
	err := w.eachCell(x, func(column int, text string) error {
		if size += len(text); size > MaxLine {
			return x.invalid("a row is longer than %d bytes", MaxLine)
		}
		at := columns.place(column)
		switch {
		case columns.joined:
			at = len(cells)
		case at < 0:
			return nil
		case columns.width > 0 && at >= columns.width:
			if further++; trim(text) == "" || further > maxFurther {
				return nil
			}
			at = max(columns.width, len(cells))
		}
		for len(cells) < at {
			cells = append(cells, "")
		}
		cells = append(cells, text)
		return nil
	})
	return cells, err
}

// eachCell calls each with the cells of a row. Their columns rise.
func (w *workbook) eachCell(x *xmlScanner, each func(column int, text string) error) error {
	next := 0
	return x.eachNamed("c", func() error {
		column := next
		if ref := x.attr("r"); ref != "" {
			column = columnOf(ref)
		}
		if column < next || column >= maxCells {
			return x.invalid("invalid or repeated cell reference %q", truncate(x.attr("r"), maxQuoted))
		}
		next = column + 1
		text, err := w.cell(x, x.attr("t"))
		if err != nil {
			return err
		}
		return each(column, text)
	})
}
