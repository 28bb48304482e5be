package main

import (
	"sync"
	"syscall"
	"time"

	"example.org/services/service"
)

// holding is what a goroutine that holds defers is told: how many, whom to tell that they stand, how long to hold.
type holding struct {
	n        int
	standing *sync.WaitGroup
	until    <-chan struct{}
}

func (h holding) park() {
	h.standing.Done()
	<-h.until
}

// kinds by their names; range.go and callback.go add theirs.
var kinds = map[string]func(holding){
	"heap":      holdHeap,
	"stack":     holdStack,
	"open":      holdOpen,
	"generic":   func(h holding) { holdGeneric(h, "text"); holdNothing() },
	"generics":  func(h holding) { holdGeneric(h, h.n) },
	"method":    func(h holding) { (&holder{h}).hold() },
	"closure":   holdClosure,
	"recursion": func(h holding) { recurse(h, h.n) },
	"panic":     holdInPanic,
	"syscall":   holdInSyscall,
	"return":    holdAtReturn,
	"stranded":  holdForEver,
}

func holdNothing() {}

var heapPile = declared("heap")

func holdHeap(h holding) {
	heapPile.here(service.Below(2))
	for i := 0; i < h.n; i++ {
		defer heapPile.ran()
		heapPile.pending.Add(1)
	}
	h.park()
}

var stackFirst, stackSecond, besideStack = declared("stack"), declared("stack"), declared("heap")

// holdStack has a defer in a loop, so that the compiler open-codes none.
func holdStack(h holding) {
	stackFirst.here(service.Below(1))
	defer stackFirst.ran()
	stackFirst.pending.Add(1)
	besideStack.here(service.Below(2))
	for i := 1; i < h.n; i++ {
		defer besideStack.ran()
		besideStack.pending.Add(1)
	}
	stackSecond.here(service.Below(1))
	defer stackSecond.ran()
	stackSecond.pending.Add(1)
	h.park()
}

var openAlways, openSometimes, openLast = declared("open"), declared("open"), declared("open")

func holdOpen(h holding) {
	openAlways.here(service.Below(1))
	defer openAlways.ran()
	openAlways.pending.Add(1)
	openSometimes.here(service.Below(2))
	if h.n%2 == 1 {
		defer openSometimes.ran()
		openSometimes.pending.Add(1)
	}
	openLast.here(service.Below(1))
	defer openLast.ran()
	openLast.pending.Add(1)
	h.park()
}

var generic = declared("open")

func holdGeneric[T any](h holding, with T) {
	generic.here(service.Below(1))
	defer func(T) { generic.ran() }(with)
	generic.pending.Add(1)
	h.park()
}

type holder struct{ holding }

var method = declared("open")

func (h *holder) hold() {
	method.here(service.Below(1))
	defer h.ran()
	method.pending.Add(1)
	h.park()
}

func (h *holder) ran() { method.ran() }

var closure = declared("heap")

func holdClosure(h holding) {
	func() {
		closure.here(service.Below(2))
		for i := 0; i < h.n; i++ {
			defer func() { closure.pending.Add(-int64(i - i + 1)) }()
			closure.pending.Add(1)
		}
		h.park()
	}()
}

var recursion = declared("open")

func recurse(h holding, deep int) {
	recursion.here(service.Below(1))
	defer recursion.ran()
	recursion.pending.Add(1)
	if deep <= 1 {
		h.park()
		return
	}
	recurse(h, deep-1)
}

var belowPanic, onHeapBelowPanic = declared("open"), declared("heap")

// holdInPanic parks in a deferred call that a panic runs; those that are to run behind it are pending.
func holdInPanic(h holding) {
	belowPanic.here(service.Below(1))
	defer belowPanic.ran()
	belowPanic.pending.Add(1)
	panics(h)
}

func panics(h holding) {
	defer func() { _ = recover() }()
	onHeapBelowPanic.here(service.Below(2))
	for i := 0; i < h.n; i++ {
		defer onHeapBelowPanic.ran()
		onHeapBelowPanic.pending.Add(1)
	}
	defer h.park()
	panic("this one is expected")
}

var belowReturn = declared("heap")

// holdAtReturn parks in a deferred call that its own return runs; those of the loop are to run behind it.
func holdAtReturn(h holding) {
	belowReturn.here(service.Below(2))
	for i := 0; i < h.n; i++ {
		defer belowReturn.ran()
		belowReturn.pending.Add(1)
	}
	defer h.park()
}

var stranded = declared("open")

// holdForEver waits for what nobody can send: no /release ends it.
func holdForEver(h holding) {
	stranded.here(service.Below(1))
	defer stranded.ran()
	stranded.pending.Add(1)
	h.standing.Done()
	switch h.n % 3 {
	case 0:
		select {}
	case 1:
		var never chan int
		never <- 1
	default:
		var never chan int
		<-never
	}
}

var inSyscall = declared("open")

// holdInSyscall holds its thread in a system call that the poller knows nothing of.
func holdInSyscall(h holding) {
	var pipe [2]int
	if err := syscall.Pipe(pipe[:]); err != nil {
		panic(err)
	}
	inSyscall.here(service.Below(1))
	defer inSyscall.ran()
	inSyscall.pending.Add(1)
	go func() {
		<-h.until
		_ = syscall.Close(pipe[1])
	}()
	h.standing.Done()
	_, _ = syscall.Read(pipe[0], make([]byte, 1))
	_ = syscall.Close(pipe[0])
}

var pushed = declared("heap")

const (
	paceEvery  = time.Millisecond
	spinChecks = 64
)

func pushOn(perSecond, base, seconds int64, spin bool, standing chan<- struct{}, until <-chan struct{}) {
	pushed.here(service.Below(3))
	started, stands := time.Now(), false
	for n, due := int64(0), base; ; n++ {
		defer pushed.ran()
		pushed.pending.Add(1)
		for checks := 0; n+1 >= due; checks++ {
			if !stands {
				stands, started = true, time.Now()
				standing <- struct{}{}
			}
			elapsed := time.Since(started)
			if elapsed > time.Duration(seconds)*time.Second {
				<-until
				return
			}
			due = base + int64(elapsed.Seconds()*float64(perSecond))
			if checks%spinChecks == 0 {
				select {
				case <-until:
					return
				default:
				}
			}
			if !spin && n+1 >= due {
				time.Sleep(paceEvery)
			}
		}
	}
}

func comeAnew(n int, end time.Time, until <-chan struct{}) {
	for time.Now().Before(end) {
		select {
		case <-until:
			return
		default:
		}
		over := make(chan struct{})
		go func() {
			pushAndRun(n)
			close(over)
		}()
		<-over
	}
}

// pushAndRun is churn: nobody asks how many of its defers are pending.
func pushAndRun(n int) {
	for i := 0; i < n; i++ {
		defer holdNothing()
		if i%8 == 7 {
			time.Sleep(20 * time.Microsecond)
		}
	}
}
