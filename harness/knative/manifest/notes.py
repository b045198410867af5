"""Annotations by which a Revision is scaled, each in all its spellings."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from harness.knative.manifest.places import Obj, Place, at
from harness.knative.names import INITIAL_SCALE, MAX_SCALE, METRIC, MIN_SCALE, TARGET, TARGET_BURST_CAPACITY, WINDOW

GROUP = "autoscaling.knative.dev"
CLASS = f"{GROUP}/class"
ACTIVATION_SCALE = f"{GROUP}/activation-scale"
SCALE_DOWN_DELAY = f"{GROUP}/scale-down-delay"
RETENTION = f"{GROUP}/scale-to-zero-pod-retention-period"
UTILIZATION = f"{GROUP}/target-utilization-percentage"
ALGORITHM = f"{GROUP}/metric-aggregation-algorithm"
PANIC_WINDOW = f"{GROUP}/panic-window-percentage"
PANIC_THRESHOLD = f"{GROUP}/panic-threshold-percentage"
PROGRESS_DEADLINE = "serving.knative.dev/progress-deadline"
ROLLOUT_DURATION = "serving.knative.dev/rollout-duration"

KPA = "kpa.autoscaling.knative.dev"
HPA = "hpa.autoscaling.knative.dev"

ALIASES: Mapping[str, str] = {
    MIN_SCALE: f"{GROUP}/minScale",
    MAX_SCALE: f"{GROUP}/maxScale",
    INITIAL_SCALE: f"{GROUP}/initialScale",
    TARGET_BURST_CAPACITY: f"{GROUP}/targetBurstCapacity",
    UTILIZATION: f"{GROUP}/targetUtilizationPercentage",
    SCALE_DOWN_DELAY: f"{GROUP}/scaleDownDelay",
    RETENTION: f"{GROUP}/scaleToZeroPodRetentionPeriod",
    ALGORITHM: f"{GROUP}/metricAggregationAlgorithm",
    PANIC_WINDOW: f"{GROUP}/panicWindowPercentage",
    PANIC_THRESHOLD: f"{GROUP}/panicThresholdPercentage",
    ROLLOUT_DURATION: "serving.knative.dev/rolloutDuration",
}
"""The older spelling of a key. Of the two, the hyphenated one wins (KeyPriority, since 1.1); they are never merged."""

_KNOWN = frozenset({*ALIASES, *ALIASES.values(), CLASS, ACTIVATION_SCALE, WINDOW, METRIC, TARGET})


def unknown(notes: Any) -> dict[str, str]:
    """Annotations of the autoscaler's group that no autoscaler of Knative reads, each with the key it resembles, or ""."""
    if not isinstance(notes, dict):
        return {}
    strange = [key for key in notes if isinstance(key, str) and key.startswith(f"{GROUP}/") and key not in _KNOWN]
    return {key: next(iter(get_close_matches(key, _KNOWN, n=1, cutoff=0.9)), "") for key in strange}


TEMPLATE_NOTES: Place = ("spec", "template", "metadata", "annotations")
"""Where those of a Revision stand."""


def spelling(notes: Any, key: str) -> str:
    """The spelling of the key that counts, "" where neither is there."""
    found = [one for one in (key, ALIASES.get(key, "")) if isinstance(notes, dict) and one in notes and notes[one] is not None]
    return found[0] if found else ""


def note(notes: Any, key: str) -> str | None:
    """The annotation's text by whichever spelling counts, None where it is not there."""
    found = spelling(notes, key)
    return str(notes[found]) if found else None


def template_note(manifest: Obj, key: str) -> str | None:
    """The same of a Service's template."""
    return note(at(manifest, *TEMPLATE_NOTES), key)
