//go:build cgo && callbacks

package main

// void goHold(int);
// static void hold(int n) { goHold(n); }
import "C"

import (
	"sync"

	"example.org/services/service"
)

var (
	belowCallback, inCallback = declared("open"), declared("open")
	callbacks                 sync.Map
)

func init() { kinds["callback"] = holdInCallback }

// holdInCallback parks in a Go function that C called: its stack holds two pieces of Go with C between them.
func holdInCallback(h holding) {
	belowCallback.here(service.Below(1))
	defer belowCallback.ran()
	n := belowCallback.pending.Add(1)
	callbacks.Store(n, h)
	C.hold(C.int(n))
}

//export goHold
func goHold(n C.int) {
	h, _ := callbacks.LoadAndDelete(int64(n))
	inCallback.here(service.Below(1))
	defer inCallback.ran()
	inCallback.pending.Add(1)
	h.(holding).park()
}
