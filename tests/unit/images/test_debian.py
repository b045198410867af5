"""The host's own mirror: found in both spellings of apt's sources, and only a mirror of Debian."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import HostError
from harness.images import debian
from harness.images.debian import host_mirror

NEW_STYLE = """Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    """An empty /etc/apt."""
    (tmp_path / "apt" / "sources.list.d").mkdir(parents=True)
    return tmp_path / "apt"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A Debian host's /etc/os-release."""
    path = tmp_path / "os-release"
    path.write_text('PRETTY_NAME="Debian"\nID=debian\n', encoding="utf-8")
    return path


def test_the_new_spelling_is_read(apt: Path, release: Path) -> None:
    """The security archive is another one and is not taken."""
    (apt / "sources.list.d" / "debian.sources").write_text(NEW_STYLE, encoding="utf-8")
    assert host_mirror(apt, release) == "http://mirror.example/debian"


def test_the_old_spelling_is_read(apt: Path, release: Path) -> None:
    """Options in brackets, comments and other people's archives do not matter."""
    (apt / "sources.list").write_text(
        "# deb http://old.example/debian bookworm main\n"
        "deb http://security.example/debian-security bookworm-security main\n"
        "deb http://apt.example/tool stable main\n"
        "deb [arch=amd64] http://mirror.example/debian/ bookworm main contrib # ours\n",
        encoding="utf-8",
    )
    assert host_mirror(apt, release) == "http://mirror.example/debian/"


@pytest.mark.parametrize(
    "text",
    ["", "deb http://apt.example/tool stable main\n", "deb file:/media/debian bookworm main\n"],
    ids=["none", "other", "file"],
)
def test_without_one_debootstrap_chooses(apt: Path, release: Path, text: str) -> None:
    """No address is made up."""
    (apt / "sources.list").write_text(text, encoding="utf-8")
    assert host_mirror(apt, release) == ""


def test_another_distributions_mirror_is_not_taken(apt: Path, tmp_path: Path) -> None:
    """It has not Debian's packages."""
    (apt / "sources.list.d" / "debian.sources").write_text(NEW_STYLE, encoding="utf-8")
    other = tmp_path / "other"
    other.write_text("ID=ubuntu\nID_LIKE=debian\n", encoding="utf-8")
    assert host_mirror(apt, other) == ""


def test_a_disabled_paragraph_is_not_read(apt: Path, release: Path) -> None:
    """Apt does not read it either."""
    (apt / "sources.list.d" / "debian.sources").write_text(
        "Enabled: no\n" + NEW_STYLE.split("\n\n", maxsplit=1)[0], encoding="utf-8"
    )
    assert host_mirror(apt, release) == ""


def test_without_root_one_line_says_so_and_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostError, match="needs root") as failure:
        debian.debootstrap("trixie", ("curl",), tmp_path / "root", tmp_path / "log")
    assert "--kn-source release" in failure.value.fix
    assert not (tmp_path / "log").exists()


def test_without_debootstrap_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """apt-get install is one line away."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian, "which", lambda _program, _extra: None)
    with pytest.raises(HostError, match="debootstrap is not on this machine") as failure:
        debian.debootstrap("trixie", ("curl",), tmp_path / "root", tmp_path / "log")
    assert failure.value.fix.startswith("apt-get install")
