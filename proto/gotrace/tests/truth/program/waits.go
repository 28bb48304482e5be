package main

import (
	"net"
	"sync"
	"time"
)

// How long each wait is held at least: long enough that a thousandth of a second is a share of it, short enough that a
// test with six releases of Go ends soon.
const hold = 40 * time.Millisecond

// waiting is a way to wait, taken by some goroutines at once.
type waiting struct {
	reason   string
	function string
	n        int
	// Says when it begins to wait, and waits.
	wait func(i int, began *time.Time)
	// Ends one wait.
	wake func(i int)
	// Whether the runtime, and not the function that wakes, ends the wait.
	byRuntime bool
}

// waits takes every way there is.
func waits(w *window) {
	for _, each := range []waiting{
		receiving(7), sending(5), selecting(11), locking(13), reading(3), joining(4), signalled(6), network(2),
	} {
		w.Waits = append(w.Waits, each.take())
	}
}

// take lets them all wait at once and wakes one after the other.
func (each waiting) take() wait {
	began := make([]time.Time, each.n)
	var group sync.WaitGroup
	group.Add(each.n)
	for i := 0; i < each.n; i++ {
		go waiter(time.Now(), each.wait, i, &began[i], &group)
	}
	settle(each.function, each.n)
	pause(hold)
	told := wait{Reason: each.reason, Function: each.function, Count: each.n, WokenBy: "main.waiting.wakeAll"}
	if each.byRuntime {
		told.WokenBy = ""
	}
	for i, woken := range each.wakeAll() {
		told.Ns += woken.Sub(began[i]).Nanoseconds()
	}
	group.Wait()
	return told
}

//go:noinline
func (each waiting) wakeAll() []time.Time {
	woken := make([]time.Time, each.n)
	for i := range woken {
		woken[i] = time.Now()
		each.wake(i)
	}
	return woken
}

func waiter(made time.Time, wait func(int, *time.Time), i int, began *time.Time, group *sync.WaitGroup) {
	started(made)
	defer group.Done()
	wait(i, began)
}

func channels(n int) []chan int {
	all := make([]chan int, n)
	for i := range all {
		all[i] = make(chan int)
	}
	return all
}

func receiving(n int) waiting {
	all := channels(n)
	return waiting{
		reason: "chan receive", function: "main.receive", n: n,
		wait: func(i int, began *time.Time) { receive(all[i], began) },
		wake: func(i int) { all[i] <- i },
	}
}

//go:noinline
func receive(from chan int, began *time.Time) {
	*began = time.Now()
	<-from
}

func sending(n int) waiting {
	all := channels(n)
	return waiting{
		reason: "chan send", function: "main.send", n: n,
		wait: func(i int, began *time.Time) { send(all[i], began) },
		wake: func(i int) { <-all[i] },
	}
}

//go:noinline
func send(to chan int, began *time.Time) {
	*began = time.Now()
	to <- 1
}

func selecting(n int) waiting {
	all, never := channels(n), make(chan int)
	return waiting{
		reason: "select", function: "main.choose", n: n,
		wait: func(i int, began *time.Time) { choose(all[i], never, began) },
		wake: func(i int) { close(all[i]) },
	}
}

//go:noinline
func choose(from, never chan int, began *time.Time) {
	*began = time.Now()
	select {
	case <-from:
	case never <- 1:
	}
}

func locking(n int) waiting {
	all := make([]sync.Mutex, n)
	for i := range all {
		all[i].Lock()
	}
	return waiting{
		reason: "sync", function: "main.lock", n: n,
		wait: func(i int, began *time.Time) { lock(&all[i], began) },
		wake: func(i int) { all[i].Unlock() },
	}
}

//go:noinline
func lock(mutex *sync.Mutex, began *time.Time) {
	*began = time.Now()
	mutex.Lock()
	mutex.Unlock()
}

func reading(n int) waiting {
	all := make([]sync.RWMutex, n)
	for i := range all {
		all[i].Lock()
	}
	return waiting{
		reason: "sync", function: "main.lockToRead", n: n,
		wait: func(i int, began *time.Time) { lockToRead(&all[i], began) },
		wake: func(i int) { all[i].Unlock() },
	}
}

//go:noinline
func lockToRead(mutex *sync.RWMutex, began *time.Time) {
	*began = time.Now()
	mutex.RLock()
	mutex.RUnlock()
}

func joining(n int) waiting {
	all := make([]sync.WaitGroup, n)
	for i := range all {
		all[i].Add(1)
	}
	return waiting{
		reason: "sync", function: "main.join", n: n,
		wait: func(i int, began *time.Time) { join(&all[i], began) },
		wake: func(i int) { all[i].Done() },
	}
}

//go:noinline
func join(group *sync.WaitGroup, began *time.Time) {
	*began = time.Now()
	group.Wait()
}

// signalled goroutines have a condition of their own each: woken together they would wait for its lock too.
func signalled(n int) waiting {
	all := make([]*sync.Cond, n)
	for i := range all {
		all[i] = sync.NewCond(&sync.Mutex{})
	}
	return waiting{
		reason: "sync.(*Cond).Wait", function: "main.awaitSignal", n: n,
		wait: func(i int, began *time.Time) { awaitSignal(all[i], began) },
		wake: func(i int) { all[i].Signal() },
	}
}

//go:noinline
func awaitSignal(cond *sync.Cond, began *time.Time) {
	cond.L.Lock()
	*began = time.Now()
	cond.Wait()
	cond.L.Unlock()
}

func network(n int) waiting {
	here, there := connect(n)
	return waiting{
		reason: "network", function: "main.readConn", n: n, byRuntime: true,
		wait: func(i int, began *time.Time) { readConn(here[i], began) },
		wake: func(i int) {
			_, err := there[i].Write([]byte{1})
			check(err)
		},
	}
}

//go:noinline
func readConn(conn net.Conn, began *time.Time) {
	*began = time.Now()
	_, err := conn.Read(make([]byte, 1))
	check(err)
}

// connect makes connections to itself, and hands out both ends.
func connect(n int) (here, there []net.Conn) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	for i := 0; i < n; i++ {
		conn, err := net.Dial("tcp", listener.Addr().String())
		check(err)
		there = append(there, conn)
		conn, err = listener.Accept()
		check(err)
		here = append(here, conn)
	}
	check(listener.Close())
	return here, there
}
