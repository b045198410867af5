"""What the listening sockets of recorded runs show beside the app's own log: `python -m tests.cluster.witness RUN_DIRECTORY...`.

Prints the bracket of each edge beside the app's stamp, then each figure beside its limit. The exit code is 0 only if all limits are
kept (`Figures.broken`), and 2 if a run has no samples of the sockets.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from harness.analyse.listeners import Shut, shuts
from harness.analyse.windows import Window
from harness.apps.toggle import AppEvent, Event, app_events
from harness.history import read
from harness.knative.listeners import LOOPBACK, Stretch, stretch_of
from harness.model import LISTENER_HOLE, CycleMark, History, Observation, Stream

MS = 1_000_000

MEDIAN_MS = 25.0
"""The longest median interval between two looks under load."""

CPU_SHARE = 0.03
"""The largest share of a core that the sampler may use for a pod."""

NO_SAMPLES = 2
"""The exit code where there is nothing to measure."""


@dataclass
class Figures:
    """Of all cycles of all runs. intervals_ms, look_us: of the looks under load. cpu_shares: of a core, for a pod, of each cycle.

    inside: edges whose stamp lies in its bracket; outside: edges whose stamp does not, and edges that only one of the two has.
    overlaps: of those outside, how many calls of the app overlap their bracket, though the stamp after the call does not lie in it.
    unstamped: listeners that went without a word of the app, as after SIGKILL. holes: intervals that should be gaps and are none.
    """

    cycles: int = 0
    inside: int = 0
    outside: int = 0
    overlaps: int = 0
    unstamped: int = 0
    holes: int = 0
    gaps: int = 0
    intervals_ms: list[float] = field(default_factory=list)
    look_us: list[float] = field(default_factory=list)
    cpu_shares: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        """Of the intervals, of which there must be one."""
        return float(np.median(self.intervals_ms))

    @property
    def cpu_share(self) -> float:
        """The largest, of which there must be one."""
        return max(self.cpu_shares)

    def lines(self) -> Iterator[str]:
        """Each figure in words."""
        edges = self.inside + self.outside
        yield f"{self.cycles} cycles; stamps of the app in their brackets: {self.inside} of {edges}"
        yield f"  not: {self.outside}, of which the app's call overlaps the bracket in {self.overlaps}"
        yield f"  listeners that went without a word of the app: {self.unstamped}"
        if self.intervals_ms:
            p99, most = np.quantile(self.intervals_ms, 0.99), max(self.intervals_ms)
            yield (
                f"{len(self.intervals_ms)} intervals between looks under load: median {self.median_ms:.2f} ms "
                f"(limit {MEDIAN_MS:g}), p99 {p99:.2f} ms, longest {most:.1f} ms"
            )
            yield f"a look: median {np.median(self.look_us):.0f} us, p99 {np.quantile(self.look_us, 0.99):.0f} us"
        if self.cpu_shares:
            mean = float(np.mean(self.cpu_shares))
            yield f"CPU of the sampler for a pod: at most {self.cpu_share:.2%} of a core (limit {CPU_SHARE:.0%}), mean {mean:.2%}"
        yield f"gaps: {self.gaps}; intervals of more than {LISTENER_HOLE} that are no gap: {self.holes}"

    def broken(self) -> Iterator[str]:
        """Which of the limits are not kept."""
        if not self.inside:
            yield "no stamp of the app was compared"
        if self.outside:
            yield f"{self.outside} edges without a stamp of the app in their bracket"
        if not self.intervals_ms:
            yield "no interval between two looks under load"
        elif self.median_ms > MEDIAN_MS:
            yield f"the median interval is {self.median_ms:.2f} ms, more than {MEDIAN_MS:g} ms"
        if not self.cpu_shares:
            yield "no cycle in which the sampler printed two lines"
        elif self.cpu_share > CPU_SHARE:
            yield f"the sampler used {self.cpu_share:.2%} of a core for a pod, more than {CPU_SHARE:.0%}"
        if self.holes:
            yield f"{self.holes} holes are no gap"


def main(directories: Sequence[str]) -> int:
    """0: every limit is kept; 1: one is not, or there was nothing to compare; 2: a run has no samples."""
    figures = Figures()
    for directory in directories:
        history = read(Path(directory))
        if not any(_stretches(history)):
            print(f"{directory} has no samples of the listening sockets. {_why_none(history)}")
            return NO_SAMPLES
        print(f"{directory}: {history.meta.spec.scenario}, Knative {history.meta.versions.get('knative')}")
        for line in compare(history, figures):
            print(f"  {line}")
    broken = list(figures.broken())
    print("\n".join([*figures.lines(), *(f"NOT KEPT: {text}" for text in broken)]))
    return 1 if broken else 0


def _why_none(history: History) -> str:
    if not history.meta.listeners_every_ms:
        return "It was recorded without the sampler, as runs of earlier releases and runs on a foreign cluster are."
    return f"The sampler was to look every {history.meta.listeners_every_ms} ms; the gaps of the stream say why it did not."


def compare(history: History, figures: Figures) -> Iterator[str]:
    """Add a run to the figures; what was seen of each edge, in words."""
    for gap in history.gaps:
        if gap.stream is Stream.LISTENERS:
            figures.gaps += 1
            yield f"gap of {(gap.until_ns - gap.from_ns) / MS:.0f} ms, {gap.pod}: {gap.reason}"
    for mark in history.cycles:
        figures.cycles += 1
        stretches = sorted(_stretches(history, mark.pod), key=lambda one: one.looks[0])
        for line in _edges(mark, _told(history, mark), list(shuts(stretches, LOOPBACK, history.meta.user_port)), figures):
            yield f"cycle {mark.index}: {line}"
        looks = [look for one in stretches for look in one.looks if mark.load_started_ns <= look[0] <= mark.ended_ns]
        figures.look_us += [(until - since) / 1e3 for since, until in looks]
        for (before_ns, _), (after_ns, _) in pairwise(looks):
            figures.intervals_ms.append((after_ns - before_ns) / MS)
            hole = after_ns - before_ns > LISTENER_HOLE * history.meta.listeners_every_ms * MS
            figures.holes += hole and not _is_gap(history, mark.pod, before_ns, after_ns)
        figures.cpu_shares += _shares(history, mark)


def _is_gap(history: History, pod: str, from_ns: int, until_ns: int) -> bool:
    mine = (gap for gap in history.gaps if gap.stream is Stream.LISTENERS and gap.pod == pod)
    return any(gap.from_ns <= from_ns and gap.until_ns >= until_ns for gap in mine)


def _stretches(history: History, pod: str = "") -> Iterator[Stretch]:
    """The lines of the sampler, of this pod or of all pods."""
    rows = history.observations.filter(history.observations["stream"] == Stream.LISTENERS.value)
    for name, payload in rows.select("pod", "payload").iter_rows():
        if pod in {"", name} and (stretch := stretch_of(payload)) is not None:
            yield stretch


def _told(history: History, mark: CycleMark) -> list[AppEvent]:
    """What the app's log says of its listener after the fault."""
    rows = history.observations.filter(
        (history.observations["stream"] == Stream.APP.value) & (history.observations["pod"] == mark.pod)
    )
    seen = [Observation(Stream.APP, *row) for row in rows.drop("stream").iter_rows()]
    wanted = {Event.CLOSED, Event.LISTENING}
    return [one for one in app_events(seen) if one.event in wanted and mark.fault_ns <= one.t_ns <= mark.ended_ns]


def _edges(mark: CycleMark, told: Sequence[AppEvent], found: Sequence[Shut], figures: Figures) -> Iterator[str]:
    """Each edge that the app's log or the sockets have after the fault: the stamp beside its own bracket."""
    after = [one for one in found if mark.fault_ns <= one.closed.until_ns and one.closed.from_ns <= mark.ended_ns]
    for event, brackets in (
        (Event.CLOSED, [one.closed for one in after]),
        (Event.LISTENING, [one.opened for one in after if one.opened is not None]),
    ):
        left = list(brackets)
        for one in (one for one in told if one.event == event):
            near = min(left, key=lambda bracket: _distance(bracket, one.t_ns), default=None)
            said = f"{event.value}: the app says {_ms(mark, one.t_ns)}"
            if near is None:
                figures.outside += 1
                yield f"{said}; the sockets show NONE"
                continue
            left.remove(near)
            good = near.from_ns <= one.t_ns <= near.until_ns
            # The app stamps just before and just after its call; the socket changes between the two.
            overlaps = int(one.more.get("before_ns", one.t_ns)) <= near.until_ns and one.t_ns >= near.from_ns
            figures.inside, figures.outside = figures.inside + good, figures.outside + (not good)
            figures.overlaps += overlaps and not good
            words = "in it" if good else "the call overlaps it, the stamp is NOT IN IT" if overlaps else "NOT IN IT"
            yield f"{said}, the bracket is {_bracket(mark, near)}: {words}"
        for near in left:
            silent = event is Event.CLOSED
            figures.unstamped, figures.outside = figures.unstamped + silent, figures.outside + (not silent)
            yield f"{event.value}: the app says NOTHING, the bracket is {_bracket(mark, near)}"


def _distance(bracket: Window, ns: int) -> int:
    return max(bracket.from_ns - ns, ns - bracket.until_ns, 0)


def _bracket(mark: CycleMark, window: Window) -> str:
    return f"[{_ms(mark, window.from_ns)}, {_ms(mark, window.until_ns)}]"


def _ms(mark: CycleMark, ns: int) -> str:
    return f"{(ns - mark.fault_ns) / MS:+.3f} ms"


def _shares(history: History, mark: CycleMark) -> Iterator[float]:
    """CPU time of the sampler in this cycle, for each of the pods that it sampled. A sampler that was started anew begins at 0."""
    in_cycle = (one for one in _stretches(history) if mark.load_started_ns <= one.looks[0][0] <= mark.ended_ns)
    lines = sorted(in_cycle, key=lambda one: one.looks[-1])
    if len(lines) < 2:
        return
    used_ms = sum(max(after.cpu_ms - before.cpu_ms, 0) for before, after in pairwise(lines))
    lasted_ms = (lines[-1].looks[-1][1] - lines[0].looks[-1][1]) / MS
    if lasted_ms:
        yield used_ms / lasted_ms / len({one.pod for one in lines})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
