"""A user's Service that is to be measured: what the harness itself cannot measure is refused, before anything is built. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches

from harness.adapters.documents import Document, documents, dumped
from harness.apps.known import app_of
from harness.apps.toggle import CONTROL_PORT, CONTROL_PORT_ENV, SIGTERM_ENV, SIGTERMS, STARTUP_DELAY_ENV, TOGGLE
from harness.deploy.reading import Manifest, held, missing, problems, read
from harness.errors import BadInput
from harness.knative.manifest.kinds import METADATA
from harness.knative.manifest.needs import Need, needs
from harness.knative.manifest.notes import TEMPLATE_NOTES, unknown
from harness.knative.manifest.places import By, Obj, Place, Problem, at, shown, text_of
from harness.knative.manifest.rendering import served_index
from harness.knative.manifest.settings import NEWEST, Settings, nearest
from harness.knative.manifest.table import refused_lines
from harness.knative.manifest.words import quantity
from harness.knative.names import USER_CONTAINER, USER_PORT
from harness.model import KnativeVersion, Workload, WorkloadKind

LONGEST_START_S = 120.0
"""How long a deployment is waited for (`deploy`)."""

CONTAINERS: Place = ("spec", "template", "spec", "containers")
_POD: Place = CONTAINERS[:-1]
_APPLIED = ("ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim")


def own_service(text: str, *, where: str = "", version: KnativeVersion = NEWEST, name: str = "") -> Manifest:
    """The Service of a user's file, which the version takes and the harness can measure.

    where: its file, for the messages. name: which Service of a file with several. version: the nearest one whose rules are known
    stands for one whose rules are not. Raises BadInput with one line that names the place and what to change, here rather than
    after a long build; its notes (`__notes__`) are the further problems, two lines each.
    """
    manifest = read(text, where=where, name=name)
    if manifest.kind is not WorkloadKind.KNATIVE_SERVICE:
        raise manifest.bad(
            Problem((), "The file has no Knative Service; it has a Deployment.", "Write a Knative Service.", By.HARNESS)
        )
    # What a run permits for its own Service: an initial scale of 0, and probes of sidecars.
    if found := problems(manifest, Settings(nearest(version), probing=True, from_zero=True), _unmeasurable):
        first, *more = found
        rest = f" {len(more)} more problem{'s follow' if len(more) > 1 else ' follows'}." if more else ""
        error = manifest.bad(replace(first.problem, fix=f"{first.problem.fix}{rest}"), first.number)
        for note in refused_lines([(one.number, one.problem) for one in more], where):
            error.add_note(note)
        raise error
    return manifest


def _unmeasurable(manifest: Manifest) -> Iterator[Problem]:
    """Why the harness does not measure a Service that Knative takes. manifest: with fields of the right types."""
    yield from _nameless(manifest)
    yield from _unread(manifest)
    yield from _strange_revisions(manifest)
    containers: list[Obj] = at(manifest.obj, *CONTAINERS) or []
    if not containers:
        return
    yield from _missing_objects(manifest)
    yield from _named_ports(containers)
    served = served_index(containers)
    yield from _taken_name(containers, served)
    if app_of(str(containers[served].get("image") or "")) is TOGGLE:
        yield from _beyond_toggle(manifest, served)


def documents_of(manifest: Manifest) -> str:
    """What is deployed, as YAML: the Service first, then the objects of the file that its pods need."""
    beside = held(manifest, needs(at(manifest.obj, *_POD), _POD))
    service = _renamed(manifest)
    if not manifest.others:
        return service
    return "---\n".join([service, *(_text(one) for one in beside)])


def _renamed(manifest: Manifest) -> str:
    """The Service as written, but for the name of the container that gets the requests.

    It has the name that Knative gives a container without one: events, logs and journals are read by it.
    """
    served = served_index(at(manifest.obj, *CONTAINERS))
    name = at(manifest.obj, *CONTAINERS, served, "name")
    several = len(at(manifest.obj, *CONTAINERS)) > 1
    if name == USER_CONTAINER or (name is None and not several):
        return manifest.text or dumped([manifest.obj])
    obj = copy.deepcopy(manifest.obj)
    at(obj, *CONTAINERS)[served]["name"] = USER_CONTAINER
    return dumped([obj])


def _text(document: Document) -> str:
    return dumped([document.value])


def wanted(manifest: Obj, resource: str) -> float:
    """Cores ("cpu") or bytes ("memory") that one pod asks for: its requests, or the limits that stand for them."""
    total = 0.0
    for container in at(manifest, *CONTAINERS) or []:
        amount = at(container, "resources", "requests", resource)
        amount = at(container, "resources", "limits", resource) if amount is None else amount
        total += float(quantity(str(amount)) or 0) if amount is not None else 0.0
    return total


def require_room(workload: Workload, *, cores: int, memory: int) -> None:
    """Raise BadInput where one pod asks for more cores or bytes of memory than the machine has: it would stay Pending."""
    manifest = documents(workload.documents)[0].value
    for resource, there, unit, words in (("cpu", cores, 1, "CPUs"), ("memory", memory, 1 << 30, "GiB of memory")):
        asked = wanted(manifest, resource)
        if asked > there:
            raise BadInput(
                f"One pod of the workload asks for {asked / unit:.3g} {words}, and this machine has {there / unit:.3g}.",
                fix=f"Lower resources.requests.{resource} (limits stand for requests that are not there), or use a larger machine.",
            )


def _problem(what: str, fix: str, place: Place) -> Problem:
    return Problem(place, what, fix, By.HARNESS)


def _taken_name(containers: Sequence[Obj], served: int) -> Iterator[Problem]:
    """The name that the container with the requests gets: no other may have it."""
    for index, one in enumerate(containers):
        if index != served and one.get("name") == USER_CONTAINER:
            what = f"Another container than the one that gets the requests is called {USER_CONTAINER}."
            yield _problem(what, "Give it another name.", (*CONTAINERS, index, "name"))


def _nameless(manifest: Manifest) -> Iterator[Problem]:
    if not at(manifest.obj, "metadata", "name"):
        yield _problem("metadata.name is missing.", "Write the Service's name; generateName is not enough.", ("metadata",))


def _strange_revisions(manifest: Manifest) -> Iterator[Problem]:
    """The namespace of a run is new: there is no Revision in it but the one of this template."""
    own = at(manifest.obj, "spec", "template", "metadata", "name")
    for index, target in enumerate(at(manifest.obj, "spec", "traffic") or []):
        place = ("spec", "traffic", index, "revisionName")
        name = target.get("revisionName")
        if name and name != own:
            what = f"{text_of(place)} is {name}, a Revision that the run's own namespace does not have: RevisionMissing for ever."
            yield _problem(what, "Leave out spec.traffic, so that all requests go to this template.", place)


def _missing_objects(manifest: Manifest) -> Iterator[Problem]:
    gone = missing(manifest, needs(at(manifest.obj, *_POD), _POD))
    for need in needs(at(manifest.obj, *_POD), _POD):
        for key in need.keys:
            yield from _missing_key(manifest, need, key)
    if gone:
        listed = ", ".join(f"{one} (line {manifest.line(one.at)})" if manifest.line(one.at) else str(one) for one in gone)
        them = "it" if len(gone) == 1 else "them"
        what = f"The Service needs {listed}; the namespace of a run is new and does not have {them}."
        fix = f"Add {them} to the file as further documents, or leave the reference out."
        yield _problem(what, fix, gone[0].at)


def _missing_key(manifest: Manifest, need: Need, key: str) -> Iterator[Problem]:
    """An object without the key that a variable takes: the container is never created."""
    for one in manifest.others:
        if (one.kind, one.name) != (need.kind, need.name):
            continue
        there = {name for field in ("data", "stringData", "binaryData") for name in at(one.value, field) or {}}
        if key not in there:
            what = f"A variable takes the key {shown(key)} of {need}, which has {', '.join(sorted(there)) or 'none'}."
            yield _problem(what, "Write the key into it, or take another.", need.at)


def _unread(manifest: Manifest) -> Iterator[Problem]:
    """What Knative drops without a word would be measured otherwise than its author meant."""
    place: Place = ("spec", "template", "metadata")
    for key in at(manifest.obj, *place) or {}:
        if key not in METADATA.fields:
            alike = get_close_matches(key, METADATA.fields, n=1)
            fix = f"Write `{alike[0]}`." if alike else "Leave it out."
            yield _problem(f"{text_of((*place, key))}: there is no such field; Knative drops it.", fix, (*place, key))
    for key, alike_note in unknown(at(manifest.obj, *TEMPLATE_NOTES)).items():
        if alike_note:
            what = f"The annotation {key} is read by no autoscaler of Knative."
            yield _problem(what, f"Write {alike_note}.", (*TEMPLATE_NOTES, key))


def _named_ports(containers: Sequence[Obj]) -> Iterator[Problem]:
    """Knative names the served port user-port, whatever it was called: the kubelet then finds no port of the old name."""
    for index, container in enumerate(containers):
        for handler in ("httpGet", "tcpSocket"):
            port = at(container, "startupProbe", handler, "port")
            if isinstance(port, str) and port:
                place = (*CONTAINERS, index, "startupProbe", handler, "port")
                what = f"{text_of(place)} is {shown(port)}: Knative names the port user-port, and the probe never succeeds."
                yield _problem(what, "Write the port's number.", place)


def _beyond_toggle(manifest: Manifest, served: int) -> Iterator[Problem]:
    """What the toggle app cannot do."""
    place: Place = (*CONTAINERS, served)
    container = at(manifest.obj, *place)
    yield from _one_port(container, place)
    if at(container, "ports", 0, "name") == "h2c":
        what = f"{text_of((*place, 'ports', 0, 'name'))} is h2c, and the toggle app speaks HTTP/1.1: each request would be a 502."
        yield _problem(what, "Leave the name out, or write http1.", (*place, "ports", 0, "name"))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if at(container, name, "grpc") is not None:
            what = f"{text_of((*place, name))} asks by gRPC, which the toggle app does not answer (a gRPC probe is no TCP probe)."
            yield _problem(what, "Write httpGet, tcpSocket or exec.", (*place, name))
    delay = _env(container, STARTUP_DELAY_ENV)
    seconds = float(delay) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", delay, re.ASCII) else None
    if delay and seconds is None:
        yield _problem(f"{STARTUP_DELAY_ENV} is {shown(delay)}, which is not a number of seconds.", 'Write "5".', (*place, "env"))
    wait = max(seconds or 0.0, float(at(container, "readinessProbe", "initialDelaySeconds") or 0))
    if wait >= LONGEST_START_S:
        what = f"The Service is not ready before {wait:g} s, and its deployment is waited for {LONGEST_START_S:g} s."
        yield _problem(what, f"Lower {STARTUP_DELAY_ENV} or initialDelaySeconds for the measurement.", (*place, "env"))
    sigterm = _env(container, SIGTERM_ENV)
    if sigterm and sigterm not in SIGTERMS:
        what = f"{SIGTERM_ENV} is {shown(sigterm)}."
        yield _problem(what, f"Write one of {', '.join(SIGTERMS)}.", (*place, "env"))


def _env(container: Obj, name: str) -> str:
    """A variable as written; of two the last counts."""
    found = [one for one in container.get("env") or [] if one.get("name") == name]
    return str(found[-1].get("value") or "") if found else ""


def _one_port(served: Obj, place: Place) -> Iterator[Problem]:
    """The control port must be a port, written here, and not the one of the requests."""
    user = at(served, "ports", 0, "containerPort") or USER_PORT
    control, where = CONTROL_PORT, place
    for index, one in enumerate(served.get("env") or []):
        if one.get("name") != CONTROL_PORT_ENV:
            continue
        where = (*place, "env", index, "value")
        text = one.get("value") or ""
        if one.get("valueFrom") is not None:
            what = f"{text_of(where[:-1])}: {CONTROL_PORT_ENV} comes from elsewhere."
            yield _problem(what, f'Write value: "{CONTROL_PORT}".', where[:-1])
        control = int(text) if re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) else CONTROL_PORT
        if text and not (re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) and 1 <= control <= 65535):
            what = f"{text_of(where)}: {CONTROL_PORT_ENV} is {shown(text)}, which is not a port."
            yield _problem(what, 'Write "1" to "65535".', where)
    if control == user:
        what = f"{text_of(where)}: the control port and the port of the requests are both {user}."
        yield _problem(what, f"Write another containerPort, or another {CONTROL_PORT_ENV} in env.", where)
