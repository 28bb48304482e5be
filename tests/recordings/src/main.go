// A service whose goroutines and pending defers are known, so that what its debug pages say can be checked.
//
// It plants goroutines of every wait class, piles of heap defers, labels and contention, prints its address and then
// serves net/http/pprof, /truth (what was planted) and /load?seconds=N (work worth a CPU profile).
// Standard library only, and nothing newer than Go 1.21.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"runtime"
	"strconv"
	"time"
)

func main() {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}

	plantChannels()
	plantLocks()
	plantOutside(listener.Addr().String())
	plantOddities()
	plantDefers()
	contend(200 * time.Millisecond)
	// Since when a goroutine waits is set by a collection, and in-use values are as of the last finished one.
	time.Sleep(200 * time.Millisecond)
	runtime.GC()
	runtime.GC()

	http.HandleFunc("/truth", serveTruth)
	http.HandleFunc("/load", func(_ http.ResponseWriter, r *http.Request) {
		seconds, _ := strconv.Atoi(r.FormValue("seconds"))
		load(time.Duration(seconds) * time.Second)
	})
	fmt.Println(listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

// start runs wait in so many goroutines.
func start(count int, wait func()) {
	for i := 0; i < count; i++ {
		go wait()
	}
}
