package main

import (
	"encoding/json"
	"net/http"
	"runtime"
	"sync"
)

// planted is one kind of goroutine: its class, the function and line where it waits, and how many there are.
type planted struct {
	Class    string `json:"class"`
	Function string `json:"function"`
	Line     int    `json:"line"`
	Leaked   bool   `json:"leaked"` // nothing can wake it: Go 1.27 can prove that
	Count    int    `json:"count"`
}

// pile is a number of defers that have not run: the function and line of the statement.
type pile struct {
	Kind     string `json:"kind"`
	Function string `json:"function"`
	Line     int    `json:"line"`
	Count    int    `json:"count"`
}

var truth struct {
	sync.Mutex
	Go         string     `json:"go"`
	Goroutines []*planted `json:"goroutines"`
	Defers     []pile     `json:"defers"`
}

const leaked, reachable = true, false

// waits notes that the caller is about to wait in the next line.
func waits(class string, leaked bool) {
	function, line := caller()
	truth.Lock()
	defer truth.Unlock()
	for _, p := range truth.Goroutines {
		if p.Function == function {
			p.Count++
			return
		}
	}
	truth.Goroutines = append(truth.Goroutines, &planted{class, function, line + 1, leaked, 1})
}

// defers notes that the caller will run the defer statement two lines below so many times.
func defers(kind string, count int) {
	function, line := caller()
	truth.Lock()
	defer truth.Unlock()
	truth.Defers = append(truth.Defers, pile{kind, function, line + 2, count})
}

// caller is the function that called our caller.
func caller() (function string, line int) {
	pc, _, line, _ := runtime.Caller(2)
	return runtime.FuncForPC(pc).Name(), line
}

func serveTruth(w http.ResponseWriter, _ *http.Request) {
	truth.Lock()
	defer truth.Unlock()
	truth.Go = runtime.Version()
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.Encode(&truth)
}
