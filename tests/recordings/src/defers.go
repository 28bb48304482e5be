package main

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	plainPile     = 400_000
	capturingPile = 100_000
)

var ran atomic.Int64

func tick() { ran.Add(1) }

// pilePlain keeps records of one size on one line.
func pilePlain(piled *sync.WaitGroup) {
	defers("heap", plainPile)
	for i := 0; i < plainPile; i++ {
		defer tick()
	}
	piled.Done()
	waits("chan receive", reachable)
	<-onlyReceived
}

// pileCapturing keeps records and as many closures.
func pileCapturing(piled *sync.WaitGroup) {
	defers("heap", capturingPile)
	for i := 0; i < capturingPile; i++ {
		defer func() { ran.Add(int64(i)) }()
	}
	piled.Done()
	waits("chan receive", reachable)
	<-onlyReceived
}

func plantDefers() {
	var piled sync.WaitGroup
	piled.Add(2)
	go pilePlain(&piled)
	go pileCapturing(&piled)
	piled.Wait()
}

// Work

var work sync.Mutex

//go:noinline
func openDefer() {
	defer tick()
	ran.Add(1)
}

// stackDefer has a defer behind more exits than the compiler opens code for.
//
//go:noinline
func stackDefer(n int) {
	defer tick()
	switch n {
	case 1, 3:
		defer tick()
	case 2:
		defer tick()
	}
	if n > 3 {
		defer tick()
		defer tick()
		defer tick()
		defer tick()
		defer tick()
		defer tick()
	}
}

//go:noinline
func heapDefers() {
	for i := 0; i < 4; i++ {
		defer tick()
	}
}

// load spends its time in the machinery of defers and in a lock, on two processors.
func load(length time.Duration) {
	var workers sync.WaitGroup
	end := time.Now().Add(length)
	for i := 0; i < 2; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for n := 0; time.Now().Before(end); n++ {
				for j := 0; j < 1000; j++ {
					openDefer()
					stackDefer(j % 4)
					heapDefers()
				}
				work.Lock()
				tick()
				work.Unlock()
			}
		}()
	}
	workers.Wait()
}

// contend makes goroutines wait for a lock that another one holds for a while.
func contend(length time.Duration) {
	var workers sync.WaitGroup
	end := time.Now().Add(length)
	for i := 0; i < 4; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for time.Now().Before(end) {
				work.Lock()
				time.Sleep(time.Millisecond)
				work.Unlock()
			}
		}()
	}
	workers.Wait()
}
