"""`make probes-judge`: ask the real code about generated manifests, record a sample of its answers, and say where we differ.

Exit code 1 where there is a difference that docs/probes.md does not explain.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from harness.adapters.files import State
from harness.adapters.progress import Progress
from harness.images.bench import Shelf
from harness.images.versions import CHECKOUT
from harness.knative.manifest.places import Obj
from harness.model import KnativeVersion
from tests.judge.compare import difference, predicted
from tests.judge.generator import manifests
from tests.judge.judges import Judges
from tests.judge.sample import SAMPLE, write

PAGE = CHECKOUT / "docs" / "probes.md"
BEGIN, END = "<!-- result of make probes-judge -->", "<!-- end of the result -->"
BATCH = 500
"""Manifests asked at once: some two seconds of one core."""


def main() -> int:
    """Compare each version that is asked for."""
    arguments = _arguments()
    shelf = Shelf(state=State.default(), progress=Progress(print, State.default().root / "durations.json"))
    rows, worst = [], 0
    for text in arguments.versions:
        version = KnativeVersion.parse(text)
        judges = Judges.build(shelf, version)
        print(f"{version}: the judge is built", flush=True)
        if arguments.build_only:
            continue
        counted: Counter[str] = Counter()
        kept: list[tuple[Obj, bool, Obj]] = []
        for manifest, probing, theirs, said in _compared(judges, arguments.seed, arguments.count):
            counted["accepted" if "rendered" in theirs else str(theirs["errors"][0])] += 1
            if said:
                counted["differences"] += 1
                print(f"{version} multi-container-probing {probing}: {said}\n    {manifest}", flush=True)
            if len(kept) < arguments.sample:
                kept.append((manifest, probing, theirs))
        write(SAMPLE / f"{version}.jsonl.gz", kept)
        rows.append(_row(version, arguments.count, counted))
        worst = max(worst, counted["differences"])
        print(rows[-1], flush=True)
    if rows and not arguments.build_only:
        _into_page(rows, arguments.seed)
    return 1 if worst else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.judge", description=__doc__)
    parser.add_argument("--versions", nargs="+", default=["1.23", "1.17", "1.7"])
    parser.add_argument("--count", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=250, help="answers to keep for `make test`, of each version")
    parser.add_argument("--build-only", action="store_true")
    return parser.parse_args()


def _compared(judges: Judges, seed: int, count: int) -> Iterator[tuple[Obj, bool, Obj, str]]:
    for asked in _batches(list(manifests(seed, count, judges.version))):
        for (manifest, probing), theirs in zip(asked, judges.judged(asked), strict=True):
            ours = predicted(manifest, judges.version, probing=probing)
            yield manifest, probing, theirs, difference(ours, theirs)


def _batches(asked: Sequence[tuple[Obj, bool]]) -> Iterator[Sequence[tuple[Obj, bool]]]:
    for begin in range(0, len(asked), BATCH):
        yield asked[begin : begin + BATCH]


def _row(version: KnativeVersion, count: int, counted: Counter[str]) -> str:
    schema = counted["schema"] + counted["stored"]
    numbers = (counted["accepted"], schema, counted["webhook"], counted["deployment"], counted["differences"])
    return f"| {version} | {count} | {' | '.join(map(str, numbers))} |"


def _into_page(rows: Sequence[str], seed: int) -> None:
    """The table of the page, written anew between its marks."""
    head = (
        f"{datetime.now(UTC):%Y-%m-%d}, seed {seed}:\n\n"
        "| Knative | manifests | accepted | refused by schema | by webhook | as Deployment | differences |"
    )
    table = "\n".join([head, "|---|---|---|---|---|---|---|", *rows])
    text = PAGE.read_text(encoding="utf-8")
    fresh = re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: f"{BEGIN}\n{table}\n{END}", text, flags=re.DOTALL)
    Path(PAGE).write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
