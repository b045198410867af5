"""Lines of containerd's journal: each call before and after it, with containerd's own clock, and which container one is about.

Forms read at containerd 1.7; 2.x writes the same words, apart from the exit, which it also calls TaskExit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from harness.knative.times import SECOND_NS, stamp_ns
from harness.model import Observation


class Act(Enum):
    """What a line tells of. The asked ones are written just before the act, the others just after it."""

    STOP_ASKED = "StopContainer"
    SIGNAL = "Stop container with signal"
    EXITED = "the process's exit"
    GONE = "shim disconnected"
    CREATE_ASKED = "CreateContainer"
    CREATED = "CreateContainer returns"
    START_ASKED = "StartContainer"
    STARTED = "StartContainer returns"


_ID = r'\\*"?(?P<id>[\w.-]+)'
_FORMS: tuple[tuple[Act, re.Pattern[str]], ...] = (
    (Act.STOP_ASKED, re.compile(rf"StopContainer for {_ID}\S* with timeout")),
    (Act.SIGNAL, re.compile(rf"Stop container {_ID}\S* with signal")),
    # An exec probe's process ends in the same words, with another id.
    (Act.EXITED, re.compile(rf'(?:received exit|TaskExit) event .*?container_id:{_ID}\S*\s+id:\\*"?(?P=id)\b')),
    (Act.GONE, re.compile(rf"shim disconnected.* id={_ID}")),
    (Act.CREATED, re.compile(rf"CreateContainer within sandbox .* returns container id {_ID}")),
    (Act.CREATE_ASKED, re.compile(r"CreateContainer within sandbox .* for container (?P<id>)")),
    (Act.STARTED, re.compile(rf"StartContainer for {_ID}\S* returns successfully")),
    (Act.START_ASKED, re.compile(rf"StartContainer for {_ID}\S*$")),
)
WORDS = ("StopContainer", "Stop container", "exit", "shim disconnected", "CreateContainer", "StartContainer")
"""A line that tells of an act has one of these in it."""

_OWN_STAMP = re.compile(r'^time="([^"]+)"')
_EXITED_AT = re.compile(r"exited_at:\{seconds:(\d+)(?:\s+nanos:(\d+))?")


@dataclass(frozen=True, slots=True)
class Line:
    """One line that tells of an act. own_ns: containerd's own stamp (without one, the journal's). id: "" if none."""

    act: Act
    own_ns: int
    journal_ns: int
    id: str
    instance: int
    exited_ns: int


def read(seen: Observation) -> Line | None:
    """What this line of containerd's journal says, None if it says nothing of a container's life."""
    form = _form_of(seen.payload)
    if form is None:
        return None
    act, found = form
    stamp = _OWN_STAMP.match(seen.payload)
    own_ns = stamp_ns(stamp.group(1)) if stamp else None
    exited = _EXITED_AT.search(seen.payload) if act is Act.EXITED else None
    exited_ns = int(exited.group(1)) * SECOND_NS + int(exited.group(2) or 0) if exited else 0
    return Line(act, own_ns or seen.at_ns, seen.at_ns, found.group("id") or "", seen.instance, exited_ns)


def act_of(payload: str) -> Act | None:
    """The act a line tells of, None if it tells of none; for readers that need neither its id nor its times."""
    form = _form_of(payload)
    return None if form is None else form[0]


def _form_of(payload: str) -> tuple[Act, re.Match[str]] | None:
    if not any(word in payload for word in WORDS):
        return None
    for act, form in _FORMS:
        found = form.search(payload)
        if found is not None:
            return act, found
    return None


_CONTAINER_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_MADE = re.compile(r'returns (?:sandbox|container) id \\*"([0-9a-f]{64})')
_WITHIN = re.compile(r'within sandbox \\*"([0-9a-f]{64})')
_CONTAINER = re.compile(r"ContainerMetadata\{Name:([^,]+),Attempt:(\d+),")
_SANDBOX = re.compile(r"PodSandboxMetadata\{Name:([^,]+),Uid:([^,]+),Namespace:([^,]+),")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The pod that a line is about, as containerd names it."""

    pod: str
    uid: str
    namespace: str


def container_ids(message: str) -> list[str]:
    """Every id of a container or a sandbox in a line."""
    return _CONTAINER_ID.findall(message)


def id_made(message: str) -> str:
    """The id of the container or sandbox that was made, "" if the line tells of none."""
    found = _MADE.search(message)
    return found.group(1) if found else ""


def id_of_sandbox(message: str) -> str:
    """The id of the sandbox in which a container is made, "" if the line tells of none."""
    found = _WITHIN.search(message)
    return found.group(1) if found else ""


def container_attempt(message: str) -> tuple[str, int] | None:
    """(name, restart count) of the container a line describes."""
    found = _CONTAINER.search(message)
    return (found.group(1), int(found.group(2))) if found else None


def sandbox(message: str) -> Sandbox | None:
    """The pod whose sandbox a line describes."""
    found = _SANDBOX.search(message)
    return Sandbox(*found.groups()) if found else None
