package main

import (
	"context"
	"log"
	"net"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
)

// Channels

// Reachable from here, so whoever waits on them is not proven leaked. Nobody does both, or they would meet.
var (
	onlySent     = make(chan int)
	onlyReceived = make(chan int)
)

func sendOnGlobal() {
	waits("chan send", reachable)
	onlySent <- 1
}

func sendOnLocal() {
	c := make(chan int)
	waits("chan send", leaked)
	c <- 1
}

func sendOnNil() {
	var c chan int
	waits("chan send", leaked)
	c <- 1
}

func receiveOnNil() {
	var c chan int
	waits("chan receive", leaked)
	<-c
}

// take is inlined into its caller, so the frame that waits is no function of its own.
func take(c chan int) int { return <-c }

func receiveInlined() {
	c := make(chan int)
	waits("chan receive", leaked)
	println(take(c))
}

func rangeOverChannel() {
	c := make(chan int)
	waits("chan receive", leaked)
	for range c {
	}
}

func selectTwo() {
	a, b := make(chan int), make(chan int)
	waits("select", leaked)
	select {
	case <-a:
	case b <- 1:
	}
}

func selectTicker() {
	ticker, done := time.NewTicker(time.Hour), make(chan int)
	waits("select", reachable)
	select {
	case <-ticker.C:
	case <-done:
	}
}

func selectNothing() {
	waits("select", leaked)
	select {}
}

func plantChannels() {
	start(2, sendOnGlobal)
	start(5, sendOnLocal)
	start(2, sendOnNil)
	start(3, receiveOnNil)
	start(4, receiveInlined)
	start(3, rangeOverChannel)
	start(6, selectTwo)
	start(2, selectTicker)
	start(2, selectNothing)
}

// Locks

var (
	mutex       sync.Mutex
	readMutex   sync.RWMutex
	writeMutex  sync.RWMutex
	condMutex   sync.Mutex
	neverSignal = sync.NewCond(&condMutex)
)

func lockMutex() {
	waits("mutex", reachable)
	mutex.Lock()
}

func lockForReading() {
	waits("rwmutex", reachable)
	readMutex.RLock()
}

func lockForWriting() {
	waits("rwmutex", reachable)
	writeMutex.Lock()
}

func waitForGroup() {
	var group sync.WaitGroup
	group.Add(1)
	waits("waitgroup", leaked)
	group.Wait()
}

func waitForSignal() {
	neverSignal.L.Lock()
	waits("cond", reachable)
	neverSignal.Wait()
}

func plantLocks() {
	mutex.Lock()
	readMutex.Lock()
	writeMutex.RLock()
	start(3, lockMutex)
	start(2, lockForReading)
	start(1, lockForWriting) // a second one would wait for the first one's mutex
	start(3, waitForGroup)
	start(2, waitForSignal)
}

// Outside the process

func sleep() {
	waits("sleep", reachable)
	time.Sleep(time.Hour)
}

func read(address string) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	var buffer [1]byte
	waits("io", reachable)
	connection.Read(buffer[:])
}

func readPipe(pipe int) {
	var buffer [1]byte
	waits("syscall", reachable)
	syscall.Read(pipe, buffer[:])
}

func plantOutside(address string) {
	start(4, sleep)
	start(2, func() { read(address) })
	var pipe [2]int
	if err := syscall.Pipe(pipe[:]); err != nil {
		log.Fatal(err)
	}
	start(1, func() { readPipe(pipe[0]) })
}

// Oddities

func lockedToThread() {
	runtime.LockOSThread()
	waits("chan receive", reachable)
	<-onlyReceived
}

func labelled() {
	labels := pprof.Labels("tenant", "blue", "path", "/a b\"{c}", "empty", "")
	pprof.Do(context.Background(), labels, func(context.Context) {
		waits("chan receive", reachable)
		<-onlyReceived
	})
}

// deep waits under more frames than a dump prints.
func deep(depth int) {
	if depth > 0 {
		deep(depth - 1)
		return
	}
	waits("chan receive", reachable)
	<-onlyReceived
}

func plantOddities() {
	start(1, lockedToThread)
	start(2, labelled)
	start(1, func() { deep(120) })
}
