"""`python -m tests.bench.sweep design | measure | report | page`: the sweep of docs/sweep.md.

    design                                                 writes the design anew (it is committed; drawing it again gives the same)
    measure --out DIR [--slots K] [--only PART] [--most N] [--cluster NAME]      measures what DIR lacks; Ctrl-C and again goes on
    report --out DIR [--to PLACE]                          results.md, sweep.svg, model.toml of what DIR has, in PLACE (DIR)
    page --out DIR                                         the same in docs/, with what was measured beside; and the model in
                                                           harness/advise/ if it holds on what was held back

Exit codes: 0 done, of `report` and `page`: and the model holds on what was held back; 1 it does not; 2 configurations lack cycles;
3 what the machine lacks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.adapters.files import State, write_atomic
from harness.adapters.signals import as_interrupts
from harness.advise.data import MODEL
from harness.cli.showing import progress_of
from harness.errors import HarnessError, Interrupted
from harness.model import Scenario
from harness.run import Ask, measure, prepare
from tests.bench.restarts.intervals import summed
from tests.bench.restarts.measuring import Kept, Unattended, read_again, reader
from tests.bench.results import keep
from tests.bench.sweep import design, fit, picture, results


def main(argv: Sequence[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sweep")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("design")
    measuring = verbs.add_parser("measure")
    measuring.add_argument("--out", type=Path, required=True)
    measuring.add_argument("--slots", type=int, default=5)
    measuring.add_argument("--only", choices=(design.FIT, design.CHECK), help="measure this part alone")
    measuring.add_argument("--most", type=int, help="measure so many configurations, the first of the design's order")
    measuring.add_argument("--cluster", default="e2e")
    for verb in ("report", "page"):
        telling = verbs.add_parser(verb)
        telling.add_argument("--out", type=Path, required=True)
        telling.add_argument("--to", type=Path)
    asked = parser.parse_args(argv)
    if asked.verb == "design":
        design.write()
        return 0
    if asked.verb == "measure":
        return _measure(asked.out, asked.slots, asked.only, asked.most, asked.cluster)
    kept, to = read_again(asked.out, reader(design.committed().configurations)), asked.to or asked.out
    if not kept.costs:
        print(f"nothing was measured in {asked.out}", file=sys.stderr)
        return 2
    return _told(kept, to, asked.verb)


def _told(kept: Kept, to: Path, verb: str) -> int:
    """What was measured, as files; of `page` those of the repository."""
    made, shown = results.model_of(kept)
    found = results.checked(kept, made)
    text = results.text(kept, made, shown, found)
    drawn = picture.svg(design.committed().configurations, summed(kept.costs))
    if verb == "page":
        write_atomic(results.PAGE, results.page(results.PAGE.read_text(encoding="utf-8"), text))
        write_atomic(results.PAGE.with_suffix(".svg"), drawn)
        keep(results.MEASURED, kept)
        if found is not None and found.holds:
            write_atomic(MODEL, fit.rewritten(MODEL.read_text(encoding="utf-8"), made))
    else:
        write_atomic(to / "results.md", text)
        write_atomic(to / "sweep.svg", drawn)
        write_atomic(to / "model.toml", fit.rewritten(MODEL.read_text(encoding="utf-8"), made))
    print(text)
    for name, known in shown.items():
        print(f"{name}: {' '.join(f'{one:.2f}' for one in sorted(known))}")
    if kept.lacking(design.committed().configurations):
        return 2
    return 0 if found is not None and found.holds else 1


def _measure(out: Path, slots: int, only: str | None, most: int | None, cluster: str) -> int:
    as_interrupts()
    state = State.default()
    progress = progress_of(state)
    wanted = [one for one in design.committed().configurations if only in {None, one.part}][:most]
    out.mkdir(parents=True, exist_ok=True)
    try:
        world = prepare(Ask(cluster=cluster), state=state, progress=progress)

        def measured(_: design.Configuration, scenario: Scenario, width: int, below: Path) -> None:
            measure(scenario, world, artifacts=below, slots=width)

        kept = Unattended("sweep", out, progress, measured, reader(design.committed().configurations), slots).run(wanted)
    except (Interrupted, KeyboardInterrupt) as error:
        print(error or "interrupted", file=sys.stderr)
        return 2
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 3
    lacking = [one.name for one in kept.lacking(wanted)]
    progress.say(f"sweep: lacking cycles: {', '.join(lacking)}" if lacking else "sweep: every configuration has its cycles")
    return 2 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
