// Kubernetes' own commands. Its staging modules are replaced by local directories in its go.mod, which a module that
// requires it cannot see: each is replaced here by the same code as it is published.
module knative-chaos.dev/kubernetes

go 1.24.0

godebug default=go1.24

require k8s.io/kubernetes @VERSION@

replace (
@STAGING@
)
