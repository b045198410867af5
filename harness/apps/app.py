"""What a program under test can do, as data: a room asks this and not which app it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class App:
    """One program under test.

    image: how a manifest names it, "" for any other. names_itself: each of its answers names the pod and the boot that gave it.
    logs_probes: its log has a line for each probe it answered or left hanging. logs_listener: its log says when its listener opened
    and closed. control_port: where it takes orders to fail unless its environment says otherwise, 0: it takes none.
    """

    image: str
    names_itself: bool
    logs_probes: bool
    logs_listener: bool
    control_port: int
