//go:build go1.23

package main

import "iter"

// switches pulls values out of coroutines: some to the end, some not.
func switches(w *window) {
	const values, whole, broken = 10, 7, 4
	count := func(yield func(int) bool) {
		for i := 0; i < values; i++ {
			if !yield(i) {
				return
			}
		}
	}
	for i := 0; i < whole; i++ {
		next, _ := iter.Pull(count)
		for _, ok := next(); ok; _, ok = next() {
		}
	}
	for i := 0; i < broken; i++ {
		next, stop := iter.Pull(count)
		next()
		stop()
	}
	// To it and back for each value, to it once more, and back for good.
	w.Events["GoCreateBlocked"] = whole + broken
	w.Events["GoSwitch"] = whole*(2*values+1) + broken*3
	w.Events["GoSwitchDestroy"] = whole + broken
}
