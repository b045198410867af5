"""What Kubernetes and Knative mean: names, ports, labels, and one parser for each kind of line or object. Pure.

    names       containers, labels, annotations, ports, namespaces
    probes      what Knative fills in for a probe, and how a probe's request is known
    times       RFC 3339 times as nanoseconds
    lines       JSON lines of queue-proxy and the activator
    requestlog  the template of queue-proxy's request log, and its lines
    kubelet     lines of the kubelet's journal
    containerd  lines of containerd's journal
    pods        a Pod object as an Observation, and that Observation as a PodState
    endpoints   the same for an EndpointSlice
    events      the same for an Event

Every room may import it. It imports the model and the standard library alone, so that the load generator's process may use it too.
"""
