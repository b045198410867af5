// Package transport holds the transports in which the queue-proxies beside it differ from Serving's. It needs Go's own packages only.
package transport

import (
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what is held.
type Limits struct {
	// Pause is the time between two attempts while the app refuses, whatever the number of held requests.
	Pause time.Duration
	// Longest is how long one request is held.
	Longest time.Duration
	// Most is how many requests are held at once. A further one is answered as without Holding.
	Most int64
	// Ahead is the largest body that is read while its request is held, so that the end of its client is noticed: see body.readAhead.
	Ahead int64
}

// Holding holds a request while the app refuses the connection, instead of failing it at once.
//
// A refused dial has sent nothing of the request and read nothing of its body, so a request of any method is safe to send again. A
// request whose body was read is not sent again, whatever the error says.
//
// One of the held requests tries again after each pause. When it has a connection, all others try too. So the app's port sees
// 1/Pause attempts a second from all held requests together, beside the first attempt of each new request. No goroutine is started.
type Holding struct {
	next   http.RoundTripper
	limits Limits
	ending <-chan struct{}

	held atomic.Int64
	// turn is taken by the held request that tries again.
	turn chan struct{}

	mu sync.Mutex
	// opened is closed when that request has a connection.
	opened chan struct{}
}

// Hold wraps next. ending is closed when the process is told to end: the app's container does not return then, and nothing is held.
func Hold(next http.RoundTripper, limits Limits, ending <-chan struct{}) *Holding {
	return &Holding{next: next, limits: limits, ending: ending, turn: make(chan struct{}, 1), opened: make(chan struct{})}
}

// Held is the number of requests that are held now.
func (h *Holding) Held() int64 {
	return h.held.Load()
}

// RoundTrip implements http.RoundTripper. It answers with the last attempt, or with the context's error if the client is gone.
func (h *Holding) RoundTrip(request *http.Request) (*http.Response, error) {
	body := bodyOf(request)
	response, err := body.send(h.next, request)
	if !body.again(err) {
		return response, err
	}
	if h.held.Add(1) > h.limits.Most {
		h.held.Add(-1)
		return nil, body.end(err)
	}
	place := &place{of: h, held: true}
	defer place.leave()
	return h.hold(request, body, place, err)
}

// hold sends the request when the app accepts connections. refused: why it is held.
func (h *Holding) hold(request *http.Request, body *body, place *place, refused error) (*http.Response, error) {
	limit := time.NewTimer(h.limits.Longest)
	defer limit.Stop()
	if err := body.readAhead(request, h.limits.Ahead); err != nil {
		return nil, body.end(err)
	}
	opened := h.opening()
	for {
		turn, pause := h.turn, (<-chan time.Time)(nil)
		if place.hasTurn() {
			turn, pause = nil, time.After(h.limits.Pause)
		}
		select {
		case <-request.Context().Done():
			return nil, body.end(request.Context().Err())
		case <-limit.C:
			return nil, body.end(refused)
		case <-h.ending:
			return nil, body.end(refused)
		case turn <- struct{}{}:
			place.take()
			continue
		case <-opened:
		case <-pause:
		}
		// The answer may take long after the connection is there: until then neither the others nor the bound may wait for it.
		connected := func(httptrace.GotConnInfo) {
			h.open()
			place.leave()
		}
		traced := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{GotConn: connected})
		response, err := body.send(h.next, request.WithContext(traced))
		if !body.again(err) {
			return response, err
		}
		refused, opened = err, h.opening()
		place.enter()
	}
}

// opening is closed when a held request has a connection.
func (h *Holding) opening() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.opened
}

func (h *Holding) open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	close(h.opened)
	h.opened = make(chan struct{})
}

// place is that of one request among those that are held.
type place struct {
	of *Holding

	mu sync.Mutex
	// held: it counts. turn: it is the one that tries again after each pause.
	held, turn bool
}

// enter makes the request count again whose connection was lost before anything was sent.
func (p *place) enter() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.held {
		p.of.held.Add(1)
		p.held = true
	}
}

func (p *place) hasTurn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.turn
}

func (p *place) take() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.turn = true
}

func (p *place) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.turn {
		<-p.of.turn
	}
	if p.held {
		p.of.held.Add(-1)
	}
	p.held, p.turn = false, false
}
