"""A bundle: one archive with the files of a run and a MANIFEST of them, the same bytes for the same files.

MANIFEST.json       kind, schema, harness, what the run was, and of each other file its path, size and SHA-256
run/                the run directory
...                 what else the caller gives

An archive of somebody else's is read with care: nothing is written before its manifest is understood, each file is held against the
manifest while it is written, and what is unpacked appears at its place whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from harness.adapters.files import made_directory
from harness.errors import BadInput
from harness.history.codec import DoesNotFit, decode, encode

MANIFEST = "MANIFEST.json"
RUN_BELOW = "run"
"""Where the run directory lies in a bundle."""

KIND = "knative-chaos bundle"
BUNDLE_SCHEMA = 1
"""Raised only when a key of the manifest, or a place in the archive, changes its meaning."""

MOST_BYTES = 4 << 30
"""Of everything that a bundle unpacks to: 1 GiB of observations are some 4 million lines of log."""

MOST_FILES = 20_000
MOST_MANIFEST_BYTES = 8 << 20

GET_AGAIN = "Get it again from whoever made it with `knative-chaos bundle`."
NO_BUNDLE = "Name a file that `knative-chaos bundle` wrote."
"""What mends a damaged bundle, and a file that is none."""

_FIRST = b"PK\x03\x04"
"""The first bytes of a zip archive that holds a file."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that the format knows: when the files were written says nothing of the run."""

_MODE = stat.S_IFREG | 0o644
_UNIX = 3
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Packed:
    """One file of a bundle. path: within it. bytes: its size. sha256: of its content."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle says of itself.

    harness: the version that wrote it. stack, arm: ids, "" where a record of an earlier release has none. seeds: by what they
    decide. redacted: how many different values were replaced, by kind. left_out: files of the run directory that no run has.
    """

    harness: str
    scenario: str
    run_id: str
    knative: str
    verdict: str
    stack: str
    arm: str
    seeds: Mapping[str, int]
    redacted: Mapping[str, int]
    left_out: int = 0
    files: tuple[Packed, ...] = ()


def write(root: Path, target: Path, manifest: Manifest) -> Manifest:
    """Pack every file below root, and the manifest with them. Returns it as it was written. Raises BadInput.

    target: replaced whole or not at all. The same files give the same bytes.
    """
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    packed = tuple(_packed(root, path) for path in paths)
    manifest = replace(manifest, files=packed)
    head = {"kind": KIND, "schema": BUNDLE_SCHEMA, "harness": manifest.harness, "bundle": encode(manifest)}
    shown = json.dumps(head, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        with _whole(target) as part, zipfile.ZipFile(part, "w") as archive:
            archive.writestr(_info(MANIFEST), shown.encode("utf-8", "backslashreplace"))
            for path in paths:
                with (root / path).open("rb") as source, archive.open(_info(path), "w", force_zip64=True) as out:
                    shutil.copyfileobj(source, out, _CHUNK)
    except OSError as error:
        raise BadInput(
            f"The bundle cannot be written: {error.strerror}.", fix="Name another file with --out.", where=str(target)
        ) from error
    return manifest


def read_manifest(archive: Path) -> Manifest:
    """What the bundle says of itself. Raises BadInput for what is not a bundle, is damaged, or is of another schema."""
    with _opened(archive) as opened:
        return _manifest(opened, archive)


def directory_name(manifest: Manifest) -> str:
    """What the directory of an unpacked bundle is called, fit for any file system whatever the manifest says."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", f"{manifest.scenario}-{manifest.run_id}").lstrip(".")[:120] or "bundle"


def unpack(archive: Path, target: Path, *, most_bytes: int = MOST_BYTES) -> Manifest:
    """Verify the bundle and unpack it to `target`, which must not be there yet. Raises BadInput with one line on what is wrong.

    Whatever happens, target holds all of the bundle or is not there. most_bytes: that it may unpack to.
    """
    if target.exists() or target.is_symlink():
        raise BadInput(f"{target} is already there.", fix="Remove it, or name another directory with --out.")
    with _opened(archive) as opened:
        manifest = _manifest(opened, archive)
        _require_members(opened, manifest, archive, most_bytes)
        with _whole_directory(target) as part:
            for one in manifest.files:
                _write_one(opened, one, part, archive)
    return manifest


def _packed(root: Path, path: str) -> Packed:
    with (root / path).open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    return Packed(path, (root / path).stat().st_size, digest)


def _info(path: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = _UNIX
    info.external_attr = _MODE << 16
    return info


def _damaged(archive: Path, why: str, error: BaseException | None = None) -> NoReturn:
    raise BadInput(f"The bundle is damaged: {why}.", fix=GET_AGAIN, where=str(archive)) from error


def _begins_as_zip(archive: Path) -> bool:
    """As an archive does that was cut off behind its beginning."""
    with archive.open("rb") as source:
        return source.read(len(_FIRST)) == _FIRST


@contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """The archive. Everything that the library raises for a damaged one becomes BadInput."""
    if not archive.exists():
        raise BadInput(f"There is not a bundle {archive}.", fix=NO_BUNDLE)
    try:
        with zipfile.ZipFile(archive) as opened:
            yield opened
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        if not _begins_as_zip(archive):
            raise BadInput(f"{archive} is not a bundle: a bundle is a zip archive.", fix=NO_BUNDLE) from error
        _damaged(archive, f"it is no whole zip archive ({error})", error)
    except OSError as error:
        raise BadInput(f"The bundle cannot be read or unpacked: {error.strerror or error}.", where=str(archive)) from error


def _manifest(opened: zipfile.ZipFile, archive: Path) -> Manifest:
    infos = [info for info in opened.infolist() if info.filename == MANIFEST]
    if len(infos) != 1:
        raise BadInput(f"{archive} is not a bundle: it has no {MANIFEST}.", fix=NO_BUNDLE)
    _require_plain(infos[0], archive)
    if infos[0].file_size > MOST_MANIFEST_BYTES:
        _damaged(archive, f"its {MANIFEST} has {infos[0].file_size} bytes")
    try:
        with opened.open(infos[0]) as source:
            head: Any = json.loads(source.read(MOST_MANIFEST_BYTES))
    except (ValueError, RecursionError) as error:
        _damaged(archive, f"its {MANIFEST} is no JSON", error)
    if not isinstance(head, dict) or head.get("kind") != KIND:
        raise BadInput(f"{archive} is not a bundle: its {MANIFEST} is something else.", fix=NO_BUNDLE)
    if (schema := head.get("schema")) != BUNDLE_SCHEMA:
        wrote = f", written by harness {head.get('harness')}" if isinstance(head.get("harness"), str) else ""
        raise BadInput(
            f"The bundle has schema {schema!r}{wrote}; this release reads {BUNDLE_SCHEMA}.",
            fix="Read it with the release that wrote it.",
            where=str(archive),
        )
    try:
        return decode(Manifest, head.get("bundle"))
    except DoesNotFit as error:
        _damaged(archive, f"its {MANIFEST} is not what it should be ({error})", error)


def _require_members(opened: zipfile.ZipFile, manifest: Manifest, archive: Path, most_bytes: int) -> None:
    """Raise BadInput unless the archive holds the manifest's files, each once and of its size, and nothing else."""
    infos = [info for info in opened.infolist() if info.filename != MANIFEST]
    if len(infos) > MOST_FILES:
        raise BadInput(f"The bundle has {len(infos)} files; a run has {MOST_FILES} at most.", where=str(archive))
    listed = {one.path: one for one in manifest.files}
    names = [info.filename for info in infos]
    if len(listed) != len(manifest.files) or len(set(names)) != len(names):
        _damaged(archive, "it has a file twice")
    for path in (*names, *listed):
        _require_inside(path, archive)
    folded = {str(PurePosixPath(path)) for path in listed}
    if any(str(above) in folded for path in folded for above in PurePosixPath(path).parents):
        _damaged(archive, "a file is the directory of another")
    if more := sorted(set(names) - set(listed)):
        _damaged(archive, f"{more[0]!r} is in it, but not in its {MANIFEST}")
    if gone := sorted(set(listed) - set(names)):
        _damaged(archive, f"{gone[0]!r} is missing")
    for info in infos:
        _require_plain(info, archive)
        if info.file_size != listed[info.filename].bytes or info.file_size < 0:
            _damaged(archive, f"{info.filename!r} has {info.file_size} bytes, its {MANIFEST} says {listed[info.filename].bytes}")
    if (total := sum(info.file_size for info in infos)) > most_bytes:
        raise BadInput(
            f"The bundle unpacks to {total} bytes; {most_bytes} are the most.",
            fix="Do not open it unless you know who made it.",
            where=str(archive),
        )


def _require_inside(path: str, archive: Path) -> None:
    """Raise BadInput for a name that leads out of the directory, on this system or another."""
    parts = path.split("/")
    odd = "\\" in path or ":" in parts[0] or any(not one.isprintable() for one in path)
    if not path or odd or any(one in {"", ".", ".."} for one in parts):
        raise BadInput(
            f"The bundle has a file {path!r}, which would lie outside of it.",
            fix="Do not open it: `knative-chaos bundle` writes no such file.",
            where=str(archive),
        )


def _require_plain(info: zipfile.ZipInfo, archive: Path) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG} or info.is_dir():
        words = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a directory", 0: "a directory"}
        raise BadInput(
            f"The bundle has {words.get(kind, 'a device')}, {info.filename!r}; it may hold plain files alone.",
            fix="Do not open it: `knative-chaos bundle` writes no such file.",
            where=str(archive),
        )
    if info.flag_bits & 1 or info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        _damaged(archive, f"{info.filename!r} is encrypted, or compressed in a way that no bundle is")


def _write_one(opened: zipfile.ZipFile, one: Packed, part: Path, archive: Path) -> None:
    """Write a file while its size and digest are computed: what the archive's own index says of them is not believed."""
    place = part / one.path
    place.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with opened.open(one.path) as source, place.open("xb") as out:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > one.bytes:
                break
            digest.update(chunk)
            out.write(chunk)
    if size != one.bytes or digest.hexdigest() != one.sha256:
        _damaged(archive, f"{one.path!r} is not the file that its {MANIFEST} describes")


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A path beside the target to write to, which takes the target's place if the block ends well and is gone if it does not."""
    with (
        made_directory(target.parent),
        tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as beside,
    ):
        part = Path(beside) / target.name
        yield part
        part.replace(target)


@contextmanager
def _whole_directory(target: Path) -> Iterator[Path]:
    """The same for a directory."""
    with (
        made_directory(target.parent),
        tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as beside,
    ):
        part = Path(beside) / target.name
        part.mkdir()
        yield part
        part.rename(target)
