"""What several files of these tests pretend."""

from __future__ import annotations

import pytest

from harness.advise.data import Measured


class _Everything(dict[str, Measured]):
    """A result for every scenario."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> Measured:
        return Measured("00000000", 3, "what it would see")


@pytest.fixture
def all_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every scenario had a result: rules and changes that wait for theirs are tested today."""
    monkeypatch.setattr("harness.advise.advising.measured", _Everything)
