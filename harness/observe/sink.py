"""Where observers put what they saw and what they may have missed."""

from __future__ import annotations

from typing import Protocol

from harness.model import Gap, Observation


class Unrecorded(Exception):
    """What was seen could not be written down. No error of a source: trying again cannot help, the thread must fail."""


class Sink(Protocol):
    """Takes observations and gaps; whoever records a run looks like this."""

    def observation(self, o: Observation, /) -> None:
        """One thing was seen."""

    def gap(self, g: Gap, /) -> None:
        """Something may have been lost."""
