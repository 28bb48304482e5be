package main

import (
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
)

// spawn starts goroutines that end at once.
func spawn(w *window, n int) {
	var group sync.WaitGroup
	for i := 0; i < n; i++ {
		group.Add(1)
		go brief(time.Now(), &group)
		if i%50 == 49 {
			group.Wait()
		}
	}
	w.Births = append(w.Births, birth{"main.spawn", "main.brief", n})
}

func brief(made time.Time, group *sync.WaitGroup) {
	started(made)
	group.Done()
}

// crowd is the most goroutines there are at one time.
func crowd(w *window, n int) {
	release := make(chan int)
	var group sync.WaitGroup
	group.Add(n)
	for i := 0; i < n; i++ {
		go one(time.Now(), release, &group)
	}
	settle("main.one", n)
	for _, count := range population() {
		w.Max += count
	}
	close(release)
	group.Wait()
	w.Births = append(w.Births, birth{"main.crowd", "main.one", n})
}

func one(made time.Time, release chan int, group *sync.WaitGroup) {
	started(made)
	<-release
	group.Done()
}

// naps sleeps, and measures how long it was away.
func naps(w *window, n int) {
	told := wait{Reason: "sleep", Function: "main.nap", Count: n}
	for i := 0; i < n; i++ {
		told.Ns += nap(20 * time.Millisecond).Nanoseconds()
	}
	w.Waits = append(w.Waits, told)
}

//go:noinline
func nap(d time.Duration) time.Duration {
	before := time.Now()
	time.Sleep(d)
	return time.Since(before)
}

// calls sits in system calls: some that wait for another goroutine, some that wait for time, many short ones.
func calls(w *window) {
	const n = 5
	var from, to [n]int
	for i := range from {
		var pipe [2]int
		check(syscall.Pipe(pipe[:]))
		from[i], to[i] = pipe[0], pipe[1]
	}
	pipes := waiting{
		function: "main.readPipe", n: n,
		wait: func(i int, began *time.Time) { readPipe(from[i], began) },
		wake: func(i int) {
			_, err := syscall.Write(to[i], []byte{1})
			check(err)
		},
	}.take()
	w.Calls = append(w.Calls, span{pipes.Function, n, pipes.Ns})

	asleep := span{"main.sleepInCall", 6, 0}
	for i := 0; i < asleep.Count; i++ {
		asleep.Ns += sleepInCall(15 * time.Millisecond).Nanoseconds()
	}
	w.Calls = append(w.Calls, asleep)

	zero, err := os.Open("/dev/zero")
	check(err)
	short := span{"main.readZero", 1000, 0}
	fd := int(zero.Fd())
	for i := 0; i < short.Count; i++ {
		short.Ns += readZero(fd).Nanoseconds()
	}
	w.Calls = append(w.Calls, short)
	check(zero.Close())
}

//go:noinline
func readPipe(fd int, began *time.Time) {
	*began = time.Now()
	_, err := syscall.Read(fd, make([]byte, 1))
	check(err)
}

//go:noinline
func sleepInCall(d time.Duration) time.Duration {
	spec := syscall.NsecToTimespec(d.Nanoseconds())
	before := time.Now()
	syscall.Nanosleep(&spec, nil)
	return time.Since(before)
}

//go:noinline
func readZero(fd int) time.Duration {
	var one [1]byte
	before := time.Now()
	_, err := syscall.Read(fd, one[:])
	spent := time.Since(before)
	check(err)
	return spent
}

// spins keeps a processor busy for a while, again and again; never so long that the scheduler would step in.
func spins(w *window, rounds int) {
	done := make(chan time.Duration)
	go spin(time.Now(), rounds, done)
	w.Running = append(w.Running, span{"main.spin", rounds, (<-done).Nanoseconds()})
}

func spin(made time.Time, rounds int, done chan time.Duration) {
	started(made)
	var spent time.Duration
	for i := 0; i < rounds; i++ {
		before := time.Now()
		for time.Since(before) < 4*time.Millisecond {
		}
		spent += time.Since(before)
		pause(time.Millisecond)
	}
	done <- spent
}

// yields gives way, with nobody to give way to. Whoever starts the world again may give way too, once.
func yields(w *window, n int) {
	for i := 0; i < n; i++ {
		runtime.Gosched()
	}
	w.Yielded = &n
}

// starve lets new goroutines wait for a processor: there is one, and whoever makes them keeps it.
func starve(w *window, n int) {
	changeProcs(w, 1)
	var group sync.WaitGroup
	for i := 0; i < n; i++ {
		group.Add(1)
		go brief(time.Now(), &group)
		for made := time.Now(); time.Since(made) < 6*time.Millisecond; {
		}
		group.Wait()
	}
	w.Births = append(w.Births, birth{"main.starve", "main.brief", n})
	changeProcs(w, procs)
}

func changeProcs(w *window, n int) {
	before := time.Now()
	runtime.GOMAXPROCS(n)
	w.stopped("GOMAXPROCS", time.Since(before))
}

// stops stops the world, for several reasons.
func stops(w *window) {
	var stats runtime.MemStats
	for i := 0; i < 4; i++ {
		before := time.Now()
		runtime.ReadMemStats(&stats)
		w.stopped("read mem stats", time.Since(before))
	}
	for i := 0; i < 2; i++ {
		check(pprof.Lookup("goroutine").WriteTo(io.Discard, 0))
		// There is another stop, or more, for the profile itself; it is the release of Go that decides.
		w.stopped("goroutine profile cleanup", 0)
	}
}

func (w *window) stopped(kind string, d time.Duration) {
	for i := range w.Stops {
		if w.Stops[i].Name == kind {
			w.Stops[i].Count++
			w.Stops[i].Ns += d.Nanoseconds()
			return
		}
	}
	w.Stops = append(w.Stops, span{kind, 1, d.Nanoseconds()})
}

// Memory that is in use.
var held [][]byte

// collect collects garbage.
func collect(w *window, n int) {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	before := stats.NumGC
	for i := 0; i < n; i++ {
		held = nil
		for j := 0; j < 4000; j++ {
			held = append(held, make([]byte, 4096))
		}
		runtime.GC()
		w.stopped("GC sweep termination", 0)
		w.stopped("GC mark termination", 0)
	}
	debug.ReadGCStats(&stats)
	w.Collections = int(stats.NumGC - before)
}
