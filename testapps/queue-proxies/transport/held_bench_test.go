package transport

import (
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// BenchmarkHeldMemory says how much memory a held request takes in the proxy: `go test -bench HeldMemory -benchtime 1x`.
//
// A proxy of Go's own packages, without queue-proxy's handlers for time limits, metrics and traces.
func BenchmarkHeldMemory(b *testing.B) {
	const many = 500
	for name, request := range map[string]string{
		"GET":               "GET / HTTP/1.1\r\nHost: app\r\n\r\n",
		"POST of 1 KiB":     "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("b", 1024),
		"POST of 64 KiB":    "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 65536\r\n\r\n" + strings.Repeat("b", 65536),
		"POST, not read":    "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 65536\r\nExpect: 100-continue\r\n\r\n",
		"POST of unknown":   "POST / HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" + strings.Repeat("b", 1024) + "\r\n",
		"idle, for compare": "",
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				app := newApp(b)
				holding := Hold(toApp(b), patient, nil)
				address := strings.Trim(strings.TrimPrefix(app.proxied(holding), "http:"), "/")
				before := memory()
				connections := make([]net.Conn, many)
				for number := range connections {
					connection, err := net.Dial("tcp", address)
					if err != nil {
						b.Fatal(err)
					}
					fmt.Fprint(connection, request)
					connections[number] = connection
				}
				for until := time.Now().Add(patience); request != "" && holding.Held() < many; time.Sleep(time.Millisecond) {
					if time.Now().After(until) {
						b.Fatalf("%d held, want %d", holding.Held(), many)
					}
				}
				b.ReportMetric(float64(memory()-before)/many, "B/held")
				for _, connection := range connections {
					connection.Close()
				}
			}
		})
	}
}

// memory is what heap and stacks hold after a collection.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapInuse + stats.StackInuse
}
