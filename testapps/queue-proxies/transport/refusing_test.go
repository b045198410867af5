package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// counting counts the attempts, and calls each before it goes on.
type counting struct {
	next     http.RoundTripper
	attempts int
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.attempts++
	return c.next.RoundTrip(r)
}

func TestRefusingGoesOnForTheTimeAsked(t *testing.T) {
	app := newApp(t)
	const more = 100 * time.Millisecond
	next := &counting{next: &http.Transport{}}
	refusing := &Refusing{Next: next, More: more}
	for range 3 {
		if _, err := refusing.RoundTrip(post(t, context.Background(), app.url, text("body"))); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("got %v, want the refusal", err)
		}
	}
	opened := time.Now()
	app.open()
	for {
		response, err := refusing.RoundTrip(post(t, context.Background(), app.url, text("body")))
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
	app := newApp(t)
	app.open()
	refusing := &Refusing{Next: &http.Transport{}, More: time.Hour}
	response, err := refusing.RoundTrip(post(t, context.Background(), app.url, text("body")))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}
