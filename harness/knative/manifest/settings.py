"""The settings of an installation on which the answers depend."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model import KnativeVersion, VersionRange

KNOWN = VersionRange.parse("1.1-1.23")
"""The versions of Knative whose rules stand in this package."""

NEWEST = KnativeVersion.parse("1.23")
OLDEST = KnativeVersion.parse("1.1")

_PROBING = VersionRange.parse(">=1.14")


@dataclass(frozen=True, slots=True)
class Settings:
    """An installation as its release ships it, but for these.

    probing: `multi-container-probing: enabled` in config-features, which permits probes of sidecars (since 1.14).
    from_zero: `allow-zero-initial-scale: "true"` in config-autoscaler; `run` sets it where a scenario begins without a pod.
    """

    version: KnativeVersion
    probing: bool = False
    from_zero: bool = False

    @property
    def probes_sidecars(self) -> bool:
        """Whether sidecars may have probes."""
        return self.probing and _PROBING.contains(self.version)

    def since(self, minor: str) -> bool:
        """Whether the version is this minor release or a later one. minor: "1.12"."""
        return self.version >= KnativeVersion.parse(minor)


def nearest(version: KnativeVersion) -> KnativeVersion:
    """The version itself where its rules are known, else the oldest or the newest whose rules are."""
    return version if KNOWN.contains(version) else OLDEST if version < OLDEST else NEWEST
