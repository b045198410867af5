"""Intervals of time, with the start-up time of the app in them or not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """From lo to hi seconds; with boots=1 that much more than D, the app's start-up time, which is not known. Both may be negative.

    Kept to a microsecond, so that sums of decimal fractions can be compared.
    """

    lo: float
    hi: float
    boots: int = 0

    def __post_init__(self) -> None:
        for name in ("lo", "hi"):
            object.__setattr__(self, name, round(getattr(self, name), 6))

    def __add__(self, other: Span) -> Span:
        return Span(self.lo + other.lo, self.hi + other.hi, self.boots + other.boots)

    def __sub__(self, other: Span) -> Span:
        """The difference of two times that do not depend on each other."""
        return Span(self.lo - other.hi, self.hi - other.lo, self.boots - other.boots)

    @property
    def from_zero(self) -> Span:
        """Of a duration: a negative one is none."""
        return Span(max(0.0, self.lo), max(0.0, self.hi), self.boots)

    def with_boot(self, boot_s: float) -> Span:
        """The same once D is known."""
        return Span(self.lo + self.boots * boot_s, self.hi + self.boots * boot_s)


def least(one: Span, other: Span) -> Span:
    """The lesser of two times that do not depend on each other. Both with D, or both without it."""
    return Span(min(one.lo, other.lo), min(one.hi, other.hi), one.boots)
