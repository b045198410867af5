package transport

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const patience = 20 * time.Second

// app is a program whose port refuses connections until open is called. It speaks HTTP/1 and h2c, sends back what it gets, over
// h2c as it gets it, and answers with a trailer.
type app struct {
	t        testing.TB
	url      string
	address  string
	requests atomic.Int64
}

func newApp(t testing.TB) *app {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	return &app{t: t, url: "http://" + address + "/", address: address}
}

func (a *app) open() {
	a.t.Helper()
	listener, err := net.Listen("tcp", a.address)
	if err != nil {
		a.t.Fatal(err)
	}
	serve(a.t, listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.requests.Add(1)
		var from io.Reader = r.Body
		if r.ProtoMajor == 1 { // Go's server takes no more of an HTTP/1 body once the answer has begun
			whole, _ := io.ReadAll(r.Body)
			from = bytes.NewReader(whole)
		}
		w.Header().Set("Method", r.Method)
		w.Header().Set("Trailer", "Grpc-Status")
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush()
		piece := make([]byte, 1024)
		for {
			n, err := from.Read(piece)
			w.Write(piece[:n])
			http.NewResponseController(w).Flush()
			if err != nil {
				break
			}
		}
		w.Header().Set("Grpc-Status", "0")
	}))
}

// proxied is a reverse proxy to the app as queue-proxy is one, with this transport; its URL.
func (a *app) proxied(transport http.RoundTripper) string {
	a.t.Helper()
	target, err := url.Parse(a.url)
	if err != nil {
		a.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = transport
	proxy.FlushInterval = -1
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusBadGateway)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		a.t.Fatal(err)
	}
	serve(a.t, listener, proxy)
	return "http://" + listener.Addr().String() + "/"
}

func serve(t testing.TB, listener net.Listener, handler http.Handler) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: handler, Protocols: protocols}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
}

// overH2C speaks h2c alone.
func overH2C(t testing.TB) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	made := &http.Transport{Protocols: protocols}
	t.Cleanup(made.CloseIdleConnections)
	return made
}

// overHTTP1 speaks HTTP/1 alone.
func overHTTP1(t testing.TB) *http.Transport {
	made := &http.Transport{ExpectContinueTimeout: patience} // queue-proxy waits for a second
	t.Cleanup(made.CloseIdleConnections)
	return made
}

// byVersion sends a request as it came, like queue-proxy's own transport.
type byVersion struct{ one, two http.RoundTripper }

func (v byVersion) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.ProtoMajor == 2 {
		return v.two.RoundTrip(r)
	}
	return v.one.RoundTrip(r)
}

func toApp(t testing.TB) byVersion {
	return byVersion{overHTTP1(t), overH2C(t)}
}

// text is a body whose length the request's maker does not see.
func text(of string) io.Reader {
	return io.NopCloser(strings.NewReader(of))
}

func post(t testing.TB, ctx context.Context, url string, body io.Reader) *http.Request {
	t.Helper()
	made, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// eventually waits for the condition, which another goroutine brings about.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for until := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
