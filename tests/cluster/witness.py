"""What the listening sockets of recorded runs show beside the app's own log: `python -m tests.cluster.witness RUN_DIRECTORY...`.

For each cycle the bracket of each edge and the app's stamp; for all of them the intervals between looks, the time of a look, and
the CPU time of the sampler for each pod.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from harness.analyse.listeners import Shut, shuts
from harness.apps.toggle import AppEvent, Event, app_events
from harness.history import read
from harness.knative.listeners import LOOPBACK, Stretch, stretch_of
from harness.model import CycleMark, History, Observation, Stream

CLOCK_NS = 1_000


def main(directories: Sequence[str]) -> int:
    """0: every stamp of the app lies in a bracket, and the limits of docs/listener.md are kept."""
    intervals, took, shares, inside, outside = [], [], [], 0, 0
    for directory in directories:
        history = read(Path(directory))
        print(f"{directory}: {history.meta.spec.scenario}, Knative {history.meta.versions.get('knative')}")
        for mark in history.cycles:
            stretches = list(_stretches(history, mark))
            for line, good in _edges(mark, list(_told(history, mark)), list(shuts(stretches, LOOPBACK, history.meta.user_port))):
                inside, outside = inside + good, outside + (not good)
                print(f"  cycle {mark.index}: {line}")
            under_load = [look for one in stretches for look in one.looks if mark.load_started_ns <= look[0] <= mark.recovered_ns]
            starts = np.array([start for start, _ in under_load])
            intervals.append(np.diff(starts) / 1e6)
            took.append(np.array([until - since for since, until in under_load]) / 1e3)
            shares += list(_share(history, mark))
        for gap in history.gaps:
            if gap.stream is Stream.LISTENERS:
                print(f"  gap of {(gap.until_ns - gap.from_ns) / 1e6:.0f} ms, {gap.pod}: {gap.reason}")
    every, each = np.concatenate(intervals), np.concatenate(took)
    median, p99, most = np.median(every), np.quantile(every, 0.99), every.max()
    print(f"{len(every)} intervals under load: median {median:.2f} ms, p99 {p99:.2f} ms, longest {most:.1f} ms")
    print(f"a look: median {np.median(each):.0f} us, p99 {np.quantile(each, 0.99):.0f} us")
    print(f"CPU of the sampler a pod: {', '.join(f'{share:.2%}' for share in shares)} of a core")
    print(f"edges with the app's stamp in the bracket: {inside}; not: {outside}")
    return 0 if inside and not outside and median <= 25 and max(shares) <= 0.03 else 1


def _stretches(history: History, mark: CycleMark) -> Iterator[Stretch]:
    rows = history.observations.filter(
        (history.observations["stream"] == Stream.LISTENERS.value) & (history.observations["pod"] == mark.pod)
    )
    for payload in rows["payload"]:
        if (stretch := stretch_of(payload)) is not None:
            yield stretch


def _told(history: History, mark: CycleMark) -> Iterator[AppEvent]:
    rows = history.observations.filter(
        (history.observations["stream"] == Stream.APP.value) & (history.observations["pod"] == mark.pod)
    )
    seen = [Observation(Stream.APP, *row) for row in rows.drop("stream").iter_rows()]
    return iter(sorted(app_events(seen), key=lambda one: one.t_ns))


def _edges(mark: CycleMark, told: Sequence[AppEvent], found: Sequence[Shut]) -> Iterator[tuple[str, bool]]:
    """Each edge that the app's log has after the fault beside the nearest bracket of the sockets."""
    brackets = {Event.CLOSED: [one.closed for one in found], Event.LISTENING: [one.opened for one in found if one.opened]}
    for event in told:
        if event.event not in brackets or not mark.fault_ns <= event.t_ns <= mark.ended_ns:
            continue
        near = sorted(
            brackets[Event(event.event)], key=lambda one: min(abs(one.from_ns - event.t_ns), abs(one.until_ns - event.t_ns))
        )
        before_ns = event.more.get("before_ns", event.t_ns)
        if not near:
            yield (
                f"{event.event}: the app says {(event.t_ns - mark.fault_ns) / 1e6:.3f} ms after the fault; the sockets show none",
                False,
            )
            continue
        lo, hi = near[0].from_ns, near[0].until_ns
        good = lo <= event.t_ns <= hi
        # The app stamps just before and just after its call; the socket changes between the two.
        overlaps = isinstance(before_ns, int) and before_ns - CLOCK_NS <= hi and event.t_ns + CLOCK_NS >= lo
        words = "in it" if good else "the call overlaps it, the stamp after it does not" if overlaps else "NOT IN IT"
        since = ", ".join(f"{(ns - mark.fault_ns) / 1e6:.3f}" for ns in (lo, hi))
        yield (
            f"{event.event}: bracket [{since}] ms after the fault, the app {(event.t_ns - mark.fault_ns) / 1e6:.3f}: {words}",
            overlaps,
        )
    if not told and found:
        for one in found:
            ends = [
                f"[{(edge.from_ns - mark.fault_ns) / 1e6:.3f}, {(edge.until_ns - mark.fault_ns) / 1e6:.3f}]"
                for edge in (one.closed, one.opened)
                if edge
            ]
            yield f"the app says nothing; closed {' and listening '.join(ends)} ms after the fault", True


def _share(history: History, mark: CycleMark) -> Iterator[float]:
    """CPU time of the sampler in this cycle, for each pod that it sampled then."""
    rows = history.observations.filter(history.observations["stream"] == Stream.LISTENERS.value)
    found = [one for one in map(stretch_of, rows["payload"]) if one and mark.load_started_ns <= one.looks[0][0] <= mark.ended_ns]
    if len(found) > 1:
        first, last = found[0], found[-1]
        pods = len({one.pod for one in found})
        yield (last.cpu_ms - first.cpu_ms) * 1e6 / (last.looks[-1][1] - first.looks[-1][1]) / pods


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
