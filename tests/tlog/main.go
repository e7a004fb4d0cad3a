// Command tlog-check reads a log's directory with Go's own libraries for transparency logs, which
// know nothing of toolgate: tlog-check DIR VKEY. It checks the note of the checkpoint, that tiles
// lead to its root, and that every entry is proved to be in the tree.
package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Levels of the tree in a tile, as C2SP tlog-tiles has it.
const tileHeight = 8

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: tlog-check DIR VKEY")
		os.Exit(64)
	}
	size, err := check(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Println(size, "entries")
}

func check(dir, vkey string) (int64, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return 0, err
	}
	content, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return 0, err
	}
	opened, err := note.Open(content, note.VerifierList(verifier))
	if err != nil {
		return 0, err
	}
	tree, err := parse(opened.Text, verifier.Name())
	if err != nil {
		return 0, err
	}
	hashes := tlog.TileHashReader(tree, &reader{dir})
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return 0, err
	}
	if root != tree.Hash {
		return 0, errors.New("the tiles have another root")
	}
	return tree.N, entries(dir, tree, hashes)
}

func parse(text, origin string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != origin || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s: %q", origin, text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("not a root: %q", lines[2])
	}
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree, nil
}

// entries proves each entry of each bundle, by the record that it is.
func entries(dir string, tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 1 << tileHeight {
		width := min(tree.N-first, 1<<tileHeight)
		bundle, err := read(dir, "entries", first>>tileHeight, int(width))
		if err != nil {
			return err
		}
		for index := first; index < first+width; index++ {
			if len(bundle) < 2 {
				return fmt.Errorf("entry %d is missing", index)
			}
			end := 2 + int(bundle[0])<<8 + int(bundle[1])
			if len(bundle) < end {
				return fmt.Errorf("entry %d has no end", index)
			}
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return err
			}
			leaf := tlog.RecordHash(bundle[2:end])
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf); err != nil {
				return fmt.Errorf("entry %d: %w", index, err)
			}
			bundle = bundle[end:]
		}
		if len(bundle) != 0 && width == 1<<tileHeight {
			return fmt.Errorf("after entry %d there is more", first+width-1)
		}
	}
	return nil
}

// reader gives the tiles of a directory. It is told their paths in Go's own form, which has the
// height in them, and finds them under the names of C2SP.
type reader struct{ dir string }

func (r *reader) Height() int { return tileHeight }

func (r *reader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r *reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		content, err := read(r.dir, strconv.Itoa(tile.L), tile.N, tile.W)
		if err != nil {
			return nil, err
		}
		size := tile.W * tlog.HashSize
		if len(content) < size {
			return nil, fmt.Errorf("tile %d/%d is too short", tile.L, tile.N)
		}
		found = append(found, bytes.Clone(content[:size]))
	}
	return found, nil
}

// read gives the tile of a width, or the full one in its place.
func read(dir, level string, index int64, width int) ([]byte, error) {
	name := fmt.Sprintf("%03d", index%1000)
	for index /= 1000; index > 0; index /= 1000 {
		name = fmt.Sprintf("x%03d/%s", index%1000, name)
	}
	full := filepath.Join(dir, "tile", level, filepath.FromSlash(name))
	if width < 1<<tileHeight {
		content, err := os.ReadFile(fmt.Sprintf("%s.p/%d", full, width))
		if !errors.Is(err, fs.ErrNotExist) {
			return content, err
		}
	}
	return os.ReadFile(full)
}
