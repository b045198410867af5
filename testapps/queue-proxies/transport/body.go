package transport

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
)

// body is a request's body over several attempts; whole is nil if the request has none.
type body struct {
	whole io.ReadCloser
	// ahead is all of it, once it was read while the request was held.
	ahead []byte
	last  *attempt
}

func bodyOf(request *http.Request) *body {
	if request.Body == http.NoBody {
		return &body{}
	}
	return &body{whole: request.Body}
}

// send makes one attempt. It closes the body after the last one, as http.RoundTripper must.
func (b *body) send(next http.RoundTripper, request *http.Request) (*http.Response, error) {
	if b.whole == nil {
		return next.RoundTrip(request)
	}
	b.last = &attempt{from: b.whole, whole: b.whole}
	if b.ahead != nil {
		b.last.from = bytes.NewReader(b.ahead)
	}
	one := request.WithContext(request.Context()) // a copy, whose header is shared
	one.Body = b.last
	response, err := next.RoundTrip(one)
	if !b.again(err) {
		b.last.close()
	}
	return response, err
}

// again says whether the attempt that failed with err sent nothing and left the body whole.
func (b *body) again(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) && (b.last == nil || !b.last.read.Load())
}

// end closes the body, and returns err.
func (b *body) end(err error) error {
	if b.whole != nil {
		b.whole.Close()
	}
	return err
}

// readAhead reads a short body of HTTP/1 into memory.
//
// Go's server notices that an HTTP/1 client is gone only once the request's body has been read. Without this, a POST whose client
// gave up would be held to the limit, and be sent to the app in the end. A body of unknown or larger size is left alone, and so is
// one whose client waits for 100 Continue, which reading would send. HTTP/2 needs none of this: a stream ends by a frame of its own.
// A client that sends its body slowly is waited for here, as the app would wait for it.
func (b *body) readAhead(request *http.Request, most int64) error {
	if b.whole == nil || request.ProtoMajor != 1 || request.Header.Get("Expect") != "" {
		return nil
	}
	if request.ContentLength <= 0 || request.ContentLength > most {
		return nil
	}
	ahead := make([]byte, request.ContentLength)
	if _, err := io.ReadFull(b.whole, ahead); err != nil {
		return err
	}
	b.ahead = ahead
	return nil
}

// attempt is the body as one attempt has it: a transport closes it also when the dial failed, and the next attempt still needs it.
type attempt struct {
	from  io.Reader
	whole io.Closer
	read  atomic.Bool

	mu sync.Mutex
	// closed: the transport closed it. final: there is no further attempt.
	closed, final bool
}

func (a *attempt) Read(into []byte) (int, error) {
	a.read.Store(true)
	return a.from.Read(into)
}

func (a *attempt) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.final {
		return a.whole.Close()
	}
	return nil
}

// close makes the transport's Close, before or after this, that of the whole body.
func (a *attempt) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.final = true
	if a.closed {
		a.whole.Close()
	}
}
