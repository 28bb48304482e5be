// Command statements has defer statements of every kind. The comment behind each is what the compiler makes of it.
package main

import (
	"fmt"
	"os"
	"sync"
)

type server struct {
	mu    sync.Mutex
	files []string
}

func note(text string) { fmt.Fprintln(os.Stderr, text) }

func simple() {
	defer note("simple") // open
	note("body")
}

func two() { defer note("a"); defer note("b"); note("body") } // open open

func eight(n int) {
	defer note("1") // open
	defer note("2") // open
	defer note("3") // open
	if n > 3 {
		defer note("4") // open
	}
	defer note("5")                             // open
	defer note("6")                             // open
	defer func() { note(fmt.Sprint("7", n)) }() // open
	defer note("8")                             // open
	note("body")
}

func nine() {
	defer note("1") // stack
	defer note("2") // stack
	defer note("3") // stack
	defer note("4") // stack
	defer note("5") // stack
	defer note("6") // stack
	defer note("7") // stack
	defer note("8") // stack
	defer note("9") // stack
	note("body")
}

func loops(names []string) {
	for _, name := range names {
		defer note(name) // heap
	}
	for i := 0; i < len(names); i++ {
		for range names {
			defer func() { note(names[i]) }() // heap
		}
	}
}

func mixed(names []string) {
	defer note("before") // stack
	for _, name := range names {
		defer note(name) // heap
	}
	defer note("after") // stack
}

func jumps(n int) {
again:
	defer note("jump") // heap
	n--
	if n > 0 {
		goto again
	}
}

// A literal in a loop is a function of its own: nothing piles up.
func perTurn(names []string) {
	for _, name := range names {
		func() {
			defer note(name) // open
			note("turn")
		}()
	}
}

// Copied into its callers, and with it the literal.
func inlined(n int) func() {
	return func() {
		defer note("literal") // open
		note(fmt.Sprint(n))
	}
}

func callers(n int) {
	inlined(n)()
	f := inlined(n + 1)
	f()
}

func (s *server) method() string {
	s.mu.Lock()
	defer s.mu.Unlock() // open
	return fmt.Sprint(s.files)
}

func (s server) value() {
	defer note(fmt.Sprint(s.files)) // open
	note("body")
}

func recursive(n int) {
	defer note(fmt.Sprint(n)) // open
	if n > 0 {
		recursive(n - 1)
	}
}

func generic[T any](values []T) {
	defer note(fmt.Sprint(len(values))) // stack
	for _, value := range values {
		defer func() { note(fmt.Sprint(value)) }() // heap
	}
}

func open[T any](value T) {
	defer func() { note(fmt.Sprint(value)) }() // open
	note("body")
}

type set[T comparable] map[T]bool

func (s set[T]) each(f func(T)) {
	defer note("each") // open
	for value := range s {
		f(value)
	}
}

// Two defers at more returns than open coding is done for.
func returns(n int) int {
	defer note("returns") // stack
	defer note("often")   // stack
	if n == 1 {
		return len(os.Args)
	}
	if n == 2 {
		return len(os.Args) * 3
	}
	if n == 3 {
		return os.Getpid()
	}
	if n == 4 {
		return os.Getppid()
	}
	if n == 5 {
		return os.Getuid()
	}
	if n == 6 {
		return os.Getgid()
	}
	if n == 7 {
		return os.Geteuid()
	}
	if n == 8 {
		return os.Getegid()
	}
	return n
}

// A frame beyond what one instruction reaches on arm64.
func large(n int) {
	var page [40 << 10]byte
	page[n] = 1
	defer func() { note(fmt.Sprint(page[n+1])) }() // open
	if n > 1 {
		defer note("large") // open
	}
	note(string(page[:n]))
}

func recovers() (err error) {
	defer func() { // open
		if r := recover(); r != nil {
			err = fmt.Errorf("recovered: %v", r)
		}
	}()
	panic("for recover")
}

// Nobody calls it, so the linker drops it.
func dropped() {
	defer note("dropped") // dropped
	note("body")
}

func main() {
	simple()
	two()
	eight(len(os.Args))
	nine()
	loops(os.Args)
	mixed(os.Args)
	jumps(len(os.Args))
	perTurn(os.Args)
	callers(len(os.Args))
	s := &server{files: os.Args}
	note(s.method())
	s.value()
	recursive(len(os.Args))
	generic([]int{1})
	generic([]string{"1"})
	generic([]float64{1})
	open(1)
	open("1")
	set[int]{1: true}.each(func(int) {})
	set[string]{"1": true}.each(note)
	note(fmt.Sprint(returns(len(os.Args)), recovers()))
	large(len(os.Args))
	ranges(os.Args)
}
