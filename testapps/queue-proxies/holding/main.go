// Queue-proxy that holds a request while the app refuses connections, instead of answering 502 at once.
package main

import (
	"os"
	"time"

	"knative-chaos.dev/queue-proxies/transport"
	"knative.dev/serving/pkg/queue/sharedmain"
)

const (
	// pause: as often as queue-proxy asks a starting app whether it is ready (retryInterval in pkg/queue/readiness).
	pause = 50 * time.Millisecond
	// longest: queue-proxy's own drain takes as long (drainSleepDuration), and a container that crashed twice is started again after 10 to 20 s.
	longest = 30 * time.Second
	// most: as many idle connections as queue-proxy keeps to the app. In a restart of 5.5 s it is reached at 180 requests a second.
	most = 1000
	// ahead: with `most` requests at most 63 MiB. Larger bodies wait in the sockets.
	ahead = 64 << 10
)

func main() {
	hold := func(defaults *sharedmain.Defaults) {
		limits := transport.Limits{Pause: pause, Longest: longest, Most: most, Ahead: ahead}
		defaults.Transport = transport.Hold(defaults.Transport, limits, defaults.Ctx.Done())
	}
	if sharedmain.Main(hold) != nil {
		os.Exit(1)
	}
}
