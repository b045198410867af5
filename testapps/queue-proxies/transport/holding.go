// Package transport holds the transports in which the queue-proxies beside it differ from Serving's. It needs Go's own packages only.
package transport

import (
	"errors"
	"io"
	"net/http"
	"syscall"
	"time"
)

// Holding tries a request again while the app refuses the connection. A refused dial has sent nothing of the request.
type Holding struct {
	Next http.RoundTripper
	// Pause is the time from one attempt to the next one, Limit that of all of them together.
	Pause, Limit time.Duration
}

// RoundTrip implements http.RoundTripper. It answers with the last attempt, or with the context's error if the client is gone.
func (h Holding) RoundTrip(request *http.Request) (*http.Response, error) {
	until := time.Now().Add(h.Limit)
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
		response, err := h.Next.RoundTrip(attempt)
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
		case <-time.After(h.Pause):
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
