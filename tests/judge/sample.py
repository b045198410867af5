"""A sample of the judges' answers, kept in the repository so that `make test` needs no judge."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.knative.manifest.places import Obj

SAMPLE = Path(__file__).parent / "answers"


def write(path: Path, kept: Sequence[tuple[Obj, bool, Obj]]) -> None:
    """One JSON line for each manifest: itself, whether multi-container-probing was on, and the answer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (
        json.dumps({"object": obj, "probing": probing, "answer": answer}, separators=(",", ":")) for obj, probing, answer in kept
    )
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write("".join(f"{line}\n" for line in lines).encode())


def read(path: Path) -> Iterator[tuple[Obj, bool, Obj]]:
    """The same again."""
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        one = json.loads(line)
        yield one["object"], one["probing"], one["answer"]
