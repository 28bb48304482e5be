// A small shop on loopback with two faults that no test of it would notice: orders whose mail is slow leave a
// goroutine behind, and the catalog import piles up deferred calls. All else is healthy and busy: a pool, a ticker,
// keep-alive clients, garbage. /truth tells the exact numbers from its own counters, so that whoever watches from
// outside can be checked. It refuses to run for ever: -for ends it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"example.org/demo/catalog"
	"example.org/demo/checkout"
)

const (
	orderTimeout    = 50 * time.Millisecond
	mailUsually     = 5 * time.Millisecond
	mailWhenSlow    = 150 * time.Millisecond
	slowOrdersEvery = 66 * time.Millisecond // 15 goroutines a second are left behind
	poolWorkers     = 8
	shoppers        = 4
	shopperPause    = 20 * time.Millisecond
	rowsPerBatch    = 400
	batchEvery      = 10 * time.Millisecond // 40,000 rows a second
	reportBytes     = 96 << 10              // about 18 MB of garbage a second with the shoppers above
	gcPercent       = 50                    // with that garbage, a collection every few seconds at full size
)

// shop is the service's state.
type shop struct {
	mailer   checkout.Mailer
	importer catalog.Importer
	jobs     chan int64
	orders   atomic.Int64
	served   atomic.Int64
	fed      atomic.Int64
	// gcAtHold is the number of finished collections when the pile stopped growing, plus one; 0 while it grows.
	gcAtHold atomic.Int64
}

func main() {
	listen := flag.String("listen", "127.0.0.1:6060", "loopback address to serve on; port 0 picks a free one")
	lifetime := flag.Duration("for", time.Hour, "end after this time")
	defers := flag.Int64("defers", 1_000_000, "deferred calls to pile up")
	leaks := flag.Int64("leaks", 20_000, "goroutines to leave behind at most")
	flag.Parse()
	log.SetFlags(log.Ltime | log.Lmsgprefix)
	log.SetPrefix("demo service: ")
	if err := run(*listen, *lifetime, *defers, *leaks); err != nil {
		log.Fatal(err)
	}
}

func run(listen string, lifetime time.Duration, defers, leaks int64) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	if !listener.Addr().(*net.TCPAddr).IP.IsLoopback() {
		return fmt.Errorf("%s is not a loopback address", listener.Addr())
	}
	debug.SetGCPercent(gcPercent)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, lifetime)
	defer cancel()

	s := &shop{jobs: make(chan int64, poolWorkers)}
	http.HandleFunc("/checkout", s.checkout)
	http.HandleFunc("/report", s.report)
	http.HandleFunc("/truth", s.truth)
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	log.Printf("listening on %s, built with %s, ends after %s", listener.Addr(), runtime.Version(), lifetime)

	base := "http://" + listener.Addr().String()
	for n := 0; n < poolWorkers; n++ {
		go s.work()
	}
	for n := 0; n < shoppers; n++ {
		go s.shopOften(ctx, base)
	}
	go s.orderSlowMail(ctx, base, leaks)
	feed := make(chan catalog.Row, rowsPerBatch)
	go s.importer.Import(feed)
	go s.feedCatalog(ctx, feed, defers)

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		log.Printf("ends: %s are over", lifetime)
	}
	return server.Close()
}

// checkout takes an order and waits for its mail, but not for long. `slow=1` makes the mail late.
func (s *shop) checkout(w http.ResponseWriter, r *http.Request) {
	order := checkout.Order{Number: s.orders.Add(1), MailServerTakes: mailUsually}
	if r.FormValue("slow") == "1" {
		order.MailServerTakes = mailWhenSlow
	}
	ctx, cancel := context.WithTimeout(r.Context(), orderTimeout)
	defer cancel()
	if err := s.mailer.Confirm(ctx, order); err != nil {
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintln(w, "order taken, the mail will follow")
		return
	}
	fmt.Fprintln(w, "order taken, mail sent")
}

// report is a healthy handler that makes garbage.
func (s *shop) report(w http.ResponseWriter, _ *http.Request) {
	page := make([]byte, reportBytes)
	for i := range page {
		page[i] = 'a' + byte(i%26)
	}
	s.served.Add(1)
	_, _ = w.Write(page)
}

// work is one of a fixed pool: it waits for jobs and never leaks.
func (s *shop) work() {
	for n := range s.jobs {
		s.served.Add(n)
	}
}

// shopOften is a customer with a keep-alive connection.
func (s *shop) shopOften(ctx context.Context, base string) {
	ticker := time.NewTicker(shopperPause)
	defer ticker.Stop()
	for n := int64(0); ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		path := "/report"
		if n%8 == 0 {
			path = "/checkout"
		}
		s.jobs <- 1
		get(ctx, base+path)
	}
}

// orderSlowMail orders with late mail at a steady pace until enough goroutines are left behind.
func (s *shop) orderSlowMail(ctx context.Context, base string, leaks int64) {
	ticker := time.NewTicker(slowOrdersEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s.mailer.Blocked() < leaks {
			get(ctx, base+"/checkout?slow=1")
		}
	}
}

// feedCatalog feeds rows in batches, then holds the feed open and silent.
func (s *shop) feedCatalog(ctx context.Context, feed chan<- catalog.Row, rows int64) {
	ticker := time.NewTicker(batchEvery)
	defer ticker.Stop()
	for s.fed.Load() < rows {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for n := 0; n < rowsPerBatch && s.fed.Load() < rows; n++ {
			feed <- catalog.Row{Number: s.fed.Add(1)}
		}
	}
	for s.importer.Pending() < rows && ctx.Err() == nil {
		time.Sleep(batchEvery)
	}
	s.gcAtHold.Store(collections() + 1)
	log.Printf("%d deferred calls are pending; the pile holds now", s.importer.Pending())
}

// truth tells the exact numbers.
func (s *shop) truth(w http.ResponseWriter, _ *http.Request) {
	sinceHold := int64(0)
	atHold := s.gcAtHold.Load()
	if atHold > 0 {
		sinceHold = collections() + 1 - atHold
	}
	truth := map[string]any{
		"go":                  runtime.Version(),
		"goroutines":          runtime.NumGoroutine(),
		"leaked_goroutines":   s.mailer.Blocked(),
		"leak_class":          "chan send",
		"leak_site":           s.mailer.Leak(),
		"pending_heap_defers": s.importer.Pending(),
		"defer_site":          s.importer.Pile(),
		"pile_held":           atHold > 0,
		"gc_since_held":       sinceHold,
		"requests_served":     s.served.Load(),
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(truth)
}

// collections counts finished garbage collections. It does not stop the world, unlike ReadMemStats.
func collections() int64 {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	return stats.NumGC
}

func get(ctx context.Context, url string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
}
