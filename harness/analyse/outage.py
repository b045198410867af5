"""Whether requests failed only while the app, by its own report, did not listen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from harness.analyse.columns import Flags, Indices
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


def touching(sent_ns: Indices, done_ns: Indices, windows: Iterable[Window], tolerance_ns: int) -> Flags:
    """Which of these requests touch one of the windows, within the tolerance."""
    touches = np.zeros(len(sent_ns), dtype=np.bool_)
    for window in windows:
        touches |= (sent_ns - tolerance_ns <= window.until_ns) & (done_ns + tolerance_ns >= window.from_ns)
    return touches


def outside(
    sent_ns: Indices,
    done_ns: Indices,
    pod: Indices,
    pods: Sequence[str],
    outages: Mapping[str, Sequence[Window] | None],
    tolerance_ns: int,
) -> int | None:
    """How many failed requests touch no outage of the pod that failed them; None if an outage is not known.

    sent_ns, done_ns: of each failed request. pod: whose queue-proxy logged it, an index in `pods`; -1: no line shows the pod, so
    the outage of any pod suffices. outages: of each pod that the fault hit; another pod has none. No failure: 0.
    """
    if not len(sent_ns):
        return 0
    known = {name: windows for name, windows in outages.items() if windows is not None}
    if len(known) < len(outages):
        return None
    inside = np.zeros(len(sent_ns), dtype=np.bool_)
    for name, windows in known.items():
        may_be = np.array([one in {name, ""} for one in (*pods, "")])[pod]  # -1 is the last one
        inside |= may_be & touching(sent_ns, done_ns, windows, tolerance_ns)
    return int((~inside).sum())
