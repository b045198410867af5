"""Which Knative versions are known to come out of the Go module, and what somebody is answered who asks for another."""

from __future__ import annotations

from harness.errors import BadInput, SourceError
from harness.model import KnativeVersion

KNOWN: tuple[KnativeVersion, ...] = tuple(
    sorted(
        [KnativeVersion(minor) for minor in (25, *range(27, 35), *range(38, 51))]
        + [KnativeVersion(minor, patch) for minor, patch in ((39, 3), (42, 2), (42, 3), (43, 3), (44, 1), (45, 1), (46, 1))]
        + [KnativeVersion(minor, patch) for minor, patch in ((46, 6), (47, 1), (48, 1), (48, 2), (49, 1))]
    )
)
"""Those whose Go module was seen to resolve with all its dependencies. Others may: they are tried, and said to be untried."""


def parsed(text: str) -> KnativeVersion:
    """The version a user wrote. Raises BadInput."""
    try:
        return KnativeVersion.parse(text)
    except ValueError as error:
        raise BadInput(
            f"{error}: those are 1.N or 1.N.P.",
            fix='Write one such as "1.23", "1.23.0", "knative-v1.23.0" or "v0.50.0" (the Go module of 1.23).',
        ) from error


def nearest(asked: KnativeVersion, count: int = 3) -> tuple[KnativeVersion, ...]:
    """The known versions closest to the one asked for, closest first."""

    def distance(known: KnativeVersion) -> tuple[int, int, int]:
        return (abs(known.module_minor - asked.module_minor), abs(known.patch - asked.patch), -known.module_minor)

    return tuple(sorted(KNOWN, key=distance)[:count])


def unknown(asked: KnativeVersion, *, source: str, why: str) -> SourceError:
    """The error for a version that the source does not have."""
    near = ", ".join(str(version) for version in nearest(asked))
    return SourceError(
        f"Knative {asked} is not available from the {source}: {why}",
        fix=f"Ask for one of the nearest known versions: {near} (--kn-version {nearest(asked)[0]}).",
    )
