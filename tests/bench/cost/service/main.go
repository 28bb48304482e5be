// A service whose goroutine count is chosen, to see what watching it costs: -goroutines of them parked on 200 distinct
// stacks of 26 frames, and /work, which does what a small request does. It logs each request of /debug/pprof/ with its
// time and bytes, so that who watched it can be told from its own side, and tells its CPU time at /self. It refuses
// any address that is not loopback, and to run for ever: -for ends it.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof" // what is watched
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	stacks = 200
	// turns are the calls of left and right on each stack: 26 frames with the runtime's four.
	turns = 22
	// turnsApart of them tell 200 paths apart.
	turnsApart = 8
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "loopback address to serve on; port 0 picks a free one")
	goroutines := flag.Int("goroutines", 1000, "goroutines to park")
	lifetime := flag.Duration("for", time.Hour, "end after this time")
	flag.Parse()
	if err := run(*listen, *goroutines, *lifetime); err != nil {
		log.Fatal(err)
	}
}

func run(listen string, goroutines int, lifetime time.Duration) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return fmt.Errorf("%s is not a loopback address", listener.Addr())
	}
	park(goroutines)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, lifetime)
	defer cancel()
	http.HandleFunc("/work", work)
	http.HandleFunc("/self", self)
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: logged(http.DefaultServeMux)}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Printf("listening on %s\n", listener.Addr())
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return server.Close()
	}
}

// never is not closed: who waits for it waits for ever.
var never = make(chan struct{})

// park starts count goroutines and returns when all of them wait.
func park(count int) {
	var parked sync.WaitGroup
	parked.Add(count)
	for n := 0; n < count; n++ {
		go left(turns-1, n%stacks, &parked)
	}
	parked.Wait()
}

// left and right call one another by the bits of path, so that each path is a stack of its own.
//
//go:noinline
func left(turns, path int, parked *sync.WaitGroup) {
	if turns == 0 {
		parked.Done()
		<-never
	}
	if path>>(turns%turnsApart)&1 == 0 {
		left(turns-1, path, parked)
	} else {
		right(turns-1, path, parked)
	}
}

//go:noinline
func right(turns, path int, parked *sync.WaitGroup) {
	if turns == 0 {
		parked.Done()
		<-never
	}
	if path>>(turns%turnsApart)&1 == 0 {
		left(turns-1, path, parked)
	} else {
		right(turns-1, path, parked)
	}
}

// work hashes and encodes a few kilobytes: some tens of microseconds and some garbage.
func work(w http.ResponseWriter, _ *http.Request) {
	body := []byte(strings.Repeat("what a small request does ", 100))
	sums := make([]string, 16)
	for i := range sums {
		sum := sha256.Sum256(body)
		sums[i] = fmt.Sprintf("%x", sum)
		body[0]++
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(sums)
}

// self tells the CPU time of the whole process so far, in microseconds, and how many goroutines there are.
func self(w http.ResponseWriter, _ *http.Request) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	micros := func(t syscall.Timeval) int64 { return int64(t.Sec)*1_000_000 + int64(t.Usec) }
	fmt.Fprintf(w, "%d %d\n", micros(usage.Utime)+micros(usage.Stime), runtime.NumGoroutine())
}

// counted counts the bytes of an answer.
type counted struct {
	http.ResponseWriter
	bytes int
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.bytes += n
	return n, err
}

// logged prints `request START_MS PATH MILLISECONDS BYTES` for each request of /debug/pprof/.
func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/debug/pprof") {
			next.ServeHTTP(w, r)
			return
		}
		began := time.Now()
		c := &counted{ResponseWriter: w}
		next.ServeHTTP(c, r)
		path := r.URL.Path
		if query := r.URL.RawQuery; query != "" {
			if len(query) > 60 {
				query = query[:60] + "..." // addresses to be named
			}
			path += "?" + query
		}
		fmt.Printf("request %d %s %.1f %d\n", began.UnixMilli(), path, time.Since(began).Seconds()*1000, c.bytes)
	})
}
