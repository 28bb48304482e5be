//go:build go1.23

package main

import "iter"

// A pair of coroutines: pulled to the end, and stopped in the middle.
func switches() {
	count := func(yield func(int) bool) {
		for i := 0; i < 10; i++ {
			if !yield(i) {
				return
			}
		}
	}
	next, stop := iter.Pull(count)
	for _, ok := next(); ok; _, ok = next() {
	}
	stop()
	next, stop = iter.Pull(count)
	next()
	stop()
}
