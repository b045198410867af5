"""The fields of a Knative Service and of a Deployment, each with its type and the versions of Knative that know it.

A Knative Service: read in the CRD of Serving 1.1 to 1.23 (`config/core/300-resources/service.yaml`). Up to 1.5 that schema let
every field of a pod pass and dropped it unread; the harness refuses it there too. A Deployment: read in Kubernetes 1.34. Fields
that say nothing about probes, ports, scale or time are left to Kubernetes ("anything"). The schema also requires the names of
environment variables, headers and volumes and some other fields: the webhook, which comes first, writes them as empty ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.knative.manifest.schema import Kind
from harness.model import VersionRange

TEXT = Kind("text")
INT32 = Kind("whole", bits=32)
INT64 = Kind("whole", bits=64)
YES_NO = Kind("yes-no")
PORT = Kind("port")
QUANTITY = Kind("quantity")
ANYTHING = Kind("anything")
LABELS = Kind("mapping", values=TEXT)
TEXTS = Kind("list", items=TEXT)
MAPPING = Kind("mapping", open=True)
MAPPINGS = Kind("list", items=MAPPING)


def _mapping(fields: Mapping[str, Kind], *required: str) -> Kind:
    return Kind("mapping", fields=fields, required=required)


def _list(fields: Mapping[str, Kind], *required: str, keys: tuple[str, ...] = ()) -> Kind:
    return Kind("list", items=_mapping(fields, *required), keys=keys)


def _on(kind: Kind, versions: str) -> Kind:
    return replace(kind, versions=VersionRange.parse(versions))


_SINCE_1_16 = VersionRange.parse(">=1.16")
"""The first version whose schema tells the entries of these lists apart."""

METADATA = _mapping(
    {
        "name": TEXT,
        "generateName": TEXT,
        "namespace": TEXT,
        "labels": LABELS,
        "annotations": LABELS,
        "finalizers": TEXTS,
        "creationTimestamp": ANYTHING,
        "deletionGracePeriodSeconds": ANYTHING,
        "deletionTimestamp": ANYTHING,
        "generation": INT64,
        "managedFields": ANYTHING,
        "ownerReferences": ANYTHING,
        "resourceVersion": TEXT,
        "selfLink": TEXT,
        "uid": TEXT,
    }
)

INNER_METADATA = replace(METADATA, open=True)
"""Of a Revision's template: the schema keeps every field there, and Knative drops those that it does not know."""

_TIMING = {
    "initialDelaySeconds": INT32,
    "periodSeconds": INT32,
    "timeoutSeconds": INT32,
    "successThreshold": INT32,
    "failureThreshold": INT32,
}
_HTTP = _mapping(
    {
        "host": TEXT,
        "httpHeaders": _list({"name": TEXT, "value": TEXT}),
        "path": TEXT,
        "port": PORT,
        "scheme": TEXT,
    }
)
_GRPC = _mapping({"port": INT32, "service": TEXT})

PROBE = _mapping(
    {
        "exec": _mapping({"command": TEXTS}),
        "grpc": _on(_GRPC, ">=1.12"),
        "httpGet": _HTTP,
        "tcpSocket": _mapping({"host": TEXT, "port": PORT}),
        **_TIMING,
    }
)

_ITEMS = _list({"key": TEXT, "mode": INT32, "path": TEXT})
_OPEN = Kind("mapping", open=True)
_REFERENCE = {"name": TEXT, "optional": YES_NO}

VALUE_FROM = _mapping(
    {
        "configMapKeyRef": _mapping({"key": TEXT, **_REFERENCE}),
        "fieldRef": _OPEN,
        "resourceFieldRef": _OPEN,
        "secretKeyRef": _mapping({"key": TEXT, **_REFERENCE}),
    }
)

VOLUMES = _list(
    {
        "name": TEXT,
        "configMap": _mapping({"defaultMode": INT32, "items": _ITEMS, **_REFERENCE}),
        "secret": _mapping({"defaultMode": INT32, "items": _ITEMS, "optional": YES_NO, "secretName": TEXT}),
        "projected": _mapping({"defaultMode": INT32, "sources": MAPPINGS}),
        "emptyDir": _OPEN,
        "persistentVolumeClaim": _OPEN,
        "hostPath": _on(_OPEN, ">=1.17"),
        "csi": _on(_OPEN, ">=1.18"),
        "image": _on(_OPEN, ">=1.19"),
        "ephemeral": _on(_OPEN, ">=1.23"),
    },
)

_PORTS = _list({"containerPort": INT32, "name": TEXT, "protocol": TEXT})

CONTAINER_FIELDS: Mapping[str, Kind] = {
    "args": TEXTS,
    "command": TEXTS,
    "env": replace(_list({"name": TEXT, "value": TEXT, "valueFrom": VALUE_FROM}, keys=("name",)), checked=_SINCE_1_16),
    "envFrom": _list({"configMapRef": _mapping(_REFERENCE), "prefix": TEXT, "secretRef": _mapping(_REFERENCE)}),
    "image": TEXT,
    "imagePullPolicy": TEXT,
    "livenessProbe": PROBE,
    "name": TEXT,
    "ports": _PORTS,
    "readinessProbe": PROBE,
    "resources": _mapping({"limits": Kind("mapping", values=QUANTITY), "requests": Kind("mapping", values=QUANTITY)}),
    "securityContext": _mapping(
        {
            "allowPrivilegeEscalation": _on(YES_NO, ">=1.8"),
            "capabilities": _mapping({"add": TEXTS, "drop": TEXTS}),
            "privileged": _on(YES_NO, ">=1.17"),
            "readOnlyRootFilesystem": YES_NO,
            "runAsGroup": INT64,
            "runAsNonRoot": YES_NO,
            "runAsUser": INT64,
            "seccompProfile": _on(_mapping({"localhostProfile": TEXT, "type": TEXT}, "type"), ">=1.9"),
        }
    ),
    "startupProbe": _on(PROBE, ">=1.15"),
    "terminationMessagePath": TEXT,
    "terminationMessagePolicy": TEXT,
    "volumeMounts": replace(
        _list(
            {
                "mountPath": TEXT,
                "mountPropagation": _on(TEXT, ">=1.18"),
                "name": TEXT,
                "readOnly": YES_NO,
                "subPath": TEXT,
            },
            keys=("mountPath",),
        ),
        checked=_SINCE_1_16,
    ),
    "workingDir": TEXT,
}

REVISION_SPEC = _mapping(
    {
        "affinity": _OPEN,
        "automountServiceAccountToken": YES_NO,
        "containerConcurrency": INT64,
        "containers": Kind("list", items=_mapping(CONTAINER_FIELDS)),
        "dnsConfig": _OPEN,
        "dnsPolicy": TEXT,
        "enableServiceLinks": YES_NO,
        "hostAliases": MAPPINGS,
        "hostIPC": _on(YES_NO, ">=1.16"),
        "hostNetwork": _on(YES_NO, ">=1.16"),
        "hostPID": _on(YES_NO, ">=1.16"),
        "idleTimeoutSeconds": _on(INT64, ">=1.7"),
        "imagePullSecrets": replace(_list({"name": TEXT}, keys=("name",)), checked=_SINCE_1_16),
        "initContainers": MAPPINGS,
        "nodeSelector": LABELS,
        "priorityClassName": TEXT,
        "responseStartTimeoutSeconds": _on(INT64, ">=1.7"),
        "runtimeClassName": TEXT,
        "schedulerName": TEXT,
        "securityContext": _OPEN,
        "serviceAccountName": TEXT,
        "shareProcessNamespace": _on(YES_NO, ">=1.12"),
        "timeoutSeconds": INT64,
        "tolerations": MAPPINGS,
        "topologySpreadConstraints": MAPPINGS,
        "volumes": VOLUMES,
    },
    "containers",
)

TRAFFIC = _list(
    {
        "configurationName": TEXT,
        "latestRevision": YES_NO,
        "percent": INT64,
        "revisionName": TEXT,
        "tag": TEXT,
        "url": TEXT,
    }
)

SERVICE = _mapping(
    {
        "apiVersion": TEXT,
        "kind": TEXT,
        "metadata": METADATA,
        "spec": _mapping({"template": _mapping({"metadata": INNER_METADATA, "spec": REVISION_SPEC}), "traffic": TRAFFIC}),
        "status": ANYTHING,
    }
)
"""A Knative Service, `serving.knative.dev/v1`."""

_GRACE = {"terminationGracePeriodSeconds": INT64}
_K8S_PROBE = _mapping(
    {**PROBE.fields, "grpc": _GRPC, "httpGet": _HTTP, "tcpSocket": _mapping({"host": TEXT, "port": PORT}), **_GRACE}
)

_K8S_CONTAINER = {
    **CONTAINER_FIELDS,
    "env": Kind("list", items=_mapping({"name": TEXT, "value": TEXT, "valueFrom": _OPEN})),
    "envFrom": MAPPINGS,
    "lifecycle": _OPEN,
    "livenessProbe": _K8S_PROBE,
    "ports": _list({"containerPort": INT32, "hostIP": TEXT, "hostPort": INT32, "name": TEXT, "protocol": TEXT}),
    "readinessProbe": _K8S_PROBE,
    "resizePolicy": MAPPINGS,
    "resources": replace(CONTAINER_FIELDS["resources"], fields={**CONTAINER_FIELDS["resources"].fields, "claims": MAPPINGS}),
    "restartPolicy": TEXT,
    "restartPolicyRules": MAPPINGS,
    "securityContext": _OPEN,
    "startupProbe": _K8S_PROBE,
    "stdin": YES_NO,
    "stdinOnce": YES_NO,
    "tty": YES_NO,
    "volumeDevices": MAPPINGS,
    "volumeMounts": Kind("list", items=MAPPING),
}

POD_SPEC = _mapping(
    {
        "activeDeadlineSeconds": INT64,
        "affinity": _OPEN,
        "automountServiceAccountToken": YES_NO,
        "containers": Kind("list", items=_mapping(_K8S_CONTAINER)),
        "dnsConfig": _OPEN,
        "dnsPolicy": TEXT,
        "enableServiceLinks": YES_NO,
        "ephemeralContainers": MAPPINGS,
        "hostAliases": MAPPINGS,
        "hostIPC": YES_NO,
        "hostNetwork": YES_NO,
        "hostPID": YES_NO,
        "hostUsers": YES_NO,
        "hostname": TEXT,
        "hostnameOverride": TEXT,
        "imagePullSecrets": MAPPINGS,
        "initContainers": MAPPINGS,
        "nodeName": TEXT,
        "nodeSelector": LABELS,
        "os": _OPEN,
        "overhead": _OPEN,
        "preemptionPolicy": TEXT,
        "priority": INT32,
        "priorityClassName": TEXT,
        "readinessGates": MAPPINGS,
        "resourceClaims": MAPPINGS,
        "resources": _OPEN,
        "restartPolicy": TEXT,
        "runtimeClassName": TEXT,
        "schedulerName": TEXT,
        "schedulingGates": MAPPINGS,
        "securityContext": _OPEN,
        "serviceAccount": TEXT,
        "serviceAccountName": TEXT,
        "setHostnameAsFQDN": YES_NO,
        "shareProcessNamespace": YES_NO,
        "subdomain": TEXT,
        "terminationGracePeriodSeconds": INT64,
        "tolerations": MAPPINGS,
        "topologySpreadConstraints": MAPPINGS,
        "volumes": Kind("list", items=MAPPING),
    },
    "containers",
)

DEPLOYMENT = _mapping(
    {
        "apiVersion": TEXT,
        "kind": TEXT,
        "metadata": METADATA,
        "spec": _mapping(
            {
                "minReadySeconds": INT32,
                "paused": YES_NO,
                "progressDeadlineSeconds": INT32,
                "replicas": INT32,
                "revisionHistoryLimit": INT32,
                "selector": _mapping({"matchExpressions": MAPPINGS, "matchLabels": LABELS}),
                "strategy": _OPEN,
                "template": _mapping({"metadata": METADATA, "spec": POD_SPEC}),
            },
            "selector",
            "template",
        ),
        "status": ANYTHING,
    }
)
"""A Deployment, `apps/v1`."""

LEFTOVERS: Mapping[str, str] = {
    "lifecycle": "Leave it out: Knative sets its own preStop, which waits until queue-proxy has drained.",
    "terminationGracePeriodSeconds": "Leave it out; timeoutSeconds in the template's spec is the grace of the pod.",
    "restartPolicy": "Leave it out: the pods of a Deployment always restart their containers.",
    "replicas": "Leave it out; the annotations autoscaling.knative.dev/min-scale and max-scale stand for it.",
    "selector": "Leave it out: Knative selects the pods by labels of its own.",
    "strategy": "Leave it out: Knative rolls out a Revision beside the one before it.",
    "nodeName": "Leave it out.",
    "hostPort": "Leave it out: requests come by the ingress and queue-proxy.",
    "stdin": "Leave it out: Knative switches it off.",
    "tty": "Leave it out: Knative switches it off.",
    "annotations": "Write it below `metadata`.",
    "labels": "Write it below `metadata`.",
    "containers": "Write it below `spec.template.spec`.",
    "minScale": 'Write the annotation autoscaling.knative.dev/min-scale: "1" below the template\'s metadata.',
    "maxScale": 'Write the annotation autoscaling.knative.dev/max-scale: "1" below the template\'s metadata.',
}
"""Fields that people bring from elsewhere, and what stands for them in a Knative Service."""
