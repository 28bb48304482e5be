package main

import (
	"encoding/json"
	"os"
	"runtime"
	"runtime/trace"
	"sync"
	"time"
)

// window is one trace, and what the program says of it. Times are by the program's own clock.
type window struct {
	File string `json:"file"`
	// The trace was on for at least and at most so long.
	AtLeastNs int64 `json:"at_least_ns"`
	AtMostNs  int64 `json:"at_most_ns"`
	// Goroutines by the function they started with: before the trace began, created in it, before it ended. Those
	// created are the program's own.
	AtStart map[string]int `json:"at_start"`
	Created map[string]int `json:"created"`
	Alive   map[string]int `json:"alive"`
	// The most goroutines at one time; 0 where that is not known.
	Max int `json:"max"`
	// Goroutines created by a function.
	Births []birth `json:"births"`
	// Waits by the function that waits.
	Waits []wait `json:"waits"`
	// System calls by the function that calls.
	Calls []span `json:"calls"`
	// Time on a processor, by the function a goroutine started with.
	Running []span `json:"running"`
	// From being created to running, all of the program's goroutines together.
	CreatedNs int64 `json:"created_ns"`
	// How often a goroutine yielded; nothing where the runtime itself may do so.
	Yielded *int `json:"yielded"`
	// Groups of goroutines to which nothing happened.
	Suspects []suspects `json:"suspects"`
	// Stops of the world by what for.
	Stops []span `json:"stops"`
	// Collections of garbage.
	Collections int            `json:"collections"`
	Tasks       annotations    `json:"tasks"`
	Regions     annotations    `json:"regions"`
	Logs        map[string]int `json:"logs"`
	// Events by kind.
	Events map[string]int `json:"events"`

	file   *os.File
	before time.Time
	after  time.Time
	lock   sync.Mutex
}

type birth struct {
	Site     string `json:"site"`
	Function string `json:"function"`
	Created  int    `json:"created"`
}

type span struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
	Ns    int64  `json:"ns"`
}

type wait struct {
	Reason   string `json:"reason"`
	Function string `json:"function"`
	Count    int    `json:"count"`
	Open     int    `json:"open"`
	Ns       int64  `json:"ns"`
	// The function that ended them; empty where the runtime did.
	WokenBy string `json:"woken_by"`
}

type suspects struct {
	Reason   string `json:"reason"`
	Function string `json:"function"`
	Count    int    `json:"count"`
}

// annotation is all regions, or all tasks, of one name.
type annotation struct {
	Name        string `json:"name"`
	Begun       int    `json:"begun"`
	Ended       int    `json:"ended"`
	Open        int    `json:"open"`
	BegunBefore int    `json:"begun_before"`
	Abandoned   int    `json:"abandoned"`
	Ns          int64  `json:"ns"`
}

type annotations []*annotation

// of is the annotation with a name, which is added.
func (all *annotations) of(name string) *annotation {
	for _, one := range *all {
		if one.Name == name {
			return one
		}
	}
	one := &annotation{Name: name}
	*all = append(*all, one)
	return one
}

// begin starts a trace.
func begin(path string) *window {
	file, err := os.Create(path)
	check(err)
	w := &window{File: path, file: file, Logs: map[string]int{}, Events: map[string]int{}, Created: map[string]int{}}
	w.Suspects = append(w.Suspects, leaked...)
	w.AtStart = population()
	dumps = 0
	w.before = time.Now()
	check(trace.Start(file))
	w.after = time.Now()
	current = w
	return w
}

// end stops it. What is open counts until now.
func (w *window) end() {
	w.Alive = population()
	w.Stops = append(w.Stops, span{"all goroutines stack trace", dumps, 0})
	before := time.Now()
	trace.Stop()
	after := time.Now()
	w.AtLeastNs, w.AtMostNs = before.Sub(w.after).Nanoseconds(), after.Sub(w.before).Nanoseconds()
	for _, open := range opened {
		open.into.Ns += before.Sub(open.since).Nanoseconds()
	}
	for i := range w.Waits {
		for _, since := range sinceOf[w.Waits[i].Function] {
			w.Waits[i].Ns += before.Sub(since).Nanoseconds()
		}
	}
	opened, sinceOf = nil, map[string][]time.Time{}
	current = nil
	check(w.file.Close())
}

// The window under way.
var current *window

// What is open at its end: annotations, and waits by function.
var (
	opened []struct {
		into  *annotation
		since time.Time
	}
	sinceOf = map[string][]time.Time{}
)

// started is the first thing every goroutine says; made is the time of the go statement.
func started(made time.Time) {
	late := time.Since(made)
	caller, _, _, _ := runtime.Caller(1)
	function := runtime.FuncForPC(caller).Name()
	w := current
	if w == nil {
		return
	}
	// The lock is never held for long, and never by who sleeps: whoever waits here would be one more wait, but not one
	// that is counted.
	w.lock.Lock()
	w.CreatedNs += late.Nanoseconds()
	w.Created[function]++
	w.lock.Unlock()
}

func write(path string, windows []*window) error {
	text, err := json.MarshalIndent(windows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
