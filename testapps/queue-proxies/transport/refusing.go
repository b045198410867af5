package transport

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

const dialLimit = time.Second

// Refusing answers with the error of a refused dial until the app's port has been open for the duration More.
//
// It begins with the first request that the app really refused. From then on each request asks for a connection, which is closed
// again; no request reaches the app before More is over.
type Refusing struct {
	Next http.RoundTripper
	More time.Duration

	mu      sync.Mutex
	refused error
	openAt  time.Time
}

// RoundTrip implements http.RoundTripper.
func (r *Refusing) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := r.stillRefused(request.URL.Host); err != nil {
		if request.Body != nil {
			request.Body.Close()
		}
		return nil, err
	}
	response, err := r.Next.RoundTrip(request)
	if err != nil && errors.Is(err, syscall.ECONNREFUSED) {
		r.mu.Lock()
		r.refused, r.openAt = err, time.Time{}
		r.mu.Unlock()
	}
	return response, err
}

// stillRefused is the error that a request to this address must fail with, nil if it may go to the app.
func (r *Refusing) stillRefused(address string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused == nil {
		return nil
	}
	connection, err := net.DialTimeout("tcp", address, dialLimit)
	switch {
	case err != nil && errors.Is(err, syscall.ECONNREFUSED):
		r.openAt = time.Time{}
		return err
	case err != nil:
		return nil // not a refusal: the app's own transport says what it is
	}
	connection.Close()
	if r.openAt.IsZero() {
		r.openAt = time.Now()
	}
	if time.Since(r.openAt) < r.More {
		return r.refused
	}
	r.refused = nil
	return nil
}
