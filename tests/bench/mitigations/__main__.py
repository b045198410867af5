"""`python -m tests.bench.mitigations design | measure | report | page`: the mitigations of docs/mitigations.md, side by side.

    design                                   the cells in the order of measuring, with about how long they take; measures nothing
    measure --out DIR [--slots K] [--only SITUATION] [--arm ARM] [--most N] [--cluster NAME]
                                             measures what DIR lacks; Ctrl-C and again goes on
    report --out DIR                         prints what DIR has, as it stands on the page
    page --out DIR                           the page in docs/, with what was measured beside

Exit codes: 0 done; 2 cells lack cycles; 3 what the machine lacks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.adapters.files import State, write_atomic
from harness.adapters.progress import Progress
from harness.adapters.signals import as_interrupts
from harness.cli.showing import progress_of
from harness.errors import HarnessError, Interrupted
from harness.model import Scenario
from harness.run import Ask, World, asked_build, measure, prepare
from tests.bench.mitigations import results
from tests.bench.mitigations.design import ARMS, SITUATIONS, Cell, designed
from tests.bench.restarts.costs import Cost
from tests.bench.restarts.measuring import Unattended, read_again, reader
from tests.bench.results import keep


def main(argv: Sequence[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.mitigations")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("design")
    measuring = verbs.add_parser("measure")
    measuring.add_argument("--out", type=Path, required=True)
    measuring.add_argument("--slots", type=int, default=5, help="at most so many cycles at the same time")
    measuring.add_argument("--only", choices=tuple(SITUATIONS), action="append", help="measure this situation; may be repeated")
    measuring.add_argument("--arm", choices=tuple(ARMS), action="append", help="measure this arm; may be repeated")
    measuring.add_argument("--most", type=int, help="of these the first N, in the design's order")
    measuring.add_argument("--cluster", default="e2e")
    for verb in ("report", "page"):
        verbs.add_parser(verb).add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(argv)
    if asked.verb == "design":
        for one in designed():
            print(f"{one.name}: {one.cycles} cycles in {one.slots} slots; {one.words}")
        return 0
    if asked.verb == "measure":
        return _measure(asked.out, asked.slots, chosen(asked.only, asked.arm)[: asked.most], asked.cluster)
    kept = read_again(asked.out, read_run)
    if asked.verb == "page":
        write_atomic(results.PAGE, results.page(results.PAGE.read_text(encoding="utf-8"), kept))
        keep(results.MEASURED, kept)
    print(results.text(kept))
    return 2 if kept.lacking(designed()) else 0


def chosen(situations: Sequence[str] | None, arms: Sequence[str] | None) -> tuple[Cell, ...]:
    """The cells of these situations and arms; None: of all."""
    return tuple(one for one in designed() if one.situation in (situations or SITUATIONS) and one.arm in (arms or ARMS))


def read_run(place: Path) -> Sequence[Cost]:
    """The counted cycles of a run, if it measured the cell of its name, with its queue-proxy."""
    queue_proxies = {one.name: one.queue_proxy for one in designed()}
    return [cost for cost in reader(designed())(place) if is_on(cost.stack, queue_proxies[cost.name])]


def is_on(stack: str, queue_proxy: str) -> bool:
    """Whether a run on this stack had this queue-proxy, "path:DIR", or the installed one, ""."""
    name = Path(queue_proxy.removeprefix("path:")).name
    return f"queue-proxy {name}:" in stack if queue_proxy else "queue-proxy" not in stack


def _measure(out: Path, slots: int, wanted: Sequence[Cell], cluster: str) -> int:
    as_interrupts()
    state = State.default()
    progress = progress_of(state)
    out.mkdir(parents=True, exist_ok=True)
    try:
        worlds = _worlds({one.queue_proxy for one in wanted}, cluster, state, progress)

        def measured(one: Cell, scenario: Scenario, width: int, below: Path) -> None:
            measure(scenario, worlds[one.queue_proxy], artifacts=below, slots=width)

        kept = Unattended("mitigations", out, progress, measured, read_run, slots).run(wanted)
    except (Interrupted, KeyboardInterrupt) as error:
        print(error or "interrupted", file=sys.stderr)
        return 2
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 3
    missing = [one.name for one in kept.lacking(wanted)]
    progress.say(f"mitigations: lacking cycles: {', '.join(missing)}" if missing else "mitigations: every cell has its cycles")
    return 2 if missing else 0


def _worlds(queue_proxies: Iterable[str], cluster: str, state: State, progress: Progress) -> Mapping[str, World]:
    """One cluster, once for each queue-proxy: all are built before the first run. A run sets its own and sets it back."""
    return {
        swap: prepare(Ask(cluster=cluster, build=asked_build("", swap)), state=state, progress=progress)
        for swap in sorted(queue_proxies)
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
