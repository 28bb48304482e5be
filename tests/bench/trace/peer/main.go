// Go's own trace reader, to be compared with: it is compiled from a copy of the package inside Go's installation.
//
//	peer lines FILE           one line an event
//	peer time MILLIS FILE     nanoseconds of CPU time to read it, the best of as many as fit
//	peer once FILE            peak memory of reading it once, in KiB
//	peer convert TESTDATA OUT the traces that Go tests its reader with, as binary files with what is expected of each
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"example.org/peer/trace"
	"example.org/peer/trace/raw"
)

func main() {
	switch args := os.Args[2:]; os.Args[1] {
	case "lines":
		w := bufio.NewWriterSize(os.Stdout, 1<<20)
		err := read(args[0], func(e trace.Event) { trace.Line(w, e) })
		if err != nil {
			fmt.Fprintln(w, "error")
			fmt.Fprintln(os.Stderr, strings.SplitN(err.Error(), "\n", 2)[0])
		}
		check(w.Flush())
	case "time":
		millis, err := strconv.Atoi(args[0])
		check(err)
		best := int64(0)
		for end := time.Now().Add(time.Duration(millis) * time.Millisecond); best == 0 || time.Now().Before(end); {
			start := cpu()
			check(read(args[1], func(trace.Event) {}))
			if used := cpu() - start; best == 0 || used < best {
				best = used
			}
		}
		fmt.Println(best)
	case "once":
		check(read(args[0], func(trace.Event) {}))
		status, err := os.ReadFile("/proc/self/status")
		check(err)
		fmt.Println(regexp.MustCompile(`VmHWM:\s*(\d+)`).FindStringSubmatch(string(status))[1])
	case "convert":
		convert(args[0], args[1])
	}
}

func read(file string, each func(trace.Event)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := trace.NewReader(f)
	if err != nil {
		return err
	}
	for {
		e, err := r.ReadEvent()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		each(e)
	}
}

func cpu() int64 {
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano()
}

func convert(testdata, out string) {
	tests, err := filepath.Glob(filepath.Join(testdata, "tests", "*.test"))
	check(err)
	for _, test := range tests {
		text, err := os.ReadFile(test)
		check(err)
		_, rest, ok := strings.Cut(string(text), "-- expect --\n")
		expect, lines, ok2 := strings.Cut(rest, "-- trace --\n")
		if !ok || !ok2 {
			panic(test + " is not of two files")
		}
		var binary bytes.Buffer
		r, err := raw.NewTextReader(strings.NewReader(lines))
		check(err)
		w, err := raw.NewWriter(&binary, r.Version())
		check(err)
		for {
			e, err := r.ReadEvent()
			if err == io.EOF {
				break
			}
			check(err)
			check(w.WriteEvent(e))
		}
		name := filepath.Join(out, strings.TrimSuffix(filepath.Base(test), ".test"))
		check(os.WriteFile(name+".trace", binary.Bytes(), 0o644))
		check(os.WriteFile(name+".expect", []byte(expect), 0o644))
	}
	seeds, err := filepath.Glob(filepath.Join(testdata, "fuzz", "*", "*"))
	check(err)
	for _, seed := range seeds {
		text, err := os.ReadFile(seed)
		check(err)
		_, quoted, _ := strings.Cut(string(text), "[]byte(")
		bytes, err := strconv.Unquote(strings.TrimSuffix(strings.TrimSpace(quoted), ")"))
		check(err)
		check(os.WriteFile(filepath.Join(out, "fuzz-"+filepath.Base(seed)+".trace"), []byte(bytes), 0o644))
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}
