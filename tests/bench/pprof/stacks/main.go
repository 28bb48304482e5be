// Writes large profiles of diverse stacks into the folder given: what a big service has, and no recording shows.
package main

import (
	"context"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
)

const (
	depth      = 26
	goroutines = 10_000
	heapStacks = 60_000
)

// Ten functions that call each other; the digits of a number choose which, so that each number has its own stack.
var steps [10]func(path, left int, last func())

func step(path, left int, last func()) {
	if left == 0 {
		last()
		return
	}
	// Below the digits of the path the stack goes on, the same for all.
	steps[path%10](path/10, left-1, last)
}

//go:noinline
func read(path, left int, last func()) { step(path, left, last) }

//go:noinline
func parse(path, left int, last func()) { step(path, left, last) }

//go:noinline
func route(path, left int, last func()) { step(path, left, last) }

//go:noinline
func authorize(path, left int, last func()) { step(path, left, last) }

//go:noinline
func query(path, left int, last func()) { step(path, left, last) }

//go:noinline
func retry(path, left int, last func()) { step(path, left, last) }

//go:noinline
func encode(path, left int, last func()) { step(path, left, last) }

//go:noinline
func compress(path, left int, last func()) { step(path, left, last) }

//go:noinline
func write(path, left int, last func()) { step(path, left, last) }

//go:noinline
func observe(path, left int, last func()) { step(path, left, last) }

func init() {
	steps = [10]func(int, int, func()){read, parse, route, authorize, query, retry, encode, compress, write, observe}
}

var kept [][]byte

func main() {
	folder := os.Args[1]
	runtime.MemProfileRate = 1
	for i := range heapStacks {
		step(i, depth, func() { kept = append(kept, make([]byte, 64)) })
	}
	runtime.MemProfileRate = 0
	runtime.GC()
	save(folder, "heap", "heap_diverse")

	park(func(wait func(), i int) { step(i, depth, wait) })
	save(folder, "goroutine", "goroutine_diverse")
	park(func(wait func(), i int) {
		labels := pprof.Labels("tenant", strconv.Itoa(i%100), "request", strconv.Itoa(i), "path", "/api/v1/orders")
		pprof.Do(context.Background(), labels, func(context.Context) { step(i%100, depth, wait) })
	})
	save(folder, "goroutine", "goroutine_labels")
}

// park starts goroutines and returns when all of them wait for good.
func park(run func(wait func(), i int)) {
	var waiting sync.WaitGroup
	waiting.Add(goroutines)
	forever := make(chan int)
	for i := range goroutines {
		go run(func() {
			waiting.Done()
			<-forever
		}, i)
	}
	waiting.Wait()
}

func save(folder, profile, name string) {
	file, err := os.Create(filepath.Join(folder, name+".pb.gz"))
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.Lookup(profile).WriteTo(file, 0); err != nil {
		log.Fatal(err)
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
}
