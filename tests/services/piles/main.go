// Pending defers of every kind in exactly known numbers, for whoever counts them in this process's memory. All by
// request; every goroutine stays until /release:
//
//	/pile?kind=heap&n=1000000&g=1   g goroutines of that kind (piles.go lists them), n defers each where a kind takes n
//	/push?per_second=1000&base=0&how=sleep&seconds=60
//	                                a goroutine that never leaves its loop: base defers at once, then more at that
//	                                pace, at most for so long; how=spin never sleeps in between
//	/churn?g=16&n=64&seconds=60     goroutines that push n defers, run them, end, and come anew
//	/garbage?seconds=60             garbage, so that collections happen: a heap profile shows what the last one saw
//	/release                        everything that stands runs its defers
//	/exec                           the process runs its program anew: same PID, same start, other memory
//	/work                           a little work, for latencies
//	/truth                          what is pending, by statement
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"example.org/services/service"
)

const (
	defersMax     = 20_000_000
	goroutinesMax = 500_000
	secondsMax    = 600
	answerWithin  = 100 * time.Millisecond
	garbageEvery  = 20 * time.Millisecond
	garbageBytes  = 1 << 20 // 50 MB a second
)

// A statement is one defer statement of this program, and how many of its calls are pending.
type statement struct {
	kind    string
	site    atomic.Pointer[service.Site]
	pending atomic.Int64
}

var (
	statements []*statement
	release    = make(chan chan struct{}, 1)
)

// a statement of this kind; only while the program is initialised.
func declared(kind string) *statement {
	s := &statement{kind: kind}
	statements = append(statements, s)
	return s
}

// here notes where the statement stands: so many lines below the call.
func (s *statement) here(site *service.Site) {
	if s.site.Load() == nil {
		s.site.Store(site)
	}
}

func (s *statement) ran() { s.pending.Add(-1) }

func main() {
	release <- make(chan struct{})
	http.HandleFunc("/pile", pile)
	http.HandleFunc("/push", push)
	http.HandleFunc("/churn", churn)
	http.HandleFunc("/garbage", garbage)
	http.HandleFunc("/exec", exec)
	http.HandleFunc("/work", work)
	http.HandleFunc("/release", func(http.ResponseWriter, *http.Request) {
		until := <-release
		close(until)
		release <- make(chan struct{})
	})
	service.Serve(func() error { return nil }, truth)
}

func truth() any {
	type row struct {
		*service.Site
		Kind    string `json:"kind"`
		Pending int64  `json:"pending"`
	}
	rows := []row{}
	for _, s := range statements {
		if site := s.site.Load(); site != nil {
			rows = append(rows, row{site, s.kind, s.pending.Load()})
		}
	}
	return map[string]any{
		"pid":         os.Getpid(),
		"go":          runtime.Version(),
		"goroutines":  runtime.NumGoroutine(),
		"statements":  rows,
		"names_asked": service.NamesAsked.Load(),
		"collections": collections(),
	}
}

// until is closed by the next /release.
func until() <-chan struct{} {
	now := <-release
	release <- now
	return now
}

func refuse(w http.ResponseWriter, format string, words ...any) {
	http.Error(w, fmt.Sprintf(format, words...), http.StatusBadRequest)
}

// pile answers when everything stands.
func pile(w http.ResponseWriter, r *http.Request) {
	n, g := number(r, "n", 1), number(r, "g", 1)
	if n*g > defersMax || g > goroutinesMax {
		refuse(w, "at most %d defers and %d goroutines", defersMax, goroutinesMax)
		return
	}
	hold, known := kinds[r.FormValue("kind")]
	if !known {
		refuse(w, "an unknown kind")
		return
	}
	standing := new(sync.WaitGroup)
	standing.Add(int(g))
	for i := int64(0); i < g; i++ {
		go hold(holding{int(n), standing, until()})
	}
	standing.Wait()
}

func push(w http.ResponseWriter, r *http.Request) {
	perSecond, base, seconds := number(r, "per_second", 1000), number(r, "base", 0), number(r, "seconds", 60)
	if seconds > secondsMax || base+perSecond*seconds > defersMax {
		refuse(w, "at most %d defers in %d seconds", defersMax, secondsMax)
		return
	}
	standing := make(chan struct{})
	go pushOn(perSecond, base, seconds, r.FormValue("how") == "spin", standing, until())
	<-standing
}

func churn(w http.ResponseWriter, r *http.Request) {
	g, n, seconds := number(r, "g", 16), number(r, "n", 64), number(r, "seconds", 60)
	if seconds > secondsMax || n*g > defersMax {
		refuse(w, "at most %d defers and %d seconds", defersMax, secondsMax)
		return
	}
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	for i := int64(0); i < g; i++ {
		go comeAnew(int(n), end, until())
	}
}

var sink []byte

// garbage answers at once.
func garbage(w http.ResponseWriter, r *http.Request) {
	seconds := number(r, "seconds", 60)
	if seconds > secondsMax {
		refuse(w, "at most %d seconds", secondsMax)
		return
	}
	go func() {
		for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); {
			sink = make([]byte, garbageBytes)
			time.Sleep(garbageEvery)
		}
	}()
}

func collections() int64 {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	return stats.NumGC
}

// exec answers first.
func exec(w http.ResponseWriter, _ *http.Request) {
	program, err := os.Executable()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	time.AfterFunc(answerWithin, func() { panic(syscall.Exec(program, os.Args, os.Environ())) })
}

var marshalled atomic.Int64

func work(w http.ResponseWriter, _ *http.Request) {
	text, err := json.Marshal(truth())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	marshalled.Add(int64(len(text)))
}

func number(r *http.Request, name string, otherwise int64) int64 {
	n, err := strconv.ParseInt(r.FormValue(name), 10, 64)
	if err != nil || n < 0 {
		return otherwise
	}
	return n
}
