// Piles of pending defers and defers that run, in known numbers, with garbage so that collections happen (a heap
// profile shows what the last finished collection saw). All by request:
//
//	/pile?n=100000&g=1   g more goroutines, each with n pending heap defers, parked until /release
//	/release             lets every pile run its defers
//	/leak?n=10           n more goroutines parked for good at a site of their own
//	/run?kind=heap&per_second=2000000&seconds=30&on_ms=0&off_ms=0
//	                     runs defers at that pace, if asked only for on_ms of each on_ms + off_ms; kinds heap, stack and
//	                     (since Go 1.23) range
//	/truth               counts by kind and site, and how many collections have finished since the last change
package main

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"example.org/services/service"
)

const (
	garbageEvery = 20 * time.Millisecond
	garbageBytes = 512 << 10 // 25 MB a second
	pilesMax     = 5_000_000
	paceEvery    = 5 * time.Millisecond
	owedMax      = 20 * time.Millisecond
	secondsMax   = 600
)

var (
	pending, leaked     atomic.Int64
	collectionsAtChange atomic.Int64
	pileSite, leakSite  atomic.Pointer[service.Site]
	release             = make(chan chan struct{}, 1)
)

// A runner runs some defers with each call.
type runner struct {
	perCall int64
	call    func()
	ran     atomic.Int64
}

// runners by their kinds; range.go adds its own.
var runners = map[string]*runner{
	"heap":  {perCall: 4, call: runFourOnHeap},
	"stack": {perCall: 9, call: runNineOnStack},
}

func main() {
	release <- make(chan struct{})
	http.HandleFunc("/pile", pile)
	http.HandleFunc("/release", releaseAll)
	http.HandleFunc("/leak", leak)
	http.HandleFunc("/run", run)
	service.Serve(func() error {
		go makeGarbage()
		return nil
	}, truth)
}

func truth() any {
	ran := map[string]int64{}
	for kind, runner := range runners {
		ran[kind] = runner.ran.Load()
	}
	return map[string]any{
		"pending":      map[string]any{"heap": pending.Load(), "site": pileSite.Load()},
		"leaked":       map[string]any{"count": leaked.Load(), "class": "chan receive", "site": leakSite.Load()},
		"ran":          ran,
		"gc_since":     collections() - collectionsAtChange.Load(),
		"gc_completed": collections(),
	}
}

// pile answers when the pile stands.
func pile(w http.ResponseWriter, r *http.Request) {
	n, g := number(r, "n", 100_000), number(r, "g", 1)
	if n*g > pilesMax {
		http.Error(w, fmt.Sprintf("at most %d defers", pilesMax), http.StatusBadRequest)
		return
	}
	until := <-release
	release <- until
	standing := make(chan struct{})
	for i := int64(0); i < g; i++ {
		go deferInLoop(n, standing, until)
	}
	for i := int64(0); i < g; i++ {
		<-standing
	}
	changed()
}

func deferInLoop(n int64, standing chan<- struct{}, until <-chan struct{}) {
	pileSite.Store(service.Below(2))
	for i := int64(0); i < n; i++ {
		defer closeOne()
		pending.Add(1)
	}
	standing <- struct{}{}
	<-until
}

func closeOne() { pending.Add(-1) }

func releaseAll(http.ResponseWriter, *http.Request) {
	until := <-release
	close(until)
	release <- make(chan struct{})
	changed()
}

func leak(_ http.ResponseWriter, r *http.Request) {
	parked := make(chan struct{})
	n := number(r, "n", 1)
	for i := int64(0); i < n; i++ {
		go waitForReply(parked)
	}
	for i := int64(0); i < n; i++ {
		<-parked
	}
}

func waitForReply(parked chan<- struct{}) {
	leaked.Add(1)
	reply := make(chan int)
	leakSite.Store(service.Below(2))
	parked <- struct{}{}
	<-reply
}

// run starts a runner and answers at once.
func run(w http.ResponseWriter, r *http.Request) {
	perSecond, seconds := number(r, "per_second", 1_000_000), number(r, "seconds", 10)
	if seconds > secondsMax {
		http.Error(w, fmt.Sprintf("at most %d seconds", secondsMax), http.StatusBadRequest)
		return
	}
	runner, known := runners[r.FormValue("kind")]
	if !known {
		http.Error(w, "an unknown kind", http.StatusBadRequest)
		return
	}
	on, off := number(r, "on_ms", 0), number(r, "off_ms", 0)
	go runner.atPace(perSecond, seconds, time.Duration(on)*time.Millisecond, time.Duration(off)*time.Millisecond)
}

// atPace calls the runner often enough for the asked pace while it is on; on and off take turns. What a busy machine gave
// no time for is not made up for.
func (r *runner) atPace(perSecond, seconds int64, on, off time.Duration) {
	started := time.Now()
	for last := started; last.Sub(started) < time.Duration(seconds)*time.Second; {
		now := time.Now()
		since := min(now.Sub(last), owedMax)
		last = now
		if on+off == 0 || now.Sub(started)%(on+off) < on {
			calls := int64(since.Seconds()*float64(perSecond)) / r.perCall
			for i := int64(0); i < calls; i++ {
				r.call()
			}
			r.ran.Add(calls * r.perCall)
		}
		time.Sleep(paceEvery)
	}
}

//go:noinline
func runFourOnHeap() {
	for i := 0; i < 4; i++ {
		defer nothing()
	}
}

// runNineOnStack has one defer more than the compiler would open-code.
//
//go:noinline
func runNineOnStack() {
	defer nothing()
	defer nothing()
	defer nothing()
	defer nothing()
	defer nothing()
	defer nothing()
	defer nothing()
	defer nothing()
	defer nothing()
}

//go:noinline
func nothing() {}

var sink []byte

func makeGarbage() {
	for range time.Tick(garbageEvery) {
		sink = make([]byte, garbageBytes)
	}
}

func changed() { collectionsAtChange.Store(collections()) }

func collections() int64 {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	return stats.NumGC
}

func number(r *http.Request, name string, otherwise int64) int64 {
	n, err := strconv.ParseInt(r.FormValue(name), 10, 64)
	if err != nil || n < 0 {
		return otherwise
	}
	return n
}
