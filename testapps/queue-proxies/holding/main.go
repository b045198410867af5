// Queue-proxy that holds a request while the app refuses connections, instead of answering 502 at once.
package main

import (
	"os"
	"time"

	"knative-chaos.dev/queue-proxies/transport"
	"knative.dev/serving/pkg/queue/sharedmain"
)

func main() {
	hold := func(defaults *sharedmain.Defaults) {
		defaults.Transport = transport.Holding{Next: defaults.Transport, Pause: 50 * time.Millisecond, Limit: 30 * time.Second}
	}
	if sharedmain.Main(hold) != nil {
		os.Exit(1)
	}
}
