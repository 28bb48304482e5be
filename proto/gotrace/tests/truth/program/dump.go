package main

import (
	"bytes"
	"fmt"
	"runtime"
	"time"
)

// Dumps taken since the trace began.
var dumps int

// Room for the text of one: some hundred bytes a goroutine.
var room = make([]byte, 16<<20)

// Whoever does not settle within this many dumps, two a millisecond at most, never will.
const dumpsMax = 4000

// dump tells every goroutine but the runtime's own: its state, and its functions from the innermost on. Garbage is not
// collected while it is used, so it makes little.
func dump(each func(state []byte, functions [][]byte)) {
	text := bytes.TrimSpace(room[:runtime.Stack(room, true)])
	dumps++
	var functions [][]byte
	for len(text) > 0 {
		var one, line []byte
		one, text, _ = bytes.Cut(text, []byte("\n\n"))
		line, one, _ = bytes.Cut(one, []byte("\n"))
		_, state, _ := bytes.Cut(line, []byte("["))
		functions = functions[:0]
		for len(one) > 0 {
			line, one, _ = bytes.Cut(one, []byte("\n"))
			if bytes.HasPrefix(line, []byte("\t")) || bytes.HasPrefix(line, []byte("created by ")) {
				continue
			}
			function := line[:bytes.LastIndexByte(line, '(')]
			// A trace leaves out how goroutines end, and how the first one begins.
			first := string(function) == "runtime.main" && len(functions) > 0
			if string(function) != "runtime.goexit" && !first {
				functions = append(functions, function)
			}
		}
		each(state, functions)
	}
}

// population counts goroutines by the function they started with.
func population() map[string]int {
	all := map[string]int{}
	dump(func(_ []byte, functions [][]byte) { all[string(functions[len(functions)-1])]++ })
	return all
}

// settle returns when so many goroutines wait, or sit in a system call, within a function.
func settle(function string, n int) {
	settled := 0
	for i := 0; i < dumpsMax; i++ {
		settled = 0
		dump(func(state []byte, functions [][]byte) {
			if bytes.HasPrefix(state, []byte("run")) || bytes.HasPrefix(state, []byte("preempted")) {
				return
			}
			for _, f := range functions {
				if string(f) == function {
					settled++
					return
				}
			}
		})
		if settled == n {
			return
		}
		pause(time.Millisecond / 2)
	}
	check(fmt.Errorf("%d of %d wait in %s", settled, n, function))
}

// pause lets time pass. It is not told apart from other sleeps.
func pause(d time.Duration) { time.Sleep(d) }
