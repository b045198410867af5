"""`python -m tests.bench [full|quick] [--cluster NAME]`: everything `make bench` does, in order.

1 the programs we are compared with · 2 the clients side by side · 3 analysis at size · 4 the price of observation, if a cluster is
up and the run is a full one · 5 the page. Numbers go to artifacts/bench/MODE/*.json as they are found, the page to
docs/benchmarks.md, a quick run's beside its numbers.
`python -m tests.bench page` writes the page again from the numbers of the last full run.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from pathlib import Path

from harness.adapters.files import State, write_atomic
from harness.adapters.progress import Progress
from harness.errors import HarnessError
from tests.bench import compare, price, scaling
from tests.bench.page import page
from tests.bench.results import Comparison, Price, Sizes, keep, read
from tests.bench.subjects import subjects
from tests.bench.tools import provide

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
PARTS = ("compare", "sizes", "price")


def main(argv: list[str]) -> int:
    """Exit code 0; 2 for a run ended by Ctrl-C, whose finished parts are kept; 3 for what the machine lacks."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("mode", nargs="?", choices=("full", "quick", "page"), default="full")
    parser.add_argument("--cluster", default="e2e", help="whose price of observation is measured")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure these parts, take the others from the last run")
    asked = parser.parse_args(argv)
    state = State.default()
    progress = Progress(lambda text: print(text, file=sys.stderr, flush=True), state.root / "durations.json")
    mode = "full" if asked.mode == "page" else asked.mode
    out = ROOT / "artifacts" / "bench" / mode
    out.mkdir(parents=True, exist_ok=True)
    wanted = () if asked.mode == "page" else tuple(asked.only or (PARTS if mode == "full" else PARTS[:2]))
    try:
        if "compare" in wanted:
            keep(out / "compare.json", _compared(mode, out, state, progress))
        if "sizes" in wanted:
            keep(out / "sizes.json", Sizes(scaling.measure(scaling.FULL if mode == "full" else scaling.QUICK, out, progress)))
        if "price" in wanted:
            rounds, seconds = (3, 8.0) if mode == "full" else (1, 4.0)
            found = price.measure(asked.cluster, rounds=rounds, seconds=seconds, state=state, scratch=out, progress=progress)
            keep(out / "price.json", found)
        elif not (out / "price.json").exists():
            keep(out / "price.json", Price(why="this run left it out"))
        text = page(read(out / "compare.json", Comparison), read(out / "sizes.json", Sizes).sizes, read(out / "price.json", Price))
    except KeyboardInterrupt:
        print("ended early: the page stays as it was", file=sys.stderr)
        return 2
    except (HarnessError, OSError, ValueError) as error:
        print(f"{error}", file=sys.stderr)
        return 3
    place = PAGE if mode == "full" else out / "benchmarks.md"
    write_atomic(place, text)
    print(text)
    progress.say(f"wrote {place.relative_to(ROOT)}")
    return 0


def _compared(mode: str, out: Path, state: State, progress: Progress) -> Comparison:
    binaries, versions = provide(state, progress)
    versions |= {name: importlib.metadata.version(name) for name in ("aiohttp", "httpx")}
    extent = compare.FULL if mode == "full" else compare.QUICK
    return compare.Bench(subjects(binaries), extent, progress, out).run(versions)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
