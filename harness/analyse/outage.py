"""Whether requests failed only while the app, by its own report, did not listen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from harness.analyse.columns import Indices
from harness.analyse.windows import Window
from harness.apps.toggle import AppEvent, Event

_NOBODY: Mapping[str, int] = MappingProxyType({})


def closed_windows(
    told: Sequence[AppEvent], from_ns: int, until_ns: int, answered: Mapping[str, int] = _NOBODY
) -> tuple[Window, ...] | None:
    """[listener closed, next listener open] of each restart in [from, until]; None if a listener's end was not reported.

    An app that exits without closing its listener reports `exit`, which also begins a window. Without a new listener the window
    lasts until until_ns. If another boot logged or answered after the close, the result is None: that boot may have listened from
    an unknown time. answered: boot -> when its last good answer came.
    """
    windows: list[Window] = []
    closed_ns = 0
    boot = ""
    for event in told:
        if event.t_ns > until_ns:
            break
        if event.event in {Event.CLOSED, Event.EXIT} and not closed_ns:
            closed_ns, boot = event.t_ns, event.boot
        elif event.event == Event.LISTENING:
            if not closed_ns and boot and event.boot != boot:
                return None  # a new process listens and the old one never reported when it stopped
            if closed_ns and event.t_ns >= from_ns:
                windows.append(Window(closed_ns, event.t_ns))
            closed_ns, boot = 0, event.boot
        elif event.event == Event.BOOT and boot and event.boot != boot and not closed_ns:
            return None
    if closed_ns:
        heard = ((event.boot, event.t_ns) for event in told if event.t_ns <= until_ns)
        if any(other != boot and ns > closed_ns for other, ns in (*heard, *answered.items())):
            return None
        windows.append(Window(closed_ns, until_ns))
    return tuple(windows)


def last_closed(windows: Sequence[Window], until_ns: int) -> tuple[Window, ...]:
    """The one of these windows, if any, that no new listener ended."""
    return tuple(window for window in windows[-1:] if window.until_ns == until_ns)


def outside(
    sent_ns: Indices,
    done_ns: Indices,
    told: Sequence[AppEvent],
    from_ns: int,
    until_ns: int,
    tolerance_ns: int,
    answered: Mapping[str, int] = _NOBODY,
) -> int | None:
    """How many failed requests touch no such window, within the tolerance; None without the app's report.

    sent_ns, done_ns: of each failed request. answered: as `closed_windows` has it. No failure: 0, with or without a report.
    """
    if not len(sent_ns):
        return 0
    windows = closed_windows(told, from_ns, until_ns, answered)
    if not told or windows is None:
        return None
    return outside_all(sent_ns, done_ns, windows, tolerance_ns)


def outside_all(sent_ns: Indices, done_ns: Indices, windows: Iterable[Window], tolerance_ns: int) -> int:
    """How many of these requests touch none of the windows."""
    touching = np.zeros(len(sent_ns), dtype=np.bool_)
    for window in windows:
        touching |= (sent_ns - tolerance_ns <= window.until_ns) & (done_ns + tolerance_ns >= window.from_ns)
    return int((~touching).sum())
