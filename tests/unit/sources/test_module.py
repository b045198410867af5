"""Manifests of a module, small ones of the shapes the real ones have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.adapters.documents import documents
from harness.errors import SourceError
from harness.model import KnativeVersion, Provision, Recipe
from harness.sources import Pins
from harness.sources.module import provide, rewritten

PINS = Pins(kubernetes="v1.34.4", kourier="v0.48.0", envoy="1.36.0")
VERSION = KnativeVersion.parse("1.23")

GO_MOD = """module knative.dev/serving

require (
\tknative.dev/caching v0.0.0-2 // indirect
\tknative.dev/networking v0.0.0-1
)

replace knative.dev/networking v0 => ../elsewhere
"""


def obj(kind: str, name: str, rest: str = "", api: str = "v1") -> str:
    """One object's text."""
    return f"apiVersion: {api}\nkind: {kind}\nmetadata:\n  name: {name}\n  labels: {{app.kubernetes.io/version: devel}}\n{rest}"


def deployment(name: str, image: str) -> str:
    """A Deployment that pulls always."""
    return obj(
        "Deployment",
        name,
        f"spec:\n  template:\n    spec:\n      containers:\n      - image: {image}\n        imagePullPolicy: Always\n",
        "apps/v1",
    )


CRD = "apiextensions.k8s.io/v1"
KIND = "CustomResourceDefinition"
SERVING = {
    "go.mod": GO_MOD,
    "config/core/100-namespace.yaml": obj("Namespace", "knative-serving"),
    "config/core/300-resources/service.yaml": "# a comment\n" + obj(KIND, "services.serving.knative.dev", api=CRD),
    "config/core/999-cache.yaml": obj("Image", "queue-proxy", "spec:\n  image: ko://knative.dev/serving/cmd/queue\n"),
    "config/core/configmaps/deployment.yaml": obj(
        "ConfigMap",
        "config-deployment",
        "data:\n  queue-sidecar-image: ko://knative.dev/serving/cmd/queue\n"
        "  _example: |\n    ---\n    # ko://knative.dev/serving/cmd/not-this\n",
    ),
    "config/core/configmaps/logging.yaml": obj("ConfigMap", "config-logging"),
    "config/core/deployments/controller.yaml": deployment("controller", "ko://knative.dev/serving/cmd/controller"),
    "config/core/deployments/hpa.yaml": obj("HorizontalPodAutoscaler", "activator", api="autoscaling/v2")
    + "---\n"
    + obj("PodDisruptionBudget", "pdb", api="policy/v1"),
    "config/core/deployments/placeholder.go": "package core",
}
OTHERS = {
    "knative.dev/networking@v0.0.0-1": {
        "config/ingress.yaml": obj(KIND, "ingresses.networking.internal.knative.dev", api=CRD),
        "config/sks.yaml": obj(KIND, "serverlessservices.networking.internal.knative.dev", api=CRD),
        "config/config-network.yaml": obj("ConfigMap", "config-network"),
    },
    "knative.dev/caching@v0.0.0-2": {"config/image.yaml": obj(KIND, "images.caching.internal.knative.dev", api=CRD)},
    "knative.dev/net-kourier@v0.48.0": {
        "config/300-gateway.yaml": deployment("gateway", "docker.io/envoyproxy/envoy:v1.36-latest")
        + "---\n"
        + obj("Service", "kourier"),
        "config/300-controller.yaml": deployment("net-kourier-controller", "ko://knative.dev/net-kourier/cmd/kourier"),
    },
}


class Shelf:
    """Modules below a directory, in place of a Go toolchain."""

    def __init__(self, root: Path, contents: Mapping[str, Mapping[str, str]]) -> None:
        self._root = root
        for module, files in contents.items():
            for name, text in files.items():
                path = root / module / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")

    def module_dir(self, module: str, version: str, *, hint: str = "") -> Path:
        """The module, SourceError as the toolchain raises it."""
        path = self._root / f"{module}@{version}"
        if not path.is_dir():
            raise SourceError(f"{module} has no version {version}", fix=hint)
        return path

    def required_dir(self, root: Path, package: str) -> Path:
        """The one module of that path below the directory, if the root's go.mod names it."""
        if not (root / "go.mod").is_file():
            raise SourceError("The module lacks go.mod", where=str(root))
        for line in (root / "go.mod").read_text(encoding="utf-8").splitlines():
            module, _, version = line.strip().partition(" ")
            if package.startswith(f"{module}/") and module:
                return self._root / f"{module}@{version.split()[0]}"
        raise SourceError(f"go.mod does not require {package}")


Give = Callable[..., Provision]


@pytest.fixture
def give(tmp_path: Path) -> Give:
    """The Provision of a version whose Serving module has these files more, or None to take one away."""

    def provision(*, version: KnativeVersion = VERSION, **changes: str | None) -> Provision:
        files = {name: text for name, text in {**SERVING, **changes}.items() if text is not None}
        shelf = Shelf(tmp_path, {f"knative.dev/serving@{version.module}": files, **OTHERS})
        return provide(version, modules=shelf, pins=PINS)

    return provision


def test_kinds_come_first_then_namespaces_then_the_rest(give: Give) -> None:
    """The order of application, with what symlinks stood for taken from the other modules."""
    names = [name for name, _ in give().manifests]
    assert names[:4] == [
        "crd/core/300-resources/service.yaml",
        "crd/core/networking/ingress.yaml",
        "crd/core/networking/sks.yaml",
        "crd/core/caching/image.yaml",
    ]
    assert names[4] == "namespace/core/100-namespace.yaml"
    assert "core/networking/config-network.yaml" in names
    assert names[-1] == "ingress/300-gateway.yaml"


def test_commands_are_found_from_the_references(give: Give) -> None:
    """Values only: a reference in a comment or in an example is none. One command, however often it is named."""
    wanted = give().wanted
    assert [(one.ref, one.version, one.module, one.package) for one in wanted if one.recipe is Recipe.GO] == [
        ("ko://knative.dev/net-kourier/cmd/kourier", "v0.48.0", "knative.dev/net-kourier", "cmd/kourier"),
        ("ko://knative.dev/serving/cmd/controller", "v0.50.0", "knative.dev/serving", "cmd/controller"),
        ("ko://knative.dev/serving/cmd/queue", "v0.50.0", "knative.dev/serving", "cmd/queue"),
    ]
    assert [(one.ref, one.version) for one in wanted if one.recipe is not Recipe.GO] == [
        ("build://envoy", "1.36.0"),
        ("build://node", "v1.34.4"),
        ("build://toggle", ""),
    ]


def test_each_reference_stands_in_the_manifests(give: Give) -> None:
    """Every image of a Pod is one of those wanted, under the very same name."""
    provision = give()
    refs = {one.ref for one in provision.wanted}
    texts = "\n".join(text for _, text in provision.manifests)
    images = {line.split("image: ")[1] for line in texts.splitlines() if "image: " in line}
    assert images <= refs
    assert "build://envoy" in images
    assert (provision.node_image, provision.app_image) == ("build://node", "build://toggle")


def test_old_apis_are_left_out_and_said(give: Give) -> None:
    """Autoscalers and budgets of versions Kubernetes no longer serves; the others of the same file stay."""
    old = (
        obj("HorizontalPodAutoscaler", "activator", api="autoscaling/v2beta2")
        + "---\n"
        + obj("PodDisruptionBudget", "pdb", api="policy/v1")
    )
    provision = give(**{"config/core/deployments/hpa.yaml": old})
    there = {(one.kind, one.api_version) for _, text in provision.manifests for one in documents(text)}
    assert ("PodDisruptionBudget", "policy/v1") in there
    assert not [kind for kind, api in there if kind == "HorizontalPodAutoscaler"]
    assert any("HorizontalPodAutoscaler activator (autoscaling/v2beta2)" in note for note in provision.notes)


def test_the_versions_are_said_in_full(give: Give) -> None:
    """Release number and module number, the ingress, Kubernetes; an untried version is noted."""
    versions = give().versions
    assert versions["knative"] == "1.23.0 (module v0.50.0)"
    assert versions["ingress"] == "net-kourier v0.48.0"
    assert versions["kubernetes"] == "v1.34.4"
    untried = give(version=KnativeVersion.parse("v0.37.0"))
    assert any("not among the versions known" in note for note in untried.notes)


def test_a_version_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    """What the toolchain says is kept; the fix names versions that can be had."""
    with pytest.raises(
        SourceError, match=r"Knative 1\.24\.0 is not available from the Go module: .*has no version v0\.51\.0"
    ) as caught:
        provide(KnativeVersion.parse("1.24"), modules=Shelf(tmp_path, OTHERS), pins=PINS)
    assert "1.23.0" in caught.value.fix


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"config/core/300-resources/service.yaml": None}, "lack CustomResourceDefinition services.serving"),
        ({"go.mod": "module knative.dev/serving\n"}, "does not require knative.dev/networking"),
        ({"config/core/bad.yaml": "a: [\n"}, "not YAML"),
        ({"config/core/new.yaml": deployment("new", "ko://knative.dev/other/cmd/new")}, "no module known here"),
        ({"go.mod": None}, r"Knative 1\.23\.0 is not available from the Go module: it has no go\.mod"),
    ],
)
def test_a_module_that_is_not_what_it_should_be(give: Give, changes: dict[str, str | None], said: str) -> None:
    """Found before anything is built."""
    with pytest.raises(SourceError, match=said):
        give(**changes)


def test_rewriting_touches_three_things_only() -> None:
    """Envoy's image, the pull policy, the version label; the rest stays letter by letter."""
    text = (
        "# keep: Always devel\nlabels:\n  app.kubernetes.io/version: devel\nimage: docker.io/envoyproxy/envoy:v1.36-latest\n"
        'imagePullPolicy: "Always"\npolicy: Always\n'
    )
    assert rewritten(text, VERSION) == (
        '# keep: Always devel\nlabels:\n  app.kubernetes.io/version: "1.23.0"\nimage: build://envoy\n'
        "imagePullPolicy: IfNotPresent\npolicy: Always\n"
    )
