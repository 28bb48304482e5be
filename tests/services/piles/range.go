//go:build go1.23

package main

import "example.org/services/service"

var ranged = declared("range")

func init() { kinds["range"] = holdRange }

func countTo(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := 0; i < n && yield(i); i++ {
		}
	}
}

// holdRange has a defer in a loop over a function; what is found in memory is the loop's line.
func holdRange(h holding) {
	ranged.here(service.Below(1))
	for range countTo(h.n) {
		defer ranged.ran()
		ranged.pending.Add(1)
	}
	h.park()
}
