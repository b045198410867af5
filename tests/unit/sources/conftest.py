"""What each test of the sources starts from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.adapters.files import State
from tests.unit.sources.site import Site, serving


@pytest.fixture
def state(tmp_path: Path) -> State:
    """A state directory of the test's own."""
    return State(tmp_path / "state")


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the environment would be asked for the test's own server, and for the one that is not there."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    """A running server."""
    with serving() as running:
        yield running
