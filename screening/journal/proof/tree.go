package proof

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	tileBytes  = tileWidth * tlog.HashSize
	entryLevel = -1 // of tlog.Tile, for entry bundles
)

// tilePath returns the path of a tile in the layout of C2SP tlog-tiles. That of tlog.Tile.Path
// also has the height, and names entry bundles "data".
func tilePath(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	if t.L == entryLevel {
		path = "entries" + strings.TrimPrefix(path, "data")
	}
	return "tile/" + path
}

// parseTilePath is the inverse of tilePath.
func parseTilePath(path string) (tlog.Tile, error) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if bundle, is := strings.CutPrefix(rest, "entries/"); is {
		rest = "data/" + bundle
	}
	t, err := tlog.ParseTilePath(fmt.Sprintf("tile/%d/%s", tileHeight, rest))
	if err != nil || !ok || tilePath(t) != path {
		return tlog.Tile{}, fmt.Errorf("%q is not the path of a tile", path)
	}
	return t, nil
}

// tree is the right edge of a hash tree: what is needed to add entries and to compute the root.
type tree struct {
	size int64
	edge [64]tlog.Hash                  // edge[k] is the newest complete left subtree of 2^k entries
	part [64/tileHeight + 1][]byte      // hashes of the tile of each level that is not full
	full func(t tlog.Tile, data []byte) // gets each tile when it is full; the data is its own
}

// ReadHashes implements tlog.HashReader for those hashes that adding an entry and the root need.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, _ := tlog.SplitStoredHashIndex(index)
		hashes[i] = t.edge[level]
	}
	return hashes, nil
}

// add adds one entry.
func (t *tree) add(leaf []byte) error {
	hashes, err := tlog.StoredHashes(t.size, leaf, t)
	if err != nil {
		return err
	}
	for level := 0; level < len(hashes); level += tileHeight {
		l := level / tileHeight
		if t.part[l] == nil {
			t.part[l] = make([]byte, 0, tileBytes)
		}
		t.part[l] = append(t.part[l], hashes[level][:]...)
		if len(t.part[l]) == tileBytes {
			n := t.size >> level >> tileHeight
			t.full(tlog.Tile{H: tileHeight, L: l, N: n, W: tileWidth}, t.part[l])
			t.part[l] = nil
		}
	}
	t.edge[len(hashes)-1] = hashes[len(hashes)-1]
	t.size++
	return nil
}

func (t *tree) root() (tlog.Hash, error) { return tlog.TreeHash(t.size, t) }

// partTile returns the tile of level l that is not full; its width is 0 if it has no hash.
func (t *tree) partTile(l int) tlog.Tile {
	return tlog.Tile{H: tileHeight, L: l, N: t.size >> (tileHeight * l) >> tileHeight, W: len(t.part[l]) / tlog.HashSize}
}

// partTiles returns copies of all tiles that are not full.
func (t *tree) partTiles() map[tlog.Tile][]byte {
	tiles := map[tlog.Tile][]byte{}
	for l := range t.part {
		if tile := t.partTile(l); tile.W > 0 {
			tiles[tile] = append([]byte(nil), t.part[l]...)
		}
	}
	return tiles
}

// loadTree returns the tree of a size from tiles, which are checked against the root.
func loadTree(at tlog.Tree, tiles tlog.TileReader) (*tree, error) {
	t := &tree{size: at.N}
	if at.N == 0 {
		return t, nil
	}
	reader := tlog.TileHashReader(at, tiles)
	for level := range 63 {
		if at.N>>level&1 == 0 {
			continue
		}
		hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(level, at.N>>level-1)})
		if err != nil {
			return nil, err
		}
		t.edge[level] = hashes[0]
	}
	for l := 0; at.N>>(tileHeight*l) > 0; l++ {
		count := at.N >> (tileHeight * l)
		tile := tlog.Tile{H: tileHeight, L: l, N: count >> tileHeight, W: int(count % tileWidth)}
		if tile.W == 0 {
			continue
		}
		data, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			return nil, err
		}
		t.part[l] = append(make([]byte, 0, tileBytes), data...)
	}
	return t, nil
}

// tileFunc reads one tile; it is a tlog.TileReader.
type tileFunc func(tlog.Tile) ([]byte, error)

func (tileFunc) Height() int { return tileHeight }

func (f tileFunc) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		var err error
		if data[i], err = f(tile); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (tileFunc) SaveTiles([]tlog.Tile, [][]byte) {}
