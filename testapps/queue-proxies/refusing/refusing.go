// Package refusing makes queue-proxy refuse requests for some time after the app's port is open again.
package refusing

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"knative.dev/serving/pkg/queue/sharedmain"
)

const dialLimit = time.Second

// Transport answers with the error of a refused dial until the app's port has been open for the duration More.
//
// It begins with the first request that the app really refused. From then on each request asks for a connection, which is closed
// again; no request reaches the app before More is over.
type Transport struct {
	Next http.RoundTripper
	More time.Duration

	mu      sync.Mutex
	refused error
	openAt  time.Time
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := t.stillRefused(request); err != nil {
		if request.Body != nil {
			request.Body.Close()
		}
		return nil, err
	}
	response, err := t.Next.RoundTrip(request)
	if err != nil && errors.Is(err, syscall.ECONNREFUSED) {
		t.mu.Lock()
		t.refused, t.openAt = err, time.Time{}
		t.mu.Unlock()
	}
	return response, err
}

// stillRefused is the error that this request must fail with, nil if it may go to the app.
func (t *Transport) stillRefused(request *http.Request) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused == nil {
		return nil
	}
	connection, err := net.DialTimeout("tcp", request.URL.Host, dialLimit)
	switch {
	case err != nil && errors.Is(err, syscall.ECONNREFUSED):
		t.openAt = time.Time{}
		return err
	case err != nil:
		return nil // not a refusal: the app's own transport says what it is
	}
	connection.Close()
	if t.openAt.IsZero() {
		t.openAt = time.Now()
	}
	if time.Since(t.openAt) < t.More {
		return t.refused
	}
	t.refused = nil
	return nil
}

// Main is queue-proxy with this transport.
func Main(more time.Duration) {
	refuse := func(defaults *sharedmain.Defaults) {
		defaults.Transport = &Transport{Next: defaults.Transport, More: more}
	}
	if sharedmain.Main(refuse) != nil {
		os.Exit(1)
	}
}
