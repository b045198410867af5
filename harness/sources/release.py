"""A Knative version as released: the official manifests by download, checked, and kept by their content.

The cluster pulls the images they name; of ours only the toggle app is made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.adapters.documents import YAMLError, documents, why_not_yaml
from harness.adapters.files import State, write_atomic, write_json
from harness.errors import SourceError
from harness.knative.names import ACTIVATOR, SERVICES_CRD, SYSTEM_NAMESPACE
from harness.model import KnativeVersion, Provision, Recipe, Wanted
from harness.sources.fetch import Fetcher, Missing
from harness.sources.pins import TOGGLE_REF, Pins
from harness.sources.version import unknown

DEFAULT_BASE = "https://github.com"

SERVING_REPO = "knative/serving"
KOURIER_REPO = "knative-extensions/net-kourier"

_CRD = "CustomResourceDefinition"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of a release, and objects without which it is not whole. name: in the Provision."""

    name: str
    repo: str
    file: str
    needed: tuple[tuple[str, str], ...]

    def url(self, base: str, tag: str) -> str:
        """Where the file of this release lies."""
        return f"{base.rstrip('/')}/{self.repo}/releases/download/{tag}/{self.file}"


CRDS = Asset(
    "crd-serving",
    SERVING_REPO,
    "serving-crds.yaml",
    (
        (_CRD, SERVICES_CRD),
        (_CRD, "revisions.serving.knative.dev"),
        (_CRD, "routes.serving.knative.dev"),
        (_CRD, "ingresses.networking.internal.knative.dev"),
        (_CRD, "images.caching.internal.knative.dev"),
    ),
)
CORE = Asset(
    "serving-core",
    SERVING_REPO,
    "serving-core.yaml",
    (
        ("Namespace", SYSTEM_NAMESPACE),
        ("ConfigMap", "config-network"),
        ("ConfigMap", "config-deployment"),
        ("Deployment", ACTIVATOR),
        ("Deployment", "autoscaler"),
        ("Deployment", "controller"),
        ("Deployment", "webhook"),
        ("MutatingWebhookConfiguration", "webhook.serving.knative.dev"),
        ("ValidatingWebhookConfiguration", "validation.webhook.serving.knative.dev"),
        ("Secret", "webhook-certs"),
    ),
)
KOURIER = Asset(
    "ingress-kourier",
    KOURIER_REPO,
    "kourier.yaml",
    (
        ("Namespace", "kourier-system"),
        ("Deployment", "net-kourier-controller"),
        ("Deployment", "3scale-kourier-gateway"),
        ("Service", "kourier"),
    ),
)


def provide(version: KnativeVersion, *, state: State, base: str, fetcher: Fetcher, pins: Pins) -> Provision:
    """The version as released. Raises SourceError: not there, truncated, not what it should be; with the address."""
    store = _Store(state.cache / "manifests")
    manifests = []
    for asset in (CRDS, CORE):
        url = asset.url(base, version.tag)
        try:
            manifests.append((asset.name, store.get(url, partial(_checked, fetcher, url, asset))))
        except Missing as error:
            raise unknown(version, source="release", why=f"{error.what} [{url}]") from error
    ingress, text = _kourier(version, store, base, fetcher)
    manifests.append((KOURIER.name, text))
    return Provision(
        source="release",
        knative=version,
        node_image="",
        images=(),
        manifests=tuple(manifests),
        app_image=TOGGLE_REF,
        versions={"knative": version.text, "ingress": f"net-kourier {ingress}", "kubernetes": "", "toolchain": "as released"},
        wanted=(Wanted(TOGGLE_REF, Recipe.TOGGLE, pins.toggle_base),),
    )


def _kourier(version: KnativeVersion, store: _Store, base: str, fetcher: Fetcher) -> tuple[str, str]:
    """Kourier of the same version, or the first of its line: Serving's patch releases often have no Kourier of their own."""
    tried = []
    for candidate in dict.fromkeys((version, KnativeVersion(version.module_minor))):
        url = KOURIER.url(base, candidate.tag)
        try:
            return candidate.text, store.get(url, partial(_checked, fetcher, url, KOURIER))
        except Missing:
            tried.append(url)
    raise SourceError(
        f"There is no Kourier for Knative {version}.", where=" ".join(tried), fix="Ask for another version, or --kn-source module."
    )


def _checked(fetcher: Fetcher, url: str, asset: Asset) -> str:
    """Download and look whether it is what it should be."""
    text = fetcher.text(url)
    fix = "Download it by hand and look; a proxy may have put its own page there. Or use --kn-source module."
    if text.lstrip().startswith("<"):
        raise SourceError("The download is a web page, not a manifest.", where=url, fix=fix)
    try:
        there = {(one.kind, one.name) for one in documents(text)}
    except YAMLError as error:
        raise SourceError(f"The download is not YAML: {why_not_yaml(error, asset.file)[:200]}", where=url, fix=fix) from error
    missing = [f"{kind} {name}" for kind, name in asset.needed if (kind, name) not in there]
    if missing:
        raise SourceError(
            f"The download is not the whole {asset.file}: it has {len(there)} objects and lacks {', '.join(missing)}.",
            where=url,
            fix=fix,
        )
    return text


class _Store:
    """Files by the hash of their content, and which address had which. A release does not change, so none is asked twice."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def get(self, url: str, download: Callable[[], str]) -> str:
        """What the address had, from the store if its hash still holds, else downloaded and kept."""
        note = self._root / "addresses" / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"
        kept = self._kept(note)
        if kept is not None:
            return kept
        text = download()
        digest = hashlib.sha256(text.encode()).hexdigest()
        write_atomic(self._root / f"{digest}.yaml", text)
        write_json(note, {"url": url, "sha256": digest})
        return text

    def _kept(self, note: Path) -> str | None:
        try:
            digest = str(json.loads(note.read_text(encoding="utf-8"))["sha256"])
            content = (self._root / f"{digest}.yaml").read_bytes()
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return content.decode() if hashlib.sha256(content).hexdigest() == digest else None
