// Queue-proxy that goes on refusing requests for 0.5 s after the app's port is open again.
package main

import (
	"time"

	"knative-chaos.dev/queue-proxies/refusing"
)

func main() {
	refusing.Main(time.Second / 2)
}
