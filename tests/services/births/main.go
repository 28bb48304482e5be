// Goroutines that come and go in known proportions: each turn starts nine that end soon, each holding an annotated defer
// meanwhile, and one that waits for ever. /truth says what belongs to a turn, where those wait that stay, and how many
// there are by now.
package main

import (
	"context"
	"runtime/trace"
	"sync/atomic"
	"time"

	"example.org/services/service"
)

const (
	every    = 20 * time.Millisecond
	ending   = 9
	staysMax = 5000 // then no turn comes any more
)

var (
	never   = make(chan int)
	staying atomic.Int64
	place   atomic.Pointer[service.Site]
)

func main() {
	start := func() error {
		go turns()
		return nil
	}
	service.Serve(start, func() any {
		return map[string]any{
			"per_turn": map[string]int{"main.ends": ending, "main.stays": 1},
			"stays":    place.Load(),
			"staying":  staying.Load(),
		}
	})
}

func turns() {
	for staying.Load() < staysMax {
		for n := 0; n < ending; n++ {
			go ends()
		}
		go stays()
		time.Sleep(every)
	}
}

func ends() {
	defer trace.StartRegion(context.Background(), "defer:release").End()
	time.Sleep(time.Millisecond)
}

func stays() {
	staying.Add(1)
	place.Store(service.Below(1))
	<-never
}
