"""The dialect of a version, from small sources of the shapes the real ones have."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.adapters.files import State
from harness.model import KnativeVersion
from harness.sources import dialect_of, fetched

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller}
spec: {template: {spec: {containers: [{image: ko://knative.dev/serving/cmd/controller}]}}}
---
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: activator-pdb}
"""


def write(root: Path, name: str, text: str) -> None:
    """One file of a module."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "metric"),
    [
        ('stats.Int64("app_request_count", "")', "revision_app_request_count"),
        ('meter.Float64Histogram("kn.queueproxy.app.duration")', "kn.queueproxy.app.duration"),
        ('"kn.serving.invocation.duration",', "kn.serving.invocation.duration"),
        ('// "elsewhere"', ""),
    ],
)
def test_the_metric_is_the_one_in_the_source(tmp_path: Path, source: str, metric: str) -> None:
    """Not the one that a test of Serving's names."""
    write(tmp_path, "pkg/queue/request_metric.go", source)
    write(tmp_path, "pkg/queue/request_metric_test.go", '"kn.serving.invocation.duration"')
    assert dialect_of(tmp_path).request_metric == metric


def test_commands_and_removed_objects_come_from_the_manifests(tmp_path: Path) -> None:
    """And a manifest that cannot be read takes nothing from the others."""
    write(tmp_path, "config/core/controller.yaml", MANIFEST)
    write(tmp_path, "config/core/a-broken.yaml", "{")
    write(tmp_path, "cmd/queue/main.go", 'logger.Info("Attached drain handler from user-container")')
    found = dialect_of(tmp_path)
    assert (found.commands, found.removed, found.drain_line) == (("controller",), ("PodDisruptionBudget activator-pdb",), True)


def test_a_module_counts_as_fetched_when_it_lies_in_the_state_directory(tmp_path: Path) -> None:
    """Where the toolchain puts it."""
    version = KnativeVersion.parse("1.16")
    assert fetched(State(tmp_path), version) is None
    place = tmp_path / "go" / "path" / "pkg" / "mod" / "knative.dev" / "serving@v0.43.0"
    place.mkdir(parents=True)
    assert fetched(State(tmp_path), version) == place
