"""Knative versions: three spellings, one normal form, and which of them are known to come out of the Go module."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.errors import SourceError

OFFSET = 27
"""Knative 1.N is the Go module v0.(N+27): since 1.0 the release has a name of its own, the modules kept counting."""

SPELLINGS = re.compile(r"(?:knative-)?v?(?P<major>\d+)\.(?P<minor>\d+)(?:\.(?P<patch>\d+))?")


@dataclass(frozen=True, slots=True, order=True)
class KnativeVersion:
    """A version by its module's numbers, which go further back than 1.0. Ordered by age."""

    module_minor: int
    patch: int = 0

    @staticmethod
    def parse(text: str) -> KnativeVersion:
        """From "1.23", "v1.23.0", "knative-v1.23.0" or "v0.50.0". Raises SourceError for anything else."""
        match = SPELLINGS.fullmatch(text.strip())
        if match is not None:
            major, minor, patch = int(match["major"]), int(match["minor"]), int(match["patch"] or 0)
            if major == 1:
                return KnativeVersion(minor + OFFSET, patch)
            if major == 0:
                return KnativeVersion(minor, patch)
        raise SourceError(
            f"{text!r} is not a Knative version.",
            fix='Write one such as "1.23", "1.23.0", "knative-v1.23.0" or "v0.50.0" (the Go module of 1.23).',
        )

    @property
    def text(self) -> str:
        """Such as "1.23.0"; versions before 1.0 keep the module's, "0.26.0"."""
        if self.module_minor < OFFSET:
            return f"0.{self.module_minor}.{self.patch}"
        return f"1.{self.module_minor - OFFSET}.{self.patch}"

    @property
    def module(self) -> str:
        """The Go module's version, such as "v0.50.0"."""
        return f"v0.{self.module_minor}.{self.patch}"

    @property
    def tag(self) -> str:
        """The release's tag, such as "knative-v1.23.0"; before 1.0 "v0.26.0"."""
        return f"knative-v{self.text}" if self.module_minor >= OFFSET else self.module

    def __str__(self) -> str:
        return self.text


KNOWN: tuple[KnativeVersion, ...] = tuple(
    sorted(
        [KnativeVersion(minor) for minor in (25, *range(27, 35), *range(38, 51))]
        + [KnativeVersion(minor, patch) for minor, patch in ((39, 3), (42, 2), (42, 3), (43, 3), (44, 1), (45, 1), (46, 1))]
        + [KnativeVersion(minor, patch) for minor, patch in ((46, 6), (47, 1), (48, 1), (48, 2), (49, 1))]
    )
)
"""Those whose Go module was seen to resolve with all its dependencies. Others may: they are tried, and said to be untried."""


def nearest(asked: KnativeVersion, count: int = 3) -> tuple[KnativeVersion, ...]:
    """The known versions closest to the one asked for, closest first."""

    def distance(known: KnativeVersion) -> tuple[int, int, int]:
        return (abs(known.module_minor - asked.module_minor), abs(known.patch - asked.patch), -known.module_minor)

    return tuple(sorted(KNOWN, key=distance)[:count])


def unknown(asked: KnativeVersion, *, source: str, why: str) -> SourceError:
    """The error for a version that the source does not have."""
    near = ", ".join(str(version) for version in nearest(asked))
    return SourceError(
        f"Knative {asked} cannot be had from the {source}: {why}",
        fix=f"Ask for one of the nearest known versions: {near} (--kn-version {nearest(asked)[0]}).",
    )
