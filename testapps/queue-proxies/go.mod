// Queue-proxies that differ from Serving's in one behaviour, for the tests of `--queue-proxy`. Serving's own go.sum is used to
// verify what they require, and its version may be raised with the pinned version of Knative.
module knative-chaos.dev/queue-proxies

go 1.25.0

require knative.dev/serving v0.50.0
