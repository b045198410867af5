"""The fields of a user's manifest that we read, change or rely on: their types and ranges, before anything is built. Pure.

What is wrong is named by its place, such as `spec.template.spec.containers[0].env[1].value`. Everything else is left to
Kubernetes, which knows better.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from harness.adapters.documents import Obj
from harness.apps.toggle import CONTROL_PORT, CONTROL_PORT_ENV
from harness.errors import BadInput
from harness.knative.names import USER_PORT

Bad = Callable[[str, str], BadInput]
"""Makes the error of (what, fix); knows the file."""

MOST_VALUES = 100_000
"""Of one manifest. Kubernetes takes 1.5 MB; aliases of aliases make billions out of one line."""

_INT64 = 1 << 63
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
_TIMING = (
    *("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "terminationGracePeriodSeconds"),
    *("failureThreshold", "successThreshold"),
)


def require_plain(obj: Any, bad: Bad) -> None:
    """Raise unless it is what JSON can say, in numbers Kubernetes knows and of a size it takes. Deep nesting is not for here."""
    for count, (place, value) in enumerate(_values(obj, "", ())):
        if count >= MOST_VALUES:
            raise bad(f"The Service manifest has more than {MOST_VALUES} values.", "Write fewer; expand its YAML aliases to see.")
        if value is ...:
            raise bad(f"{place} holds itself by a YAML alias.", "Write it out.")
        if isinstance(value, dict):
            for key in value:
                if not isinstance(key, str):
                    raise bad(f"{place or 'The manifest'} has the key {shown(key)}, which is no text.", "Put it in quotes.")
        elif isinstance(value, int):
            if not -_INT64 <= value < _INT64:
                raise bad(f"{place} is a number of {value.bit_length()} bits.", "Write one of 64 bits at most.")
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise bad(f"{place} is {value}, which JSON has no word for.", "Write a finite number, or text in quotes.")
        elif not isinstance(value, list | str | None):
            raise bad(f"{place} is {shown(value)}, which JSON has no word for.", "Write text, a number, a list or a mapping.")


def _values(value: Any, place: str, above: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
    """Each value with its place, depth first. One that holds itself is given again as an Ellipsis."""
    if id(value) in above:
        yield place, ...
        return
    yield place, value
    inside = (*above, id(value))
    if isinstance(value, dict):
        for key, inner in value.items():
            step = key if isinstance(key, str) and re.fullmatch(r"[-\w]{1,60}", key, re.ASCII) else shown(key)
            yield from _values(inner, f"{place}.{step}" if place else step, inside)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _values(inner, f"{place}[{index}]", inside)


def require_fields(obj: Obj, bad: Bad) -> None:
    """Raise for the first field that is not of its type or range.

    obj: plain, with a list of mappings at spec.template.spec.containers.
    """
    fields = _Fields(bad)
    fields.metadata(obj.get("metadata"), "metadata")
    template = obj["spec"]["template"]
    fields.metadata(template.get("metadata"), "spec.template.metadata")
    for index, container in enumerate(template["spec"]["containers"]):
        fields.container(container, f"spec.template.spec.containers[{index}]")


def require_two_ports(served: Obj, place: str, bad: Bad) -> None:
    """Raise unless the served container's control port is a port, written here, and not the one of the requests."""
    ports = served.get("ports") or [{}]
    user = ports[0].get("containerPort") or USER_PORT
    control = CONTROL_PORT
    at = place
    for index, one in enumerate(served.get("env") or []):
        if one["name"] != CONTROL_PORT_ENV:
            continue
        at = f"{place}.env[{index}].value"
        text = one.get("value") or ""
        if one.get("valueFrom") is not None:
            raise bad(f"{at[: -len('.value')]}: {CONTROL_PORT_ENV} comes from elsewhere.", f'Write value: "{CONTROL_PORT}".')
        if text and not (re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= 65535):
            raise bad(f"{at}: {CONTROL_PORT_ENV} is {shown(text)}, which is no port.", 'Write "1" to "65535".')
        control = int(text) if text else CONTROL_PORT
    if control == user:
        raise bad(
            f"{at}: the control port and the port of the requests are both {user}.",
            f"Write another containerPort, or another {CONTROL_PORT_ENV} in env.",
        )


def shown(value: Any) -> str:
    """A value as one short piece of a line."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:56]} ..."


class _Fields:
    """The checks by kind of field; each takes the value and its place, and None for what is not there."""

    def __init__(self, bad: Bad) -> None:
        self._bad = bad

    def metadata(self, value: Any, place: str) -> None:
        """The part of it that we add to."""
        for name in ("labels", "annotations"):
            for key, text in self._mapping(self._mapping(value, place).get(name), f"{place}.{name}").items():
                self._text(text, f"{place}.{name}[{shown(key)}]")
        for name in ("name", "namespace"):
            self._text(self._mapping(value, place).get(name), f"{place}.{name}")

    def container(self, one: Obj, place: str) -> None:
        """Its name, ports, environment and probes."""
        name = one.get("name")
        if name is not None and not (isinstance(name, str) and _LABEL.fullmatch(name)):
            raise self._bad(f"{place}.name is {shown(name)}.", "Write small letters, digits and `-`, at most 63.")
        for index, port in enumerate(self._list(one.get("ports"), f"{place}.ports", "[{containerPort: 8080}]")):
            self._number(port.get("containerPort"), f"{place}.ports[{index}].containerPort", 1, 65535)
            self._text(port.get("name"), f"{place}.ports[{index}].name")
        for index, variable in enumerate(self._list(one.get("env"), f"{place}.env", "[{name: KEY, value: text}]")):
            if not isinstance(variable.get("name"), str) or not variable["name"]:
                raise self._bad(
                    f"{place}.env[{index}].name is {shown(variable.get('name'))}.", "Write the variable's name as text."
                )
            self._text(variable.get("value"), f"{place}.env[{index}].value")
            self._mapping(variable.get("valueFrom"), f"{place}.env[{index}].valueFrom")
        for name in ("livenessProbe", "readinessProbe", "startupProbe"):
            self._probe(self._mapping(one.get(name), f"{place}.{name}"), f"{place}.{name}")

    def _probe(self, probe: Obj, place: str) -> None:
        for name, value in probe.items():
            at = f"{place}.{name}"
            if name in _HANDLERS:
                port = self._mapping(value, at).get("port")
                if not isinstance(port, str):  # else the name of a port
                    self._number(port, f"{at}.port", 0, 65535)  # Knative fills in a 0
            elif name in _TIMING:
                self._number(value, at, 0, 2**31 - 1)

    def _mapping(self, value: Any, place: str) -> Obj:
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._bad(f"{place} is {shown(value)} and no mapping.", "Write `key: value` below it, or leave it out.")
        return value

    def _list(self, value: Any, place: str, example: str) -> list[Obj]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._bad(f"{place} is {shown(value)} and no list.", f"Write {place.rpartition('.')[2]}: {example}.")
        for index, one in enumerate(value):
            if not isinstance(one, dict):
                raise self._bad(
                    f"{place}[{index}] is {shown(one)} and no mapping.", f"Write {place.rpartition('.')[2]}: {example}."
                )
        return value

    def _text(self, value: Any, place: str) -> None:
        if value is not None and not isinstance(value, str):
            fix = "Write text." if isinstance(value, dict | list) else "Put it in quotes."
            raise self._bad(f"{place} is {shown(value)} and no text.", fix)

    def _number(self, value: Any, place: str, lowest: int, highest: int) -> None:
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest):
            raise self._bad(f"{place} is {shown(value)}.", f"Write a whole number from {lowest} to {highest}.")
