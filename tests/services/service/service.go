// Package service is what the watched services share: a loopback listener or a unix socket with net/http/pprof, plain
// or guarded (door.go), a bounded life, and /truth. It refuses any address that is not loopback.
package service

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	_ "net/http/pprof" // what is watched
	"os"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// Site is a place in the source in the words a Go profile uses.
type Site struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

// Below is the place some lines below the call of Below.
func Below(lines int) *Site {
	pc, file, line, ok := runtime.Caller(1)
	if !ok {
		log.Fatal("the runtime does not know its caller")
	}
	return &Site{Function: runtime.FuncForPC(pc).Name(), File: file, Line: line + lines}
}

// NamesAsked is how many times somebody asked for the names of addresses.
var NamesAsked atomic.Int64

func counted(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/debug/pprof/symbol" {
			NamesAsked.Add(1)
		}
		handler.ServeHTTP(w, r)
	})
}

// Serve parses the flags, prints `listening on ADDRESS` once it listens, calls start, and returns when -for is over
// or a signal asks for it. truth is called for each request of /truth.
func Serve(start func() error, truth func() any) {
	listen := flag.String("listen", "127.0.0.1:0", "loopback address to serve on; port 0 picks a free one")
	lifetime := flag.Duration("for", 30*time.Minute, "end after this time")
	door := doorFlags()
	flag.Parse()
	if err := serve(*listen, *lifetime, door, start, truth); err != nil {
		log.Fatal(err)
	}
}

func serve(listen string, lifetime time.Duration, door *door, start func() error, truth func() any) error {
	listener, err := door.listen(listen)
	if err != nil {
		return err
	}
	if err := start(); err != nil {
		return err
	}
	http.HandleFunc("/truth", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(truth())
	})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, lifetime)
	defer cancel()
	server := &http.Server{
		Handler:           door.guarded(counted(http.DefaultServeMux)),
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      *door.writeTimeout,
	}
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
