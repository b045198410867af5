"""What the source of a Serving version says about the names that differ from release to release.

Read from the version's own Go files, not from a table: a patch release or a checkout may differ from the release notes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.adapters.documents import YAMLError, documents
from harness.adapters.files import State
from harness.knative.lines import DRAIN
from harness.model import KnativeVersion
from harness.sources.module import REMOVED_APIS, SERVING

REQUEST_METRICS = ("kn.serving.invocation.duration", "kn.queueproxy.app.duration", "app_request_count")
"""The names under which queue-proxy counts requests, newest first. Up to 1.18 the one scraped has `revision_` before it."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """request_metric: of queue-proxy, "" if none of the known names is in its source. drain_line: whether it logs the preStop call.

    commands: the programs that its manifests start, by name. removed: the objects left out, as their API is gone from Kubernetes.
    """

    request_metric: str
    drain_line: bool
    commands: tuple[str, ...]
    removed: tuple[str, ...]


def fetched(state: State, version: KnativeVersion) -> Path | None:
    """Where the version's module lies, None if it was never fetched."""
    place = state.go / "path" / "pkg" / "mod" / f"{SERVING}@{version.module}"
    return place if place.is_dir() else None


def dialect_of(serving: Path) -> Dialect:
    """The dialect of the Serving in this directory. Files that cannot be read say nothing."""
    metrics: set[str] = set()
    drain = False
    for source in (*_texts(serving, "cmd/queue", "*.go"), *_texts(serving, "pkg/queue", "*.go")):
        metrics.update(name for name in REQUEST_METRICS if f'"{name}"' in source)
        drain = drain or DRAIN in source
    commands: set[str] = set()
    removed: list[str] = []
    for text in _texts(serving, "config/core", "*.yaml"):
        try:
            objects = list(documents(text))
        except YAMLError:
            continue
        for one in objects:
            if one.api_version in REMOVED_APIS:
                removed.append(f"{one.kind} {one.name}")
            commands.update(value.rsplit("/", 1)[-1] for value in one.strings() if value.startswith("ko://"))
    metric = next((name for name in REQUEST_METRICS if name in metrics), "")
    return Dialect(
        f"revision_{metric}" if metric == "app_request_count" else metric, drain, tuple(sorted(commands)), tuple(removed)
    )


def _texts(root: Path, below: str, pattern: str) -> Iterator[str]:
    for path in sorted((root / below).rglob(pattern)):
        if not path.name.endswith("_test.go"):
            try:
                yield path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
