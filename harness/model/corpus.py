"""The corpus of bugs: how one is provoked, what an examination saw, and what that says of a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.asked import FaultSpec, ServiceSpec, VersionRange
from harness.model.meaning import Findings, Verdict
from harness.model.measured import CycleMark, FaultEvent, Gap, Observation


class BugState(StrEnum):
    """What an examination says of a bug on one version.

    MASKED: another bug that is present keeps this one from being provoked. NOT_APPLICABLE: the version lacks what the bug is in.
    INCONCLUSIVE: neither the bug nor the right behaviour was seen. EVIDENCE_MISSING: what was seen is gone or cannot be read, so
    nothing stands for what was decided from it.
    """

    PRESENT = "present"
    ABSENT = "absent"
    MASKED = "masked"
    NOT_APPLICABLE = "not applicable"
    INCONCLUSIVE = "inconclusive"
    EVIDENCE_MISSING = "evidence missing"


DECIDED_STATES = frozenset({BugState.PRESENT, BugState.ABSENT, BugState.MASKED, BugState.NOT_APPLICABLE})
"""States that need no further examination."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The state of a bug on one version. why: what was seen, in words. masked_by: id of the bug that masks it.

    attempts: of a race, how often it could have shown itself; 0 where luck plays no part. upper: upper end of the 95 % interval of
    its rate for each attempt, None where luck plays no part.
    """

    state: BugState
    why: str
    masked_by: str = ""
    attempts: int = 0
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """How a bug is provoked without measured load: something is applied, and what becomes of it is looked at every second.

    name: trials of one name are one and the same, and their evidence serves several bugs. service or documents (YAML, one Service):
    what is applied; of documents the toggle app's image is "toggle". sidecar_probes: `multi-container-probing: enabled` in
    config-features while it lasts; from_zero: `allow-zero-initial-scale: "true"` in config-autoscaler, and the first request is
    sent once the Service is Ready. dry_run: the API server is asked and stores nothing. strict: it refuses fields that it does not
    know. fault: injected into the one pod once it has served; faults: how often, each time into an instance of the app that has
    served and was not hit before. within_s: how long what becomes of it is looked at, from the last fault on or else from the
    application; each fault before has this time as well. logs: containers whose logs are read; CONTROLLER_LOG: Knative's
    controller. asks_readiness: from the fault on, each look also asks queue-proxy what the kubelet's readiness probe asks it.
    """

    name: str
    service: ServiceSpec | None = None
    documents: str = ""
    sidecar_probes: bool = False
    from_zero: bool = False
    dry_run: bool = False
    strict: bool = False
    fault: FaultSpec | None = None
    faults: int = 1
    within_s: float = 90.0
    logs: tuple[str, ...] = ()
    asks_readiness: bool = False


CONTROLLER_LOG = "controller"
"""In `Trial.logs`: the lines of Knative's controller that name the trial's namespace."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the API server answered when the trial's Service was applied. status: HTTP, 200 for accepted. said: of a refusal."""

    status: int
    said: str = ""


@dataclass(frozen=True, slots=True)
class ConditionSeen:
    """A condition of an object of Knative when it was first seen, or seen to have changed."""

    seen_ns: int
    kind: str
    name: str
    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class RequestSeen:
    """One request of a trial through the ingress. status 0: no answer came, and text says why. pod: that named itself, or ""."""

    sent_ns: int
    done_ns: int
    status: int
    text: str
    pod: str = ""
    boot: str = ""


@dataclass(frozen=True, slots=True)
class ReadinessSeen:
    """What came back when a trial sent queue-proxy's readiness probe to a pod, through the API server.

    status 0: no answer came, and text says why. A status may be the API server's own, if it did not reach the pod.
    """

    sent_ns: int
    done_ns: int
    pod: str
    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that an examination saw; a bug's signature reads nothing else.

    answer: to the application, None before it or of a measured run. stored: the Service as the API server answered it, JSON.
    template: the spec of the pods as Knative made it, JSON, "" if it made none. observations: states of pods, events, and of a
    measured run queue-proxy's log, in the order seen. logs: by "pod/container" or "pod/container/previous" of a trial's logs.
    readiness: of a trial with asks_readiness, in the order asked. fault: the last that was injected. marks, findings, verdict: of a
    measured run. gaps: in which observations may be missing; a trial looks at pods, events and conditions together, so a missed
    look is a gap of PODS and of EVENTS. until_ns: of the last look. ended: no look will follow.
    error: why the examination could not be carried to its end, "" if it was.
    """

    answer: Answered | None = None
    stored: str = ""
    template: str = ""
    observations: tuple[Observation, ...] = ()
    conditions: tuple[ConditionSeen, ...] = ()
    requests: tuple[RequestSeen, ...] = ()
    logs: Mapping[str, str] = field(default_factory=dict)
    readiness: tuple[ReadinessSeen, ...] = ()
    fault: FaultEvent | None = None
    marks: tuple[CycleMark, ...] = ()
    findings: Findings | None = None
    verdict: Verdict | None = None
    gaps: tuple[Gap, ...] = ()
    until_ns: int = 0
    ended: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What upstream says of the versions of a bug. It is printed beside what was measured, and decides nothing.

    affected: the versions, None where upstream names none. words: as upstream tells it. source: where.
    """

    affected: VersionRange | None
    words: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One bug on one version, as it was examined. stack: id of the stack, "" where none was made.

    evidence: the directory with what was seen, relative to the corpus' own. at_ns: when it was examined. took_s: how long.
    """

    bug: str
    version: str
    stack: str
    decided: Decided
    evidence: str
    at_ns: int
    took_s: float = 0.0
