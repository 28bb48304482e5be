//go:build go1.23

package main

// Loops over functions came with Go 1.23.

func all(names []string) func(func(string) bool) {
	return func(yield func(string) bool) {
		defer note("all") // open
		for _, name := range names {
			if !yield(name) {
				return
			}
		}
	}
}

func ranges(names []string) {
	for name := range all(names) {
		defer note(name) // range
		for other := range all(names) {
			defer note(other + name) // range
		}
	}
	plainly(names)
}

func plainly(names []string) {
	defer note("outside") // stack
	for name := range all(names) {
		defer note(name) // range
		func() {
			defer note("turn") // open
			note(name)
		}()
	}
}
