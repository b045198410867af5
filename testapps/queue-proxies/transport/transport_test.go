package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// closed is an address on this host that refuses connections, until open is called.
func closed(t *testing.T) (address string, open func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = listener.Addr().String()
	listener.Close()
	return address, func() {
		again, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
		server := &httptest.Server{Listener: again, Config: &http.Server{Handler: echo}}
		server.Start()
		t.Cleanup(server.Close)
	}
}

func request(t *testing.T, ctx context.Context, address, body string) *http.Request {
	t.Helper()
	made, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/", io.NopCloser(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	made.ContentLength = int64(len(body))
	return made
}

// counting counts the attempts, and calls each before it goes on.
type counting struct {
	next     http.RoundTripper
	attempts int
	each     func(int)
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.attempts++
	c.each(c.attempts)
	return c.next.RoundTrip(r)
}

func TestHeldRequestArrivesWhole(t *testing.T) {
	address, open := closed(t)
	next := &counting{next: &http.Transport{}, each: func(number int) {
		if number == 3 {
			open()
		}
	}}
	held := Holding{Next: next, Pause: time.Millisecond, Limit: time.Minute}
	response, err := held.RoundTrip(request(t, context.Background(), address, "body"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "body" || next.attempts != 3 {
		t.Fatalf("got %q after %d attempts, want \"body\" after 3", body, next.attempts)
	}
}

func TestRequestIsNotHeldForEver(t *testing.T) {
	address, _ := closed(t)
	held := Holding{Next: &http.Transport{}, Pause: time.Millisecond, Limit: 5 * time.Millisecond}
	if _, err := held.RoundTrip(request(t, context.Background(), address, "body")); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("got %v, want the refusal", err)
	}
}

func TestRequestOfAClientThatIsGoneEnds(t *testing.T) {
	address, _ := closed(t)
	ctx, cancel := context.WithCancel(context.Background())
	next := &counting{next: failing{syscall.ECONNREFUSED}, each: func(int) { cancel() }}
	held := Holding{Next: next, Pause: time.Hour, Limit: time.Hour}
	if _, err := held.RoundTrip(request(t, ctx, address, "body")); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want the context's error", err)
	}
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestAnotherFailureIsNotRepeated(t *testing.T) {
	next := &counting{next: failing{io.ErrUnexpectedEOF}, each: func(int) {}}
	held := Holding{Next: next, Pause: time.Millisecond, Limit: time.Minute}
	_, err := held.RoundTrip(request(t, context.Background(), "127.0.0.1:1", "body"))
	if !errors.Is(err, io.ErrUnexpectedEOF) || next.attempts != 1 {
		t.Fatalf("got %v after %d attempts, want the failure after 1", err, next.attempts)
	}
}

func TestRefusingGoesOnForTheTimeAsked(t *testing.T) {
	address, open := closed(t)
	const more = 100 * time.Millisecond
	next := &counting{next: &http.Transport{}, each: func(int) {}}
	refusing := &Refusing{Next: next, More: more}
	for range 3 {
		if _, err := refusing.RoundTrip(request(t, context.Background(), address, "body")); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("got %v, want the refusal", err)
		}
	}
	opened := time.Now()
	open()
	for {
		response, err := refusing.RoundTrip(request(t, context.Background(), address, "body"))
		if err == nil {
			response.Body.Close()
			break
		}
		var dial *net.OpError
		if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &dial) || dial.Op != "dial" {
			t.Fatalf("got %v, want a refused dial", err)
		}
	}
	if passed := time.Since(opened); passed < more || next.attempts != 2 {
		t.Fatalf("passed after %s with %d requests to the app, want at least %s and 2", passed, next.attempts, more)
	}
}

func TestRefusingLeavesAnAppAloneThatListens(t *testing.T) {
	address, open := closed(t)
	open()
	refusing := &Refusing{Next: &http.Transport{}, More: time.Hour}
	response, err := refusing.RoundTrip(request(t, context.Background(), address, "body"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}
