"""An archive of somebody else's: what is wrong with it is one line, and nothing of it is left on the disk."""

from __future__ import annotations

import hashlib
import json
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BadInput, ExitCode
from harness.history import archive
from harness.history.archive import MANIFEST, Manifest

FILES = {"run/run.json": b"{}\n", "run/raw/pod/queue-proxy.0.log": b"line\n" * 50, "arm.json": b"[]\n"}
BLANK = Manifest("0.1.0", "S1", "ab12", "1.23.0", "pass", "stack", "arm", {"phases": 7}, {"secret": 2})

Lie = Callable[[dict[str, Any]], None]


def tree(place: Path) -> Path:
    """FILES, as a directory."""
    for path, body in FILES.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(body)
    return place


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A bundle that nothing is wrong with."""
    archive.write(tree(tmp_path / "tree"), tmp_path / "good.zip", BLANK)
    return tmp_path / "good.zip"


def forged(
    place: Path,
    files: dict[str, bytes] | None = None,
    *,
    modes: dict[str, int] | None = None,
    lie: Lie | None = None,
    unlisted: str = "",
) -> Path:
    """A bundle of these files, with a manifest that fits but for what `lie` makes of it. unlisted: a file that it leaves out."""
    files = FILES if files is None else files
    listed = [
        {"path": path, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        for path, body in files.items()
        if path != unlisted
    ]
    told = {
        name: getattr(BLANK, name)
        for name in ("harness", "scenario", "run_id", "knative", "verdict", "stack", "arm", "seeds", "redacted")
    }
    head: dict[str, Any] = {
        "kind": archive.KIND,
        "schema": archive.BUNDLE_SCHEMA,
        "harness": "9.9",
        "bundle": {**told, "files": listed},
    }
    if lie:
        lie(head)
    with zipfile.ZipFile(place, "w") as out:
        out.writestr(MANIFEST, json.dumps(head))
        for path, body in files.items():
            info = zipfile.ZipInfo(path)
            info.external_attr = (modes or {}).get(path, stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(info, body)
    return place


def refused(bundle: Path, why: str, **how: Any) -> None:
    """One clear line, exit code 3, and nothing beside the archive but what was there before."""
    before = set(bundle.parent.rglob("*"))
    with pytest.raises(BadInput, match=why) as told:
        archive.unpack(bundle, bundle.parent / "deep" / "out", **how)
    assert "\n" not in str(told.value)
    assert told.value.exit_code == ExitCode.BAD_INPUT_OR_HOST
    assert set(bundle.parent.rglob("*")) == before


def test_what_was_packed_is_unpacked(good: Path, tmp_path: Path) -> None:
    """Every byte, and the manifest."""
    manifest = archive.unpack(good, tmp_path / "out")
    assert {one.path: (tmp_path / "out" / one.path).read_bytes() for one in manifest.files} == FILES
    assert archive.read_manifest(good) == manifest
    assert (manifest.seeds, manifest.redacted) == ({"phases": 7}, {"secret": 2})


def test_the_same_files_give_the_same_bytes(good: Path, tmp_path: Path) -> None:
    """Whenever they were written and in which order."""
    later = tree(tmp_path / "later")
    (later / "run" / "run.json").touch()
    archive.write(later, tmp_path / "later.zip", BLANK)
    assert (tmp_path / "later.zip").read_bytes() == good.read_bytes()


def test_a_forged_bundle_without_a_lie_is_good(tmp_path: Path) -> None:
    """Or the tests below would see something else than the lie."""
    archive.unpack(forged(tmp_path / "x.zip"), tmp_path / "out")
    assert (tmp_path / "out" / "arm.json").read_bytes() == FILES["arm.json"]


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99])
def test_a_truncated_archive(good: Path, tmp_path: Path, share: float) -> None:
    """Wherever it ends."""
    body = good.read_bytes()
    (tmp_path / "cut.zip").write_bytes(body[: int(len(body) * share)])
    refused(tmp_path / "cut.zip", "damaged: it is no whole zip archive")


def test_a_bit_that_was_turned_over_is_never_unpacked(good: Path, tmp_path: Path) -> None:
    """In any byte of the archive: refused, or nothing that was packed is different."""
    body = good.read_bytes()
    for place in range(0, len(body), 7):
        (tmp_path / "flipped.zip").write_bytes(body[:place] + bytes([body[place] ^ 0x10]) + body[place + 1 :])
        out = tmp_path / f"out-{place}"
        try:
            archive.unpack(tmp_path / "flipped.zip", out)
        except BadInput:
            assert not out.exists()
        else:
            assert {path: (out / path).read_bytes() for path in FILES} == FILES


@pytest.mark.parametrize(
    "path",
    ["../evil", "run/../../evil", "/etc/evil", "run//evil", "./evil", "C:/evil", "run\\..\\evil", "run/ev\nil", ""],
)
def test_a_name_that_leads_out_of_it(tmp_path: Path, path: str) -> None:
    """On this system or another, whether the manifest lists it or not."""
    refused(forged(tmp_path / "x.zip", {**FILES, path: b"x"}), "outside of it")
    refused(forged(tmp_path / "y.zip", {**FILES, path: b"x"}, unlisted=path), "outside of it")


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (stat.S_IFLNK, "a link"),
        (stat.S_IFCHR, "a device"),
        (stat.S_IFBLK, "a device"),
        (stat.S_IFIFO, "a device"),
        (stat.S_IFDIR, "a directory"),
    ],
)
def test_what_is_no_plain_file(tmp_path: Path, mode: int, words: str) -> None:
    """A link to /etc/passwd would be read as part of the run."""
    refused(forged(tmp_path / "x.zip", {**FILES, "run/x": b"/etc/passwd"}, modes={"run/x": mode | 0o777}), words)


def test_another_digest(tmp_path: Path) -> None:
    """The archive's own checksum fits; the manifest's does not."""

    def lie(head: dict[str, Any]) -> None:
        head["bundle"]["files"][1]["sha256"] = "0" * 64

    refused(forged(tmp_path / "x.zip", lie=lie), "is not the file that its MANIFEST.json describes")


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        (lambda head: head.update(schema=2), "has schema 2, written by harness 9.9; this release reads 1"),
        (lambda head: head.update(schema="1"), "has schema '1'"),
        (lambda head: head.update(kind="else"), "is something else"),
        (lambda head: head["bundle"].pop("seeds"), "is not what it should be"),
        (lambda head: head["bundle"]["files"].append({"path": "run/more", "bytes": 1, "sha256": ""}), "'run/more' is missing"),
        (lambda head: head["bundle"]["files"].pop(), "'arm.json' is in it, but not in its"),
        (lambda head: head["bundle"]["files"].append(head["bundle"]["files"][0]), "a file twice"),
        (lambda head: head["bundle"]["files"][0].update(bytes=4), "has 3 bytes, its MANIFEST.json says 4"),
        (lambda head: head["bundle"]["files"][0].update(path="../evil"), "outside of it"),
    ],
    ids=["schema", "schema text", "kind", "field", "gone", "more", "twice", "size", "outside"],
)
def test_a_manifest_that_does_not_fit(tmp_path: Path, lie: Lie, why: str) -> None:
    """Refused before anything is written."""
    refused(forged(tmp_path / "x.zip", lie=lie), why)


def test_a_file_that_is_the_directory_of_another(tmp_path: Path) -> None:
    """One of the two could not be written."""
    refused(forged(tmp_path / "x.zip", {"run/a": b"x", "run/a/b": b"y"}), "the directory of another")


def test_too_much(tmp_path: Path, good: Path) -> None:
    """A small archive can hold a large file of zeros; its index says so, and if it lies, the reading stops."""
    refused(
        forged(tmp_path / "big.zip", {"run/zeros": bytes(5_000_000)}),
        "unpacks to 5000000 bytes; 1000000 are the most",
        most_bytes=1_000_000,
    )
    body = bytearray(
        forged(
            tmp_path / "lie.zip", {"run/zeros": bytes(5_000_000)}, lie=lambda head: head["bundle"]["files"][0].update(bytes=9)
        ).read_bytes()
    )
    size, at = (5_000_000).to_bytes(4, "little"), -1
    while (at := body.find(size, at + 1)) >= 0:
        body[at : at + 4] = (9).to_bytes(4, "little")
    (tmp_path / "lie.zip").write_bytes(body)
    refused(tmp_path / "lie.zip", "damaged", most_bytes=1_000_000)


def test_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs an inode."""
    monkeypatch.setattr(archive, "MOST_FILES", 2)
    refused(forged(tmp_path / "x.zip"), "has 3 files")


def test_what_is_no_bundle(tmp_path: Path) -> None:
    """A file that is not there, another zip, a directory, a text, an empty file, another archive."""
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as out:
        out.writestr("hello", "x")
    refused(tmp_path / "other.zip", "no MANIFEST.json")
    refused(tmp_path / "gone.zip", "There is not a bundle")
    (tmp_path / "text.zip").write_text("hello", encoding="utf-8")
    refused(tmp_path / "text.zip", r"text\.zip is not a bundle: a bundle is a zip archive")
    (tmp_path / "empty.zip").touch()
    refused(tmp_path / "empty.zip", "is not a bundle")
    with tarfile.open(tmp_path / "run.tar", "w") as tar:
        tar.add(tmp_path / "text.zip", "run/run.json")
    refused(tmp_path / "run.tar", "is not a bundle")
    (tmp_path / "directory.zip").mkdir()
    refused(tmp_path / "directory.zip", "cannot be read")


def test_a_target_that_is_there_is_not_touched(good: Path, tmp_path: Path) -> None:
    """Somebody may have analysed there."""
    (tmp_path / "out").mkdir()
    with pytest.raises(BadInput, match="already there"):
        archive.unpack(good, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_interrupt_leaves_nothing(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while files are written."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(archive, "_write_one", interrupted)
    before = set(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        archive.unpack(good, tmp_path / "out")
    assert set(tmp_path.iterdir()) == before


def test_a_directory_is_named_after_the_run() -> None:
    """Whatever somebody else's manifest says."""
    assert archive.directory_name(BLANK) == "S1-ab12"
    odd = Manifest("", "../../x", "y/z", "", "", "", "", {}, {})
    assert archive.directory_name(odd) == "_.._x-y_z"
