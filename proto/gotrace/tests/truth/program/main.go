// A program that knows what it did: truth FOLDER traces itself twice, doing things in known numbers and for known times,
// and writes both traces and its own account of them (truth.json) to the folder.
//
// The first trace holds everything but collections of garbage, which are kept out of it so that the runtime does
// nothing by itself; the second one has those, and ends what began in the first. Only the standard library is used, and
// only what Go 1.22 has; coroutines, which came later, have a file of their own.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"
)

// The runtime may run this many goroutines at once. Two, so that threads take procs from one another.
const procs = 2

// It takes two seconds and 50 MB. Whatever goes wrong, it ends by itself and takes no more than this.
const (
	timeMax   = time.Minute
	memoryMax = 512 << 20
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: truth FOLDER")
		os.Exit(2)
	}
	folder := os.Args[1]
	runtime.GOMAXPROCS(procs)
	runtime.GC() // the collector's workers are there from now on
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(memoryMax) // so much that it is never near, unless something is wrong
	time.AfterFunc(timeMax, func() { check(errors.New("did not end")) })

	leak()
	early := newTask("early")
	first := begin(filepath.Join(folder, "first.trace"))
	early.End()
	first.Tasks.of("").BegunBefore++
	spawn(first, 1000)
	crowd(first, 1500)
	waits(first)
	naps(first, 11)
	calls(first)
	spins(first, 50)
	yields(first, 997)
	starve(first, 12)
	annotate(first)
	across := leaveOpen(first)
	leakLater(first, 9)
	switches(first)
	stops(first)
	first.end()

	second := begin(filepath.Join(folder, "second.trace"))
	across.End()
	second.Regions.of("across").BegunBefore++
	waits(second)
	collect(second, 3)
	second.end()

	check(write(filepath.Join(folder, "truth.json"), []*window{first, second}))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "truth:", err)
		os.Exit(1)
	}
}
