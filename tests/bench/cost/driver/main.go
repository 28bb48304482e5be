// Asks a URL at a fixed rate for a fixed time and tells how long answers took. An open loop: each request has its time,
// whether the one before was answered or not, and is measured from that time, so that a pause of the service is felt
// by all who came in it. It refuses to have more than inFlightMax requests open: what comes then counts as failed.
//
//	driver URL RATE_PER_SECOND SECONDS LATENCIES_FILE
//
// Prints `sent failed p50_us p99_us p999_us max_us`; all latencies go to the file, a line of microseconds each.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sort"
	"strconv"
	"sync"
	"time"
)

const (
	inFlightMax = 512
	timeout     = 30 * time.Second
	// whatever the arguments say.
	requestsMax = 10_000_000
)

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: driver URL RATE_PER_SECOND SECONDS LATENCIES_FILE")
	}
	rate, err1 := strconv.Atoi(os.Args[2])
	seconds, err2 := strconv.Atoi(os.Args[3])
	if err1 != nil || err2 != nil || rate < 1 || rate > 100_000 || seconds < 1 || rate*seconds > requestsMax {
		log.Fatal("RATE_PER_SECOND and SECONDS are whole numbers, together at most ten million requests")
	}
	if err := run(os.Args[1], rate, seconds, os.Args[4]); err != nil {
		log.Fatal(err)
	}
}

func run(url string, rate, seconds int, file string) error {
	client := &http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: inFlightMax},
	}
	total := rate * seconds
	micros := make([]int64, total) // 0 where a request failed
	open := make(chan struct{}, inFlightMax)
	var all sync.WaitGroup
	start := time.Now()
	for i := 0; i < total; i++ {
		due := start.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		select {
		case open <- struct{}{}:
		default:
			continue
		}
		all.Add(1)
		go func(i int, due time.Time) {
			defer all.Done()
			if ask(client, url) {
				micros[i] = max(1, time.Since(due).Microseconds())
			}
			<-open
		}(i, due)
	}
	all.Wait()
	return tell(micros, file)
}

func ask(client *http.Client, url string) bool {
	answer, err := client.Get(url)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err == nil && answer.StatusCode == http.StatusOK
}

func tell(micros []int64, file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer out.Close()
	lines := bufio.NewWriter(out)
	for _, m := range micros {
		fmt.Fprintln(lines, m)
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	sort.Slice(micros, func(a, b int) bool { return micros[a] < micros[b] })
	failed := sort.Search(len(micros), func(i int) bool { return micros[i] > 0 })
	answered := micros[failed:]
	if len(answered) == 0 {
		return fmt.Errorf("none of %d requests was answered", len(micros))
	}
	at := func(quantile float64) int64 { return answered[int(quantile*float64(len(answered)-1))] }
	fmt.Println(len(micros), failed, at(0.5), at(0.99), at(0.999), at(1))
	return nil
}
