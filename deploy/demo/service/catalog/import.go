// Package catalog reads a feed of rows. It holds the demo's pile of defers: `defer` stands inside the loop of a
// function that returns only when the feed ends.
package catalog

import (
	"sync/atomic"

	"example.org/demo/site"
)

// Row is one row of the feed.
type Row struct{ Number int64 }

// Importer reads feeds. The zero value is ready to use.
type Importer struct {
	open atomic.Int64
	pile atomic.Pointer[site.Site]
}

// Import reads rows until the feed ends.
func (i *Importer) Import(feed <-chan Row) {
	i.pile.Store(site.Below(3))
	for row := range feed {
		h := i.openRow(row)
		defer h.Close() // the bug: these run when the feed ends, not when the row is done
	}
}

// handle stands for what a real import opens per row: a file, a response body, a lock.
type handle struct {
	importer *Importer
	row      int64
}

func (i *Importer) openRow(row Row) *handle {
	i.open.Add(1)
	return &handle{importer: i, row: row.Number}
}

// Close gives the row's resources back.
func (h *handle) Close() { h.importer.open.Add(-1) }

// Pending counts the deferred calls that wait for Import to return.
func (i *Importer) Pending() int64 { return i.open.Load() }

// Pile is where they were deferred; nil before Import has run.
func (i *Importer) Pile() *site.Site { return i.pile.Load() }
