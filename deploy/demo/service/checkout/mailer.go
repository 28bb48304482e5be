// Package checkout takes orders and confirms them by mail. It holds the demo's goroutine leak, a common one: a
// worker answers on an unbuffered channel, and the caller that timed out no longer listens.
package checkout

import (
	"context"
	"sync/atomic"
	"time"

	"example.org/demo/site"
)

// Order is what a customer ordered, reduced to what the demo needs.
type Order struct {
	Number          int64
	MailServerTakes time.Duration
}

// Mailer sends confirmations. The zero value is ready to use.
type Mailer struct {
	blocked atomic.Int64
	leak    atomic.Pointer[site.Site]
}

// Confirm mails the customer and waits for the mail to be sent, or for ctx to end.
func (m *Mailer) Confirm(ctx context.Context, order Order) error {
	sent := make(chan error) // the bug: with room for one answer nothing would leak
	go m.deliver(order, sent)
	select {
	case err := <-sent:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// deliver talks to the mail server and reports the result.
func (m *Mailer) deliver(order Order, sent chan<- error) {
	time.Sleep(order.MailServerTakes)
	m.blocked.Add(1)
	m.leak.CompareAndSwap(nil, site.Below(1))
	sent <- nil // nobody listens once Confirm has given up: this goroutine stays for good
	m.blocked.Add(-1)
}

// Blocked counts the goroutines that wait in deliver's send. A healthy one is counted for some microseconds.
func (m *Mailer) Blocked() int64 { return m.blocked.Load() }

// Leak is where they wait; nil before the first one.
func (m *Mailer) Leak() *site.Site { return m.leak.Load() }
