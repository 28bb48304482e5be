// Programs to be traced: load KIND SECONDS FILE writes a trace of one of them, as /debug/pprof/trace would.
//
//	idle        nothing but a ticker
//	http        requests over loopback, each with a lock, a channel and a file
//	parked      100,000 goroutines that wait, in four ways, and a few that work
//	gc          allocation as fast as it goes
//	regions     regions, tasks and logs, deferred ones too
//	twice       the second trace of a process: its generations do not start at 1
//	switch      coroutines (Go 1.23; before, like regions)
//	steps       waiting of every kind, and goroutines that come and go
//	short       all of it for a moment, for recordings
//	profiled    steps, with a CPU profile at the same time
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"sync"
	"time"
)

func main() {
	kind := os.Args[1]
	seconds, err := strconv.ParseFloat(os.Args[2], 64)
	check(err)
	stop := make(chan struct{})
	var running sync.WaitGroup
	start := func(each func()) {
		running.Add(1)
		go func() {
			defer running.Done()
			for {
				select {
				case <-stop:
					return
				default:
					each()
				}
			}
		}()
	}
	switch kind {
	case "idle":
		start(func() { time.Sleep(50 * time.Millisecond) })
	case "http":
		requests(start)
	case "parked":
		park(25_000)
		start(steps)
	case "gc":
		for range procs() {
			start(allocate)
		}
	case "regions":
		for range procs() {
			start(regions)
		}
	case "switch":
		for range procs() {
			start(switches)
		}
	case "steps", "twice", "profiled":
		for range procs() {
			start(steps)
		}
	case "short":
		park(3)
		start(func() { steps(); regions(); switches(); time.Sleep(20 * time.Millisecond) })
	}
	if kind == "twice" {
		check(trace.Start(io.Discard))
		time.Sleep(100 * time.Millisecond)
		trace.Stop()
	}
	if kind == "profiled" {
		check(pprof.StartCPUProfile(io.Discard))
	}
	file, err := os.Create(os.Args[3])
	check(err)
	check(trace.Start(file))
	if kind == "short" {
		// Enough for a collection. runtime.GC itself would yield some ten thousand times while it waits for sweepers.
		for i := 0; i < 3; i++ {
			allocate()
		}
	}
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	trace.Stop()
	pprof.StopCPUProfile()
	check(file.Close())
	close(stop)
	running.Wait()
}

func procs() []struct{} { return make([]struct{}, runtime.GOMAXPROCS(0)*2) }

func requests(start func(func())) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	var lock sync.Mutex
	jobs := make(chan chan int)
	go func() {
		for reply := range jobs {
			reply <- 1
		}
	}()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lock.Lock()
		time.Sleep(10 * time.Microsecond)
		lock.Unlock()
		reply := make(chan int)
		jobs <- reply
		n := <-reply
		text, _ := os.ReadFile("/proc/self/stat")
		fmt.Fprintf(w, "%d %d", n, len(text))
	})
	go http.Serve(listener, handler)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	for i := 0; i < 16; i++ {
		start(func() {
			response, err := client.Get("http://" + listener.Addr().String())
			if err != nil {
				return
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		})
	}
}

var never, also = make(chan int), make(chan int)

func park(each int) {
	var lock sync.Mutex
	lock.Lock()
	cond := sync.NewCond(&sync.Mutex{})
	for i := 0; i < each; i++ {
		go func() { <-never }()
		go func() {
			select {
			case <-never:
			case <-also:
			}
		}()
		go func() { lock.Lock() }()
		go func() { cond.L.Lock(); cond.Wait() }()
	}
	time.Sleep(100 * time.Millisecond)
}

var sink [][]byte

func allocate() {
	var own [][]byte
	for i := 0; i < 1000; i++ {
		own = append(own, make([]byte, 4096))
	}
	sink = own
}

func regions() {
	ctx, task := trace.NewTask(context.Background(), "order")
	defer task.End()
	for i := 0; i < 20; i++ {
		trace.WithRegion(ctx, "outer", func() {
			defer trace.StartRegion(ctx, "defer:unlock").End()
			trace.Log(ctx, "step", "one of many")
		})
	}
	runtime.Gosched()
}

func steps() {
	values, done := make(chan int), make(chan bool)
	var lock sync.Mutex
	var group sync.WaitGroup
	go func() {
		for range values {
			lock.Lock()
			lock.Unlock()
		}
		done <- true
	}()
	for i := 0; i < 50; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			lock.Lock()
			defer lock.Unlock()
			if i%10 == 0 {
				time.Sleep(100 * time.Microsecond)
			}
		}(i)
		values <- i
	}
	group.Wait()
	close(values)
	<-done
	if i, err := os.Open("/dev/null"); err == nil {
		i.Close()
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}
