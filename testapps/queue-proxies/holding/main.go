// Queue-proxy that holds a request while the app refuses connections, instead of answering 502 at once.
//
// A refused dial has sent nothing of the request, so the same request can be tried again.
package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"syscall"
	"time"

	"knative.dev/serving/pkg/queue/sharedmain"
)

const (
	pause = 50 * time.Millisecond
	limit = 30 * time.Second
)

// holding tries a request again until the connection is not refused, the limit is over, or the client is gone.
type holding struct {
	next http.RoundTripper
}

func (h holding) RoundTrip(request *http.Request) (*http.Response, error) {
	until := time.Now().Add(limit)
	body := request.Body
	if body == http.NoBody {
		body = nil
	}
	for {
		attempt := request
		if body != nil {
			// A transport closes the body also when the dial failed; the next attempt still needs it.
			attempt = request.Clone(request.Context())
			attempt.Body = keptOpen{body}
		}
		response, err := h.next.RoundTrip(attempt)
		if err == nil || !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(until) {
			if err != nil && body != nil {
				body.Close()
			}
			return response, err
		}
		select {
		case <-request.Context().Done():
			if body != nil {
				body.Close()
			}
			return nil, request.Context().Err()
		case <-time.After(pause):
		}
	}
}

// keptOpen is the body of one attempt. Whoever received the request closes the body itself.
type keptOpen struct {
	io.Reader
}

func (keptOpen) Close() error {
	return nil
}

func main() {
	hold := func(defaults *sharedmain.Defaults) {
		defaults.Transport = holding{defaults.Transport}
	}
	if sharedmain.Main(hold) != nil {
		os.Exit(1)
	}
}
