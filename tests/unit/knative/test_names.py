"""What Kubernetes, Knative and the apps decided is spelled in one room each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.apps import toggle
from harness.knative import names, probes

HARNESS = Path(names.__file__).parents[1]
TEXTS = frozenset(
    {
        *(names.USER_CONTAINER, names.SYSTEM_NAMESPACE, names.SERVING_API, names.SERVICES_CRD, names.ACTIVATOR_SELECTOR),
        *(names.SERVICE_LABEL, names.REVISION_LABEL, names.RELEASE_LABEL, names.VERSION_LABEL, names.SLICE_SERVICE_LABEL),
        *(names.MIN_SCALE, names.MAX_SCALE, names.INITIAL_SCALE, names.WINDOW, names.TARGET_BURST_CAPACITY, probes.KUBELET_AGENT),
        *(toggle.POD_HEADER, toggle.BOOT_HEADER, toggle.TOKEN_HEADER, toggle.TOKEN_ENV, toggle.CONTROL_PORT_ENV),
        *(toggle.STARTUP_DELAY_ENV, toggle.SIGTERM_ENV),
    }
)
PORTS = frozenset(
    {names.HTTP_PORT, names.H2C_PORT, names.ADMIN_PORT, names.AUTOSCALER_METRICS_PORT, names.USER_METRICS_PORT, toggle.CONTROL_PORT}
)


def constants(text: str) -> Iterator[tuple[int, str | int]]:
    """(line, value) of each text and number in a program; docstrings, which are sentences, are among them."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes | int):
            yield node.lineno, node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value


def spelled(text: str) -> list[int]:
    """The lines on which a program spells what belongs to `knative` or `apps`."""
    return [line for line, value in constants(text) if value in TEXTS or value in PORTS]


@pytest.mark.parametrize("path", sorted(HARNESS.rglob("*.py")), ids=lambda path: str(path.relative_to(HARNESS)))
def test_no_other_room_spells_a_name(path: Path) -> None:
    """It imports it: what is written twice is corrected once."""
    if path.relative_to(HARNESS).parts[0] not in {"knative", "apps"}:
        assert spelled(path.read_text(encoding="utf-8")) == []


def test_no_other_room_reads_a_time_of_its_own() -> None:
    """There is one RFC 3339 parser."""
    readers = re.compile(r"\b(?:fromisoformat|strptime|timegm)\(")
    found = {path.relative_to(HARNESS).as_posix() for path in HARNESS.rglob("*.py") if readers.search(path.read_text("utf-8"))}
    assert found == {"knative/times.py"}


def test_a_copy_is_found() -> None:
    """In a text, in bytes and as a number."""
    assert spelled('A = "user-container"\nB = b"x-toggle-boot"\nC = 8012\nD = "user-containers"\n') == [1, 2, 3]
