"""The smallest Knative that install can change."""

from __future__ import annotations

import json

from harness.model import KnativeVersion, Provision


def crd(name: str, version: str = "1.23.0") -> str:
    """A kind of Knative's."""
    labels = f'{{app.kubernetes.io/version: "{version}"}}'
    return f"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {name}, labels: {labels}}}\n"


def config(name: str, data: str = "{}") -> str:
    """A ConfigMap of Knative's."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: knative-serving}}\ndata: {data}\n"


def deployment(name: str, cpu: str = "100m", namespace: str = "knative-serving", image: str = "dev.local/x:1") -> str:
    """A Deployment of one container with a request and a limit."""
    resources = f'{{requests: {{cpu: {cpu}, memory: 10Mi}}, limits: {{cpu: "1"}}}}'
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{template: {{spec: {{containers: [{{name: {name}, image: {image}, resources: {resources}}}]}}}}}}\n"
    )


KOURIER = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: kourier, namespace: kourier-system}\n"
    "spec: {type: LoadBalancer, ports: [{name: http2, port: 80}, {name: https, port: 443}]}\n"
)
WEBHOOK = "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: w}\nwebhooks: []\n"


def space(name: str) -> str:
    """A Namespace."""
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"


def provision(*, knative: str = "1.23.0 (module v0.50.0)", image: str = "dev.local/x:1", logger: str | None = None) -> Provision:
    """All of it. logger: text of config-logging's zap-logger-config; None leaves the key out, as Knative's manifests do."""
    logging = "{}" if logger is None else json.dumps({"zap-logger-config": logger})
    return Provision(
        source="module",
        knative=KnativeVersion.parse(knative.split(" ", maxsplit=1)[0]),
        node_image="",
        images=(),
        manifests=(
            ("webhook", WEBHOOK),
            ("core", "---\n".join([deployment("controller", image=image), config("config-network"), config("config-domain")])),
            ("crd-a", crd("services.serving.knative.dev")),
            ("logging", config("config-logging", logging)),
            ("spaces", space("knative-serving") + "---\n" + space("kourier-system")),
            ("ingress", KOURIER + "---\n" + deployment("gateway", "0.5", "kourier-system")),
        ),
        app_image="dev.local/toggle:1",
        versions={"knative": knative, "ingress": "net-kourier v0.48.0", "kubernetes": "v1.34.4", "toolchain": ""},
    )
