"""go.mod files of ours, from what a module's own go.mod says."""

from __future__ import annotations

import pytest

from harness.errors import ImageError
from harness.images.gobinaries import go_line, kubernetes_flags, replaces, staging

STAGED = """module k8s.io/kubernetes

go 1.24.0

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/client-go => ./staging/src/k8s.io/client-go
)
"""

REPLACING = """module knative.dev/serving

go 1.18

require example.org/a v1.0.0

replace example.org/a => example.org/b v1.2.0 // pinned

replace (
\t// why
\texample.org/c => example.org/c v0.1.0

\texample.org/d v1.0.0 => example.org/d v1.1.0
)
"""


def test_staging_modules_are_replaced_by_what_is_published() -> None:
    """v1.34.4 of Kubernetes is v0.34.4 of each of its libraries."""
    assert staging(STAGED, "v1.34.4").splitlines() == [
        "\tk8s.io/api => k8s.io/api v0.34.4",
        "\tk8s.io/client-go => k8s.io/client-go v0.34.4",
    ]


def test_a_kubernetes_without_staging_is_refused() -> None:
    """It would be built from whatever versions its requirements name: v0.0.0, which does not exist."""
    with pytest.raises(ImageError, match="staging"):
        staging("module k8s.io/kubernetes\n", "v2.0.0")


def test_replace_lines_are_carried_over_in_both_spellings() -> None:
    """Comments and empty lines are not."""
    assert replaces(REPLACING).splitlines() == [
        "replace example.org/a => example.org/b v1.2.0",
        "replace example.org/c => example.org/c v0.1.0",
        "replace example.org/d v1.0.0 => example.org/d v1.1.0",
    ]


def test_no_replace_lines_are_no_lines() -> None:
    """Knative of today has none."""
    assert replaces("module x\n\ngo 1.25.0\n") == ""


def test_a_replacement_by_a_local_directory_is_refused() -> None:
    """What Go downloads of a module does not hold the directory."""
    with pytest.raises(ImageError, match=r"\./third_party"):
        replaces("module x\nreplace example.org/a => ./third_party/a\n")


@pytest.mark.parametrize(
    ("text", "version"), [("module x\n\ngo 1.18\n", "1.18"), ("module x\ngo 1.25.0\n", "1.25"), ("module x\n", "1.20")]
)
def test_the_language_version_decides_gos_defaults(text: str, version: str) -> None:
    """A patch level is no part of a default."""
    assert go_line(text) == version


def test_kubernetes_is_told_its_version() -> None:
    """Kubeadm compares it with its own pins, kubelet reports it."""
    flags = kubernetes_flags("v1.34.4")
    assert "-X k8s.io/component-base/version.gitVersion=v1.34.4" in flags
    assert "-X k8s.io/component-base/version.gitMinor=34 " in flags
