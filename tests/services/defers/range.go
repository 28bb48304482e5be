//go:build go1.23

package main

func init() { runners["range"] = &runner{perCall: 4, call: runFourInRange} }

func countToFour(yield func(int) bool) {
	for i := 0; i < 4 && yield(i); i++ {
	}
}

//go:noinline
func runFourInRange() {
	for range countToFour {
		defer nothing()
	}
}
