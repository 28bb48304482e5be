package main

import (
	"net"
	"sync"
	"time"
)

// Groups of goroutines that wait for ever, and that no later trace sees move.
var leaked []suspects

// The other ends of connections that are waited for: collected, they would be closed.
var kept []net.Conn

// leak starts them, before any trace.
func leak() {
	never, full, also := make(chan int), make(chan int), make(chan int)
	var mutex sync.Mutex
	mutex.Lock()
	cond := sync.NewCond(&sync.Mutex{})
	var group sync.WaitGroup
	group.Add(1)
	here, there := connect(4)
	kept = there
	for _, each := range []struct {
		suspects
		start func(i int)
	}{
		{suspects{"chan receive", "main.leakReceive", 30}, func(int) { go leakReceive(never) }},
		{suspects{"chan send", "main.leakSend", 20}, func(int) { go leakSend(full) }},
		{suspects{"select", "main.leakSelect", 25}, func(int) { go leakSelect(never, also) }},
		{suspects{"forever", "main.leakForever", 5}, func(int) { go leakForever() }},
		{suspects{"sync", "main.leakLock", 10}, func(int) { go leakLock(&mutex) }},
		{suspects{"sync", "main.leakJoin", 2}, func(int) { go leakJoin(&group) }},
		{suspects{"sync.(*Cond).Wait", "main.leakAwait", 15}, func(int) { go leakAwait(cond) }},
		{suspects{"network", "main.leakRead", 4}, func(i int) { go leakRead(here[i]) }},
		{suspects{"sleep", "main.leakSleep", 3}, func(int) { go leakSleep() }},
	} {
		for i := 0; i < each.Count; i++ {
			each.start(i)
		}
		settle(each.Function, each.Count)
		leaked = append(leaked, each.suspects)
	}
}

func leakReceive(from chan int) { <-from }

func leakSend(to chan int) { to <- 1 }

func leakSelect(a, b chan int) {
	select {
	case <-a:
	case v := <-b:
		b <- v + 1
	}
}

func leakForever() { select {} }

func leakLock(mutex *sync.Mutex) {
	mutex.Lock()
	mutex.Unlock()
}

func leakJoin(group *sync.WaitGroup) { group.Wait() }

func leakAwait(cond *sync.Cond) {
	cond.L.Lock()
	cond.Wait()
}

func leakRead(from interface{ Read([]byte) (int, error) }) { from.Read(make([]byte, 1)) }

func leakSleep() { time.Sleep(time.Hour) }

// leakLater starts some while the trace is on: they are open waits of this one and suspects of the next.
func leakLater(w *window, n int) {
	never, began := make(chan int), make([]time.Time, n)
	for i := 0; i < n; i++ {
		go leakedLater(time.Now(), never, &began[i])
	}
	settle("main.leakedLater", n)
	w.Waits = append(w.Waits, wait{Reason: "chan receive", Function: "main.leakedLater", Open: n})
	w.Births = append(w.Births, birth{"main.leakLater", "main.leakedLater", n})
	sinceOf["main.leakedLater"] = began
	leaked = append(leaked, suspects{"chan receive", "main.leakedLater", n})
	pause(hold)
}

func leakedLater(made time.Time, from chan int, began *time.Time) {
	started(made)
	*began = time.Now()
	<-from
}
