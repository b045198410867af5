"""Names, ports and labels that Kubernetes and Knative decided. Those that are ours stand in `harness.model`."""

from __future__ import annotations

USER_CONTAINER = "user-container"
"""Knative's name for the only container of a Service that names none."""

QUEUE_PROXY = "queue-proxy"
"""Knative's sidecar in each pod: every request goes through it to the user container."""

USER_ROLE = "user"
"""Role of the container that gets the requests, whatever its name. Queue-proxy's role is its name."""

ACTIVATOR = "activator"
ACTIVATOR_SELECTOR = "app=activator"
"""Label selector of the activator's pods."""

CONTROLLER = "controller"
CONTROLLER_SELECTOR = "app=controller"
"""Container and label selector of Knative's controller."""

SYSTEM_NAMESPACE = "knative-serving"

INGRESS_NAMESPACE = "kourier-system"
INGRESS_CONTAINER = "kourier-gateway"
INGRESS_SELECTOR = "app=3scale-kourier-gateway"
"""Container and label selector of Kourier's Envoy."""

SERVING_API = "serving.knative.dev/v1"
SERVICES_CRD = "services.serving.knative.dev"
"""Name of the CustomResourceDefinition of Knative Services."""

SERVICE_LABEL = "serving.knative.dev/service"
REVISION_LABEL = "serving.knative.dev/revision"
TEMPLATE_HASH_LABEL = "pod-template-hash"
"""Of a pod that a Deployment made: the same for all pods of one template."""

RELEASE_LABEL = "serving.knative.dev/release"
"""Of Serving's own objects in old releases; later ones carry VERSION_LABEL."""

VERSION_LABEL = "app.kubernetes.io/version"
SLICE_SERVICE_LABEL = "kubernetes.io/service-name"
"""Of an EndpointSlice: the Service it belongs to."""

PRIVATE_SUFFIX = "-private"
"""Of a Revision's two Services the one that follows its pods; the slices of the other one may hold the activator instead."""

MIN_SCALE = "autoscaling.knative.dev/min-scale"
MAX_SCALE = "autoscaling.knative.dev/max-scale"
INITIAL_SCALE = "autoscaling.knative.dev/initial-scale"
ALLOW_ZERO_INITIAL_SCALE = "allow-zero-initial-scale"
AUTOSCALER_CONFIG = "config-autoscaler"
"""The ConfigMap with that key, in the system namespace."""

FEATURES_CONFIG = "config-features"
MULTI_CONTAINER_PROBING = "multi-container-probing"
"""The ConfigMap in the system namespace and its key that permits probes of sidecars, since 1.14."""

WINDOW = "autoscaling.knative.dev/window"
METRIC = "autoscaling.knative.dev/metric"
TARGET = "autoscaling.knative.dev/target"
TARGET_BURST_CAPACITY = "autoscaling.knative.dev/target-burst-capacity"
"""Annotations of a Revision's template."""

TIMEOUT_S = 300
"""timeoutSeconds of a Revision that names none; also the grace of its pods."""

KNATIVE_DOMAIN = "knative.dev/"
"""In the keys of labels and annotations that are Knative's."""

KNATIVE_POD_FIELDS = ("containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds", "idleTimeoutSeconds")
"""Of a Revision's template; a pod of Kubernetes has no such field."""

PORT_ENV = "PORT"
"""Knative tells the user container by this variable where requests will come."""

RPS = "rps"
"""The metric by which the autoscaler counts requests a second."""

USER_PORT = 8080
"""Where the user container gets requests unless the manifest names a containerPort."""

HTTP_PORT = 8012
"""Where queue-proxy takes requests over HTTP/1.1, on every version of Serving."""

H2C_PORT = 8013
"""Where queue-proxy takes requests over HTTP/2 without TLS."""

ADMIN_PORT = 8022
"""Where queue-proxy takes the kubelet's preStop call of the user container."""

PROFILING_PORT = 8008
"""Where queue-proxy serves profiles, if they are switched on."""

AUTOSCALER_METRICS_PORT = 9090
USER_METRICS_PORT = 9091
"""Where queue-proxy serves its metrics: to the autoscaler, and to whoever scrapes requests."""
