package main

import (
	"context"
	"runtime/trace"
	"sync"
	"time"
)

// newTask begins a task that no context is needed of.
func newTask(name string) *trace.Task {
	_, task := trace.NewTask(context.Background(), name)
	return task
}

// annotate says of itself what it does: tasks, regions within regions, deferred ones, logs.
func annotate(w *window) {
	for i := 0; i < 5; i++ {
		before := time.Now()
		ctx, task := trace.NewTask(context.Background(), "order")
		for j := 0; j < 3; j++ {
			step(ctx, w)
		}
		task.End()
		told := w.Tasks.of("order")
		told.Begun, told.Ended, told.Ns = told.Begun+1, told.Ended+1, told.Ns+time.Since(before).Nanoseconds()
	}
	for i := 0; i < 2; i++ {
		newTask("never ended")
		told := w.Tasks.of("never ended")
		told.Begun, told.Open = told.Begun+1, told.Open+1
		open(told)
	}
	var group sync.WaitGroup
	for i := 0; i < 3; i++ {
		group.Add(1)
		go abandon(time.Now(), &group)
		told := w.Regions.of("abandoned")
		told.Begun, told.Abandoned = told.Begun+1, told.Abandoned+1
	}
	group.Wait()
}

// open counts an annotation until the end of the trace.
func open(told *annotation) {
	opened = append(opened, struct {
		into  *annotation
		since time.Time
	}{told, time.Now()})
}

func step(ctx context.Context, w *window) {
	before := time.Now()
	trace.WithRegion(ctx, "outer", func() {
		before := time.Now()
		inner(ctx, w)
		told := w.Regions.of("defer:inner")
		told.Begun, told.Ended, told.Ns = told.Begun+1, told.Ended+1, told.Ns+time.Since(before).Nanoseconds()
	})
	told := w.Regions.of("outer")
	told.Begun, told.Ended, told.Ns = told.Begun+1, told.Ended+1, told.Ns+time.Since(before).Nanoseconds()
}

func inner(ctx context.Context, w *window) {
	defer trace.StartRegion(ctx, "defer:inner").End()
	trace.Log(ctx, "step", "begun")
	trace.Logf(ctx, "", "%d", 1)
	pause(10 * time.Millisecond)
	trace.Log(ctx, "step", "done")
	w.Logs["step"] += 2
	w.Logs[""]++
}

func abandon(made time.Time, group *sync.WaitGroup) {
	started(made)
	defer group.Done()
	trace.StartRegion(context.Background(), "abandoned")
}

// leaveOpen begins a region that ends in the next trace.
func leaveOpen(w *window) *trace.Region {
	region := trace.StartRegion(context.Background(), "across")
	told := w.Regions.of("across")
	told.Begun, told.Open = 1, 1
	open(told)
	return region
}
