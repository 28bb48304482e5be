// Goroutines parked in every wait class a profile can show, in known numbers, each class at functions of its own.
// /truth lists them: class -> [{function, file, line, count}]. The counts are primes, so that a sum that mixes two
// classes matches none. Nothing here ever moves again: a flat set that no verdict may call a leak.
package main

import (
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"example.org/services/service"
)

// planted is one function's share of the truth.
type planted struct {
	*service.Site
	Count int `json:"count"`
}

// classes is filled before the service listens and only read afterwards.
var classes = map[string][]planted{}

// plant parks count goroutines of one function in one class. Each park says where it is about to block.
func plant(class string, count int, park func(at chan<- *service.Site)) {
	at := make(chan *service.Site, count)
	for n := 0; n < count; n++ {
		go park(at)
	}
	var site *service.Site
	for n := 0; n < count; n++ {
		site = <-at
	}
	classes[class] = append(classes[class], planted{Site: site, Count: count})
}

func main() {
	service.Serve(plantAll, func() any { return map[string]any{"classes": classes} })
}

func plantAll() error {
	plant("chan send", 3, sendToNobody)
	plant("chan send", 5, sendToNil)
	plant("chan receive", 7, receiveFromNobody)
	plant("chan receive", 11, receiveWithOk)
	plant("chan receive", 13, receiveFromNil)
	plant("select", 17, chooseOfTwo)
	plant("select", 19, chooseOfNone)
	plant("mutex", 23, lockHeld)
	plant("rwmutex", 29, readWhileWritten)
	plant("rwmutex", 31, writeWhileRead)
	plant("waitgroup", 37, waitForGroup)
	plant("cond", 41, waitForSignal)
	plant("sleep", 43, sleepLong)
	if err := plantSockets(47); err != nil {
		return err
	}
	return plantPipes(2) // each holds a thread
}

func sendToNobody(at chan<- *service.Site) {
	nobody := make(chan int)
	at <- service.Below(1)
	nobody <- 1
}

func sendToNil(at chan<- *service.Site) {
	var never chan int
	at <- service.Below(1)
	never <- 1
}

func receiveFromNobody(at chan<- *service.Site) {
	nobody := make(chan int)
	at <- service.Below(1)
	<-nobody
}

func receiveWithOk(at chan<- *service.Site) {
	nobody := make(chan int)
	at <- service.Below(1)
	_, ok := <-nobody
	fmt.Println("received", ok)
}

func receiveFromNil(at chan<- *service.Site) {
	var never chan int
	at <- service.Below(1)
	<-never
}

func chooseOfTwo(at chan<- *service.Site) {
	one, two := make(chan int), make(chan int)
	at <- service.Below(1)
	select {
	case <-one:
	case two <- 1:
	}
}

func chooseOfNone(at chan<- *service.Site) {
	at <- service.Below(1)
	select {}
}

var heldMutex sync.Mutex

func init() { heldMutex.Lock() }

func lockHeld(at chan<- *service.Site) {
	at <- service.Below(1)
	heldMutex.Lock()
}

var writtenMutex sync.RWMutex

func init() { writtenMutex.Lock() }

func readWhileWritten(at chan<- *service.Site) {
	at <- service.Below(1)
	writtenMutex.RLock()
}

// writeWhileRead takes a lock of its own: a second writer of the same lock would wait in its inner mutex.
func writeWhileRead(at chan<- *service.Site) {
	var read sync.RWMutex
	read.RLock()
	at <- service.Below(1)
	read.Lock()
}

func waitForGroup(at chan<- *service.Site) {
	var group sync.WaitGroup
	group.Add(1)
	at <- service.Below(1)
	group.Wait()
}

func waitForSignal(at chan<- *service.Site) {
	signal := sync.NewCond(&sync.Mutex{})
	signal.L.Lock()
	at <- service.Below(1)
	signal.Wait()
}

func sleepLong(at chan<- *service.Site) {
	at <- service.Below(1)
	time.Sleep(24 * time.Hour)
}

// plantSockets parks readers of connections to which nobody writes.
func plantSockets(count int) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	connections := make(chan net.Conn, count)
	for n := 0; n < count; n++ {
		ours, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			return err
		}
		theirs, err := listener.Accept()
		if err != nil {
			return err
		}
		kept = append(kept, theirs)
		connections <- ours
	}
	plant("io", count, func(at chan<- *service.Site) { readSocket(<-connections, at) })
	return nil
}

// kept holds the silent ends, so that no finalizer closes them.
var kept []net.Conn

func readSocket(c net.Conn, at chan<- *service.Site) {
	var buffer [1]byte
	at <- service.Below(1)
	_, _ = c.Read(buffer[:])
}

// plantPipes parks readers in the system call itself, past the runtime's poller.
func plantPipes(count int) error {
	var pipe [2]int
	if err := syscall.Pipe(pipe[:]); err != nil {
		return err
	}
	plant("syscall", count, func(at chan<- *service.Site) { readPipe(pipe[0], at) })
	return nil
}

func readPipe(fd int, at chan<- *service.Site) {
	var buffer [1]byte
	at <- service.Below(1)
	_, _ = syscall.Read(fd, buffer[:])
}
