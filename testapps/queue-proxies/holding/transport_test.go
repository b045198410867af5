package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"knative-chaos.dev/queue-proxies/transport"
	"knative.dev/pkg/network"
)

// own is the transport that queue-proxy gives to its options (buildTransport of sharedmain, which is not exported).
func own() http.RoundTripper {
	return otelhttp.NewTransport(network.NewProxyAutoTransport(1000, 1000))
}

// body counts its reads.
type body struct {
	io.Reader
	reads int
}

func (b *body) Read(into []byte) (int, error) {
	b.reads++
	return b.Reader.Read(into)
}

func (*body) Close() error { return nil }

// closedPort is an address of this host that refuses connections.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func post(t *testing.T, address string, from io.Reader, major int) *http.Request {
	t.Helper()
	made, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+address+"/", from)
	if err != nil {
		t.Fatal(err)
	}
	made.ProtoMajor = major // as it came from the client: the transport speaks the same
	return made
}

func TestARefusedDialReadsNothing(t *testing.T) {
	for name, major := range map[string]int{"HTTP/1": 1, "h2c": 2} {
		t.Run(name, func(t *testing.T) {
			sent := &body{Reader: strings.NewReader("body")}
			_, err := own().RoundTrip(post(t, closedPort(t), sent, major))
			if !errors.Is(err, syscall.ECONNREFUSED) || sent.reads > 0 {
				t.Fatalf("got %v and %d reads of the body, want a refused dial and none", err, sent.reads)
			}
		})
	}
}

func TestAHeldPostArrivesWhole(t *testing.T) {
	for name, major := range map[string]int{"HTTP/1": 1, "h2c": 2} {
		t.Run(name, func(t *testing.T) {
			address := closedPort(t)
			held := transport.Hold(own(), transport.Limits{Pause: pause, Longest: longest, Most: most, Ahead: ahead}, nil)
			answered := make(chan string, 1)
			go func() {
				response, err := held.RoundTrip(post(t, address, io.NopCloser(strings.NewReader("body")), major))
				if err != nil {
					answered <- err.Error()
					return
				}
				defer response.Body.Close()
				got, _ := io.ReadAll(response.Body)
				answered <- response.Proto + " " + string(got)
			}()
			for held.Held() == 0 {
				time.Sleep(time.Millisecond)
			}
			protocols := new(http.Protocols)
			protocols.SetHTTP1(true)
			protocols.SetUnencryptedHTTP2(true)
			app := &http.Server{
				Addr:      address,
				Protocols: protocols,
				Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }),
			}
			go app.ListenAndServe()
			t.Cleanup(func() { app.Close() })
			want := map[int]string{1: "HTTP/1.1 body", 2: "HTTP/2.0 body"}[major]
			if got := <-answered; got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		})
	}
}
