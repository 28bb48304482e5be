// Lies inside the copy of Go's own trace package: tells each event as one line, with what the package keeps to itself.
// The Rust side, proto/gotrace/examples/trace_bench.rs, writes the same lines.

package trace

import (
	"fmt"
	"io"

	"example.org/peer/trace/tracev2"
)

var letters = map[GoState]string{
	GoUndetermined: "U", GoNotExist: "N", GoRunnable: "R", GoRunning: "X", GoWaiting: "W", GoSyscall: "S",
}

// Line writes kind, thread, proc, goroutine, time, stack and what else the event says.
func Line(w io.Writer, e Event) {
	if e.base.typ == evSync {
		return
	}
	fmt.Fprintf(w, "%d %d %d %d %d ", e.base.typ, e.ctx.M, e.ctx.P, e.ctx.G, e.base.time)
	writeStack(w, e, e.Stack())
	a := e.base.args
	switch e.Kind() {
	case EventStateTransition:
		t := e.StateTransition()
		if t.Resource.Kind == ResourceGoroutine {
			from, to := t.Goroutine()
			fmt.Fprintf(w, " G%d %s>%s %q", t.Resource.Goroutine(), letters[from], letters[to], t.Reason)
			if from == GoNotExist && t.Stack.id != 0 {
				fmt.Fprint(w, " ")
				writeStack(w, e, t.Stack)
			}
		} else {
			fmt.Fprintf(w, " P%d", t.Resource.Proc())
		}
	case EventRangeBegin, EventRangeEnd, EventRangeActive:
		if e.base.typ == tracev2.EvSTWBegin || e.base.typ == tracev2.EvSTWEnd {
			fmt.Fprintf(w, " %q", e.table.strings.mustGet(stringID(a[0])))
		} else if e.base.typ == tracev2.EvGCSweepEnd {
			fmt.Fprintf(w, " %d %d", a[0], a[1])
		}
	case EventMetric:
		fmt.Fprintf(w, " %d", a[0])
	case EventLabel:
		fmt.Fprintf(w, " %q", e.Label().Label)
	case EventTaskBegin, EventTaskEnd:
		fmt.Fprintf(w, " T%d %q", e.Task().ID, e.Task().Type)
	case EventRegionBegin, EventRegionEnd:
		fmt.Fprintf(w, " T%d %q", e.Region().Task, e.Region().Type)
	case EventLog:
		fmt.Fprintf(w, " T%d %q %q", e.Log().Task, e.Log().Category, e.Log().Message)
	}
	fmt.Fprintln(w)
}

// The addresses of a stack as one number, and how many there are.
func writeStack(w io.Writer, e Event, s Stack) {
	if s == NoStack {
		fmt.Fprint(w, "-")
		return
	}
	found, _ := e.table.stacks.get(s.id)
	hash := uint64(0xcbf29ce484222325)
	for _, pc := range found.pcs {
		hash = (hash ^ pc) * 0x100000001b3
	}
	fmt.Fprintf(w, "%d:%x", len(found.pcs), hash)
}
