// Queue-proxy that goes on refusing requests for 0.5 s after the app's port is open again.
package main

import (
	"os"
	"time"

	"knative-chaos.dev/queue-proxies/transport"
	"knative.dev/serving/pkg/queue/sharedmain"
)

func main() {
	refuse := func(defaults *sharedmain.Defaults) {
		defaults.Transport = &transport.Refusing{Next: defaults.Transport, More: time.Second / 2}
	}
	if sharedmain.Main(refuse) != nil {
		os.Exit(1)
	}
}
