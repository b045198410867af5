"""A Knative version from its Go module: the manifests that lie in it, and the images to make for them.

`assembled` does the same for a checkout of Serving. A module's zip drops symlinks, so six of Serving's manifests are taken from
where they point to: CRDs and `config-network` in `knative.dev/networking`, the `Image` CRD in `knative.dev/caching`, at the
versions that Serving uses, verified by its own go.sum.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.adapters.documents import Document, YAMLError, documents, why_not_yaml
from harness.errors import SourceError
from harness.knative.names import SERVICES_CRD
from harness.model import KnativeVersion, Provision, Recipe, SourceTree, Wanted
from harness.sources.pins import ENVOY_REF, NODE_REF, TOGGLE_REF, Modules, Pins
from harness.sources.version import KNOWN, unknown

SERVING = "knative.dev/serving"
NETWORKING = "knative.dev/networking/pkg/apis/networking"
CACHING = "knative.dev/caching/pkg/apis/caching"
"""A package in each of the two modules: Go is asked for the module of a package."""

KOURIER = "knative.dev/net-kourier"

LINKED = re.compile(r"(?:^|/)knative\.dev/(?:networking|caching)/")
"""Where a checkout's own links to manifests of those two modules lead."""

ENVOY_IMAGE = re.compile(r"(?:[\w.-]+/)?envoyproxy/envoy(?:-[\w-]+)?[:@][\w.:-]+")
PULL_ALWAYS = re.compile(r"(\bimagePullPolicy:\s*)[\"']?Always\b[\"']?")
DEVEL = re.compile(r"((?:app\.kubernetes\.io/version|serving\.knative\.dev/release|networking\.knative\.dev/release):\s*)devel\b")

REMOVED_APIS = frozenset({"autoscaling/v2beta1", "autoscaling/v2beta2", "policy/v1beta1"})
"""Gone from Kubernetes 1.25 and 1.26. Old Serving uses them for autoscalers and disruption budgets of its own control plane
only, which one node does not need."""


@dataclass(frozen=True, slots=True)
class _File:
    """One manifest file. name: where it goes in the order of application."""

    name: str
    documents: tuple[Document, ...]
    version: KnativeVersion


def provide(version: KnativeVersion, *, modules: Modules, pins: Pins) -> Provision:
    """The version as its module has it. Raises SourceError (no such version, a manifest missing), HostError (no proxy)."""
    serving = _fetch(modules, SERVING, version)
    if not (serving / "go.mod").is_file():
        raise unknown(version, source="Go module", why="it has no go.mod, being older than Go modules.")
    networking = modules.required_dir(serving, NETWORKING)
    caching = modules.required_dir(serving, CACHING)
    notes = [] if version in KNOWN else [f"Knative {version} is not among the versions known to build from the module."]
    parts = Parts("module", version, serving, networking, caching, f"{version} (module {version.module})")
    return assembled(parts, modules=modules, pins=pins, notes=notes)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a Provision is made from: Serving and the two modules with manifests of its own, as directories.

    source: of the Provision. said: the version for people. tree: the sources to build Serving's commands from, where they are not
    those of the published module.
    """

    source: str
    version: KnativeVersion
    serving: Path
    networking: Path
    caching: Path
    said: str
    tree: SourceTree | None = None


def assembled(parts: Parts, *, modules: Modules, pins: Pins, notes: Sequence[str] = ()) -> Provision:
    """The Provision of these parts, with the ingress that every version has. Raises SourceError: a manifest is missing or none."""
    version = parts.version
    kourier = modules.module_dir(KOURIER, pins.kourier)
    files = [
        *_files(parts.serving / "config" / "core", "core", version),
        *_files(parts.networking / "config", "core/networking", version),
        *_files(parts.caching / "config", "core/caching", version),
        *_files(kourier / "config", "ingress", KnativeVersion.parse(pins.kourier)),
    ]
    manifests, dropped = _ordered(files)
    _complete(manifests, parts)
    wanted = _wanted((text for _, text in manifests), parts, pins)
    said = [f"{pins.kourier} of net-kourier is the ingress for every Serving version: a fixed control."]
    said += [f"Left out: {what}: its API version is gone from Kubernetes." for what in dropped]
    return Provision(
        source=parts.source,
        knative=version,
        node_image=NODE_REF,
        images=(),
        manifests=tuple(manifests),
        app_image=TOGGLE_REF,
        versions={
            "knative": parts.said,
            "ingress": f"net-kourier {pins.kourier}",
            "kubernetes": pins.kubernetes,
            "toolchain": "",
        },
        wanted=wanted,
        notes=(*said, *notes),
    )


def _fetch(modules: Modules, module: str, version: KnativeVersion) -> Path:
    try:
        return modules.module_dir(module, version.module)
    except SourceError as error:
        raise unknown(version, source="Go module", why=error.what) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"The module lacks {path.name} or it cannot be read: {error}.",
            where=str(path),
            fix="knative-chaos cache prune, so that the module is fetched again.",
        ) from error


def _files(root: Path, group: str, version: KnativeVersion) -> list[_File]:
    """Every manifest below a directory, by path. Raises SourceError when there is none.

    In a checkout the links into the other two modules are left out, as a module's zip leaves them out.
    """
    found = []
    for path in sorted(root.rglob("*.yaml")):
        if path.is_symlink() and LINKED.search(str(path.readlink())):
            continue
        text = rewritten(_read(path), version)
        try:
            found.append(_File(f"{group}/{path.relative_to(root)}", tuple(documents(text)), version))
        except YAMLError as error:
            raise SourceError(f"A manifest of the module is not YAML: {why_not_yaml(error, path.name)}", where=str(path)) from error
    if not found:
        raise SourceError(f"The module has no manifests below {root.name}.", where=str(root), fix="Ask for another version.")
    return found


def rewritten(text: str, version: KnativeVersion) -> str:
    """A manifest with what building it here changes: Envoy's reference, the pull policy, and the version its labels name.

    A release's labels name its version where the module's say "devel"; the installed version is read back from them.
    """
    text = ENVOY_IMAGE.sub(ENVOY_REF, text)
    text = PULL_ALWAYS.sub(r"\g<1>IfNotPresent", text)
    return DEVEL.sub(rf'\g<1>"{version}"', text)


def _ordered(files: Sequence[_File]) -> tuple[list[tuple[str, str]], list[str]]:
    """(name, text) with the CRDs first, then namespaces, then the rest in the files' own order; and what was dropped."""
    crds: list[tuple[str, str]] = []
    spaces: list[tuple[str, str]] = []
    rest: list[tuple[str, str]] = []
    dropped: list[str] = []
    for file in files:
        kept: dict[str, list[str]] = {"crd": [], "namespace": [], "": []}
        for one in file.documents:
            if one.api_version in REMOVED_APIS:
                dropped.append(f"{one.kind} {one.name} ({one.api_version})")
            elif one.kind == "CustomResourceDefinition":
                kept["crd"].append(one.text)
            else:
                kept["namespace" if one.kind == "Namespace" else ""].append(one.text)
        for place, group, prefix in ((crds, "crd", "crd/"), (spaces, "namespace", "namespace/"), (rest, "", "")):
            if kept[group]:
                place.append((f"{prefix}{file.name}", "---\n".join(kept[group])))
    return [*crds, *spaces, *rest], dropped


def _complete(manifests: Sequence[tuple[str, str]], parts: Parts) -> None:
    """Raise SourceError unless the parts are there that the symlinks and the ingress stand for."""
    there = {(one.kind, one.name) for _, text in manifests for one in documents(text)}
    needed = [
        ("CustomResourceDefinition", SERVICES_CRD),
        ("CustomResourceDefinition", "ingresses.networking.internal.knative.dev"),
        ("CustomResourceDefinition", "serverlessservices.networking.internal.knative.dev"),
        ("CustomResourceDefinition", "images.caching.internal.knative.dev"),
        ("ConfigMap", "config-network"),
        ("ConfigMap", "config-logging"),
        ("Deployment", "controller"),
        ("Service", "kourier"),
    ]
    missing = [f"{kind} {name}" for kind, name in needed if (kind, name) not in there]
    if missing and parts.tree is not None:
        raise SourceError(
            f"The manifests of the checkout lack {', '.join(missing)}.",
            where=str(parts.serving),
            fix="git checkout -- config in it",
        )
    if missing:
        raise unknown(parts.version, source="Go module", why=f"its manifests lack {', '.join(missing)}.")


def _wanted(texts: Iterable[str], parts: Parts, pins: Pins) -> tuple[Wanted, ...]:
    """The images the manifests refer to, and those every cluster needs. Commands come from the references, not from a table:
    versions before 1.11 or so have two more.
    """
    refs = sorted({value for text in texts for one in documents(text) for value in one.strings() if value.startswith("ko://")})
    commands = []
    for ref in refs:
        path = ref.removeprefix("ko://")
        for module, of, tree in ((SERVING, parts.version.module, parts.tree), (KOURIER, pins.kourier, None)):
            if path.startswith(f"{module}/"):
                commands.append(Wanted(ref, Recipe.GO, of, module, path.removeprefix(f"{module}/"), tree))
                break
        else:
            raise SourceError(f"A manifest refers to {ref}, which lies in no module known here.", fix="Ask for another version.")
    return (
        *commands,
        Wanted(ENVOY_REF, Recipe.ENVOY, pins.envoy),
        Wanted(NODE_REF, Recipe.NODE, pins.kubernetes),
        Wanted(TOGGLE_REF, Recipe.TOGGLE),
    )
