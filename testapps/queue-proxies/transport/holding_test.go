package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// patient holds for longer than any test takes, and tries again at once.
var patient = Limits{Pause: time.Millisecond, Longest: time.Hour, Most: 1000, Ahead: 64 << 10}

func isHeld(t *testing.T, holding *Holding, want int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d held requests", want), func() bool { return holding.Held() == want })
}

// Over the whole way: client, proxy, and an app that begins to listen while the request is held.

func TestAHeldRequestArrivesWhole(t *testing.T) {
	large := strings.Repeat("large ", 50_000)
	for name, one := range map[string]struct {
		method string
		body   string
		length bool
		h2c    bool
	}{
		"GET":                               {method: "GET"},
		"GET over h2c":                      {method: "GET", h2c: true},
		"POST":                              {method: "POST", body: "small", length: true},
		"POST, chunked":                     {method: "POST", body: "small"},
		"POST of more than is read ahead":   {method: "POST", body: large, length: true},
		"large POST, chunked":               {method: "POST", body: large},
		"POST over h2c":                     {method: "POST", body: "small", length: true, h2c: true},
		"large POST over h2c":               {method: "POST", body: large, h2c: true},
		"PUT with an empty body, by length": {method: "PUT", length: true},
	} {
		t.Run(name, func(t *testing.T) {
			app := newApp(t)
			holding := Hold(toApp(t), patient, nil)
			request := post(t, context.Background(), app.proxied(holding), nil)
			request.Method = one.method
			if one.body != "" {
				request.Body = io.NopCloser(strings.NewReader(one.body))
				request.ContentLength = -1
			}
			if one.length {
				request.ContentLength = int64(len(one.body))
			}
			client := overHTTP1(t)
			if one.h2c {
				client = overH2C(t)
			}
			answered := make(chan error, 1)
			go func() { answered <- echoed(client, request, one.method, one.body) }()
			isHeld(t, holding, 1)
			app.open()
			if err := <-answered; err != nil {
				t.Fatal(err)
			}
			isHeld(t, holding, 0)
			if app.requests.Load() != 1 {
				t.Fatalf("the app got %d requests, want 1", app.requests.Load())
			}
		})
	}
}

// echoed sends the request and says what is wrong with the answer.
func echoed(client http.RoundTripper, request *http.Request, method, body string) error {
	response, err := client.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK || response.Header.Get("Method") != method || string(got) != body {
		return fmt.Errorf("got %d for %s with %d bytes, want 200 for %s with %d", response.StatusCode, response.Header.Get("Method"), len(got), method, len(body))
	}
	if response.Trailer.Get("Grpc-Status") != "0" {
		return fmt.Errorf("got the trailers %v, want Grpc-Status 0", response.Trailer)
	}
	return nil
}

func TestAHeldStreamGoesBothWays(t *testing.T) {
	app := newApp(t)
	holding := Hold(toApp(t), patient, nil)
	reader, writer := io.Pipe()
	request := post(t, context.Background(), app.proxied(holding), reader)
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	client := overH2C(t)
	type answer struct {
		response *http.Response
		err      error
	}
	answered := make(chan answer, 1)
	go func() {
		response, err := client.RoundTrip(request)
		answered <- answer{response, err}
	}()
	writer.Write([]byte("while it is held;")) // returns when the client has taken it
	isHeld(t, holding, 1)
	app.open()
	got := <-answered
	if got.err != nil {
		t.Fatal(got.err)
	}
	defer got.response.Body.Close()
	expect := func(want string) {
		t.Helper()
		piece := make([]byte, len(want))
		if _, err := io.ReadFull(got.response.Body, piece); err != nil || string(piece) != want {
			t.Fatalf("got %q and %v, want %q", piece, err, want)
		}
	}
	expect("while it is held;")
	writer.Write([]byte("after it;"))
	expect("after it;")
	writer.Close()
	if rest, err := io.ReadAll(got.response.Body); err != nil || len(rest) > 0 || got.response.Trailer.Get("Grpc-Status") != "0" {
		t.Fatalf("got %q, %v and the trailers %v", rest, err, got.response.Trailer)
	}
}

func TestAClientThatExpects100ContinueIsNotAskedForItsBodyBeforeTheAppListens(t *testing.T) {
	app := newApp(t)
	holding := Hold(toApp(t), patient, nil)
	connection, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(app.proxied(holding), "http:"), "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprintf(connection, "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	isHeld(t, holding, 1)
	answers := bufio.NewReader(connection)
	first := make(chan string, 1)
	go func() {
		line, _ := answers.ReadString('\n')
		first <- line
	}()
	select {
	case line := <-first:
		t.Fatalf("got %q while the request was held", line)
	default:
	}
	listening := time.Now()
	app.open()
	if line := <-first; line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q %s after the app listened, want 100 Continue", line, time.Since(listening))
	}
	fmt.Fprint(connection, "body")
	if _, err := answers.ReadString('\n'); err != nil { // the empty line after 100 Continue
		t.Fatal(err)
	}
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, _ := io.ReadAll(response.Body); string(got) != "body" {
		t.Fatalf("got %s with %q, want 200 with \"body\"", response.Status, got)
	}
}

func TestTheHoldEndsWithItsClient(t *testing.T) {
	for name, one := range map[string]struct {
		body io.Reader
		h2c  bool
	}{
		"GET":           {},
		"POST":          {body: strings.NewReader("body")},
		"GET over h2c":  {h2c: true},
		"POST over h2c": {body: strings.NewReader("body"), h2c: true},
		"a stream":      {body: text("body"), h2c: true},
	} {
		t.Run(name, func(t *testing.T) {
			app := newApp(t)
			holding := Hold(toApp(t), patient, nil)
			proxy := app.proxied(holding)
			ctx, gone := context.WithCancel(context.Background())
			client := overHTTP1(t)
			if one.h2c {
				client = overH2C(t)
			}
			answered := make(chan error, 1)
			request := post(t, ctx, proxy, one.body)
			go func() {
				_, err := client.RoundTrip(request)
				answered <- err
			}()
			isHeld(t, holding, 1)
			gone()
			if err := <-answered; !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v, want the client's own end", err)
			}
			isHeld(t, holding, 0)
			app.open()
			if err := echoed(client, post(t, context.Background(), proxy, strings.NewReader("the next")), "POST", "the next"); err != nil {
				t.Fatal(err)
			}
			if app.requests.Load() != 1 {
				t.Fatalf("the app got %d requests, want only that of the client that waited", app.requests.Load())
			}
		})
	}
}

func TestARefusedDialReadsNothing(t *testing.T) {
	for name, next := range map[string]http.RoundTripper{"HTTP/1": overHTTP1(t), "h2c": overH2C(t)} {
		t.Run(name, func(t *testing.T) {
			body := &watched{Reader: strings.NewReader("body")}
			holding := Hold(next, Limits{Pause: time.Millisecond, Longest: 10 * time.Millisecond, Most: 1, Ahead: 0}, nil)
			_, err := holding.RoundTrip(post(t, context.Background(), newApp(t).url, body))
			if !errors.Is(err, syscall.ECONNREFUSED) || body.reads.Load() != 0 || body.closes.Load() == 0 {
				t.Fatalf("got %v, %d reads and %d closes, want a refusal, none, and the body closed", err, body.reads.Load(), body.closes.Load())
			}
		})
	}
}

// watched counts what happens to a body.
type watched struct {
	io.Reader
	reads, closes atomic.Int64
}

func (w *watched) Read(into []byte) (int, error) {
	w.reads.Add(1)
	return w.Reader.Read(into)
}

func (w *watched) Close() error {
	w.closes.Add(1)
	return nil
}

func TestHundredsOfHeldRequestsLeaveNothingBehind(t *testing.T) {
	const many = 200
	app := newApp(t)
	holding := Hold(toApp(t), patient, nil)
	proxy := app.proxied(holding)
	before := runtime.NumGoroutine()
	client := overHTTP1(t)
	var done sync.WaitGroup
	var failed atomic.Int64
	ctx, gone := context.WithCancel(context.Background())
	for number := range many {
		ofClient := context.Background()
		if number%2 == 0 {
			ofClient = ctx
		}
		request := post(t, ofClient, proxy, strings.NewReader("body"))
		done.Go(func() {
			if echoed(client, request, "POST", "body") != nil {
				failed.Add(1)
			}
		})
	}
	isHeld(t, holding, many)
	gone()
	isHeld(t, holding, many/2)
	app.open()
	done.Wait()
	if failed.Load() != many/2 || app.requests.Load() != many/2 {
		t.Fatalf("%d failed and the app got %d requests, want %d each", failed.Load(), app.requests.Load(), many/2)
	}
	client.CloseIdleConnections()
	holding.next.(byVersion).one.(*http.Transport).CloseIdleConnections()
	// The goroutine that accepts the app's connections stays, and connections end when their other side has noticed.
	eventually(t, "the end of all goroutines", func() bool { return runtime.NumGoroutine() <= before+1 })
}

// In a bubble with a clock of its own: the bounds, to the millisecond. A bubble whose goroutines do not end fails.

// refusing refuses, until it is opened.
type scripted struct {
	attempts atomic.Int64
	answer   func(number int64, request *http.Request) (*http.Response, error)
}

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	return s.answer(s.attempts.Add(1), r)
}

// closed is an app that refuses every dial.
func closed() *scripted {
	return &scripted{answer: func(int64, *http.Request) (*http.Response, error) { return nil, syscall.ECONNREFUSED }}
}

// dialled says that the request has a connection, as a transport does.
func dialled(r *http.Request) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
}

var bounded = Limits{Pause: 50 * time.Millisecond, Longest: 30 * time.Second, Most: 100, Ahead: 64 << 10}

func TestARequestIsHeldForThirtySecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := closed()
		holding := Hold(next, bounded, nil)
		began := time.Now()
		body := &watched{Reader: strings.NewReader("body")}
		_, err := holding.RoundTrip(post(t, t.Context(), "http://app/", body))
		took := time.Since(began)
		if !errors.Is(err, syscall.ECONNREFUSED) || took != bounded.Longest || holding.Held() != 0 || body.closes.Load() == 0 {
			t.Fatalf("got %v after %s with %d held and %d closes, want the refusal after 30 s", err, took, holding.Held(), body.closes.Load())
		}
		if got := next.attempts.Load(); got < 500 || got > 601 {
			t.Fatalf("%d attempts in 30 s, want one each 50 ms", got)
		}
	})
}

func TestAHundredRequestsAskNoMoreOftenThanOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := closed()
		holding := Hold(next, bounded, nil)
		var done sync.WaitGroup
		for range 100 {
			done.Go(func() { holding.RoundTrip(post(t, t.Context(), "http://app/", nil)) })
		}
		done.Wait()
		if got := next.attempts.Load(); got > 100+601 {
			t.Fatalf("%d attempts, want the first of each request and one each 50 ms", got)
		}
	})
}

func TestBeyondTheBoundARefusalIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := bounded
		limits.Most = 2
		holding := Hold(closed(), limits, nil)
		var done sync.WaitGroup
		for range 2 {
			done.Go(func() { holding.RoundTrip(post(t, t.Context(), "http://app/", nil)) })
		}
		synctest.Wait()
		began := time.Now()
		body := &watched{Reader: strings.NewReader("body")}
		if _, err := holding.RoundTrip(post(t, t.Context(), "http://app/", body)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("got %v, want the refusal", err)
		}
		if took := time.Since(began); took != 0 || holding.Held() != 2 || body.closes.Load() == 0 {
			t.Fatalf("answered after %s with %d held, want at once with 2", took, holding.Held())
		}
		done.Wait()
		began = time.Now()
		holding.RoundTrip(post(t, t.Context(), "http://app/", nil))
		if took := time.Since(began); took != limits.Longest {
			t.Fatalf("answered after %s, want 30 s: there is room again", took)
		}
	})
}

func TestNothingIsHeldWhileTheProcessEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ending := make(chan struct{})
		holding := Hold(closed(), bounded, ending)
		var done sync.WaitGroup
		began := time.Now()
		done.Go(func() { holding.RoundTrip(post(t, t.Context(), "http://app/", nil)) })
		synctest.Wait()
		close(ending)
		done.Wait()
		if _, err := holding.RoundTrip(post(t, t.Context(), "http://app/", nil)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("got %v, want the refusal", err)
		}
		if took := time.Since(began); took != 0 {
			t.Fatalf("answered after %s, want at once", took)
		}
	})
}

func TestAnotherRequestGoesOnAskingWhenTheOneThatAskedIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := closed()
		holding := Hold(next, bounded, nil)
		ctx, gone := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { holding.RoundTrip(post(t, ctx, "http://app/", nil)) })
		synctest.Wait()
		done.Go(func() { holding.RoundTrip(post(t, t.Context(), "http://app/", nil)) })
		synctest.Wait()
		gone()
		synctest.Wait()
		before := next.attempts.Load()
		time.Sleep(time.Second)
		if got := next.attempts.Load() - before; got < 19 {
			t.Fatalf("%d attempts in the next second, want 20", got)
		}
		done.Wait()
	})
}

func TestASlowAnswerKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Bool
		next := &scripted{answer: func(_ int64, r *http.Request) (*http.Response, error) {
			if !open.Load() {
				return nil, syscall.ECONNREFUSED
			}
			dialled(r)
			time.Sleep(10 * time.Second) // the app thinks
			return &http.Response{Body: http.NoBody}, nil
		}}
		holding := Hold(next, bounded, nil)
		began := time.Now()
		var done sync.WaitGroup
		for range 3 {
			done.Go(func() { holding.RoundTrip(post(t, t.Context(), "http://app/", nil)) })
		}
		synctest.Wait()
		open.Store(true)
		time.Sleep(bounded.Pause)
		synctest.Wait()
		if got := holding.Held(); got != 0 {
			t.Fatalf("%d held, want none: all of them have a connection", got)
		}
		done.Wait()
		if took := time.Since(began); took != bounded.Pause+10*time.Second {
			t.Fatalf("answered after %s, want one pause and the app's 10 s", took)
		}
	})
}

func TestAConnectionThatIsLostBeforeAnythingWasSentIsARefusalAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var holding *Holding
		next := &scripted{answer: func(number int64, r *http.Request) (*http.Response, error) {
			if number > 1 && number < 6 && holding.Held() != 1 {
				t.Errorf("%d held at attempt %d, want 1", holding.Held(), number)
			}
			switch {
			case number == 2: // a kept connection that turned out to be dead, and then a refused dial
				dialled(r)
				return nil, syscall.ECONNREFUSED
			case number < 5:
				return nil, syscall.ECONNREFUSED
			}
			return &http.Response{Body: http.NoBody}, nil
		}}
		holding = Hold(next, bounded, nil)
		for range 2 {
			if _, err := holding.RoundTrip(post(t, t.Context(), "http://app/", nil)); err != nil {
				t.Fatal(err)
			}
			if holding.Held() != 0 || len(holding.turn) != 0 {
				t.Fatalf("%d held and %d turns taken, want none", holding.Held(), len(holding.turn))
			}
		}
	})
}

func TestABodyThatWasReadIsNotSentAgain(t *testing.T) {
	for name, first := range map[string]int64{"by the first attempt": 1, "by an attempt while it was held": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				next := &scripted{answer: func(number int64, r *http.Request) (*http.Response, error) {
					if number == first {
						r.Body.Read(make([]byte, 1))
					}
					return nil, fmt.Errorf("a dial after a lost connection: %w", syscall.ECONNREFUSED)
				}}
				holding := Hold(next, bounded, nil)
				request := post(t, t.Context(), "http://app/", strings.NewReader("body"))
				if _, err := holding.RoundTrip(request); !errors.Is(err, syscall.ECONNREFUSED) || next.attempts.Load() != first {
					t.Fatalf("got %v after %d attempts, want the refusal after %d", err, next.attempts.Load(), first)
				}
			})
		})
	}
}

func TestAnotherFailureIsNotRepeated(t *testing.T) {
	for _, failure := range []error{io.ErrUnexpectedEOF, syscall.ECONNRESET, context.DeadlineExceeded} {
		next := &scripted{answer: func(int64, *http.Request) (*http.Response, error) { return nil, failure }}
		holding := Hold(next, patient, nil)
		_, err := holding.RoundTrip(post(t, context.Background(), "http://app/", text("body")))
		if !errors.Is(err, failure) || next.attempts.Load() != 1 {
			t.Fatalf("got %v after %d attempts, want %v after 1", err, next.attempts.Load(), failure)
		}
	}
}

func TestTheBodyIsClosedWhenItsTransportClosesIt(t *testing.T) {
	for _, early := range []bool{true, false} {
		var sent io.Closer
		next := &scripted{answer: func(number int64, r *http.Request) (*http.Response, error) {
			sent = r.Body
			if number == 1 {
				r.Body.Close()
				return nil, syscall.ECONNREFUSED
			}
			if early {
				r.Body.Close()
			}
			return &http.Response{Body: http.NoBody}, nil
		}}
		body := &watched{Reader: strings.NewReader("body")}
		if _, err := Hold(next, patient, nil).RoundTrip(post(t, context.Background(), "http://app/", body)); err != nil {
			t.Fatal(err)
		}
		if closed := body.closes.Load() > 0; closed != early {
			t.Fatalf("closed: %t when the answer came, want %t", closed, early)
		}
		sent.Close()
		if body.closes.Load() == 0 {
			t.Fatal("the transport closed the body after the answer, and it is not closed")
		}
	}
}
