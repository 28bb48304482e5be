// The Go side of ../run, the counterpart of proto/examples/decode_bench.rs: same arguments, same output, same loops.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"example.org/peer/profile"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: peer MILLIS|once FILE")
	}
	body := read(os.Args[2])
	if os.Args[1] == "once" {
		parseFor(body, 0)
		_, after, _ := strings.Cut(string(read("/proc/self/status")), "VmHWM:")
		line, _, _ := strings.Cut(after, "\n")
		fmt.Println(strings.TrimSuffix(strings.TrimSpace(line), " kB"))
		return
	}
	millis, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	length := time.Duration(millis) * time.Millisecond
	parseFor(body, length)
	before := cpuNs()
	parses := parseFor(body, length)
	fmt.Println((cpuNs() - before) / parses)
}

func parseFor(body []byte, length time.Duration) (parses int64) {
	for start := time.Now(); parses == 0 || time.Since(start) < length; parses++ {
		if _, err := profile.ParseData(body); err != nil {
			log.Fatal(err)
		}
	}
	return parses
}

func cpuNs() (sum int64) {
	threads, _ := filepath.Glob("/proc/self/task/*/schedstat")
	for _, thread := range threads {
		ns, err := strconv.ParseInt(strings.Fields(string(read(thread)))[0], 10, 64)
		if err != nil {
			log.Fatal(err)
		}
		sum += ns
	}
	return sum
}

func read(file string) []byte {
	bytes, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	return bytes
}
