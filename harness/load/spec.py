"""What the generator is told, and the file in which it is told."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from harness.knative.probes import is_probe_header, is_routing_header
from harness.knative.unary import framed
from harness.load.schedule import CHANGING, capacity
from harness.model import ATTEMPT_HEADER, RECORD, RID_HEADER, Arrivals, Behaviour, Hop, Lane, LoadPlan, Route

MAX_RECORD_BYTES = 8 << 30
"""More than this is a slip in max_s, not a plan."""

MAX_RETRIES = 100
"""An attempt's number has eight bits in a record; nobody tries again so often."""

MAX_SECONDS = 1_000_000
"""Eleven days; more is a slip in a time span, not a plan."""

MAX_WEIGHTS = 10_000
"""Of all lanes together: one turn of the lanes is drawn up beforehand."""

FIRST_STATUS, LAST_STATUS = 200, 500
"""Statuses that a good answer may have: from the first, below the last."""

MAX_HEADER = 8 << 10
"""Bytes of a header's value; servers refuse longer ones."""

OURS = frozenset(
    {
        "host",
        RID_HEADER.lower(),
        ATTEMPT_HEADER.lower(),
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "te",
        "trailer",
        "expect",
    }
)
"""Headers a plan may not have: they decide where a request goes, who it is, where it ends, and whether it is sent at all."""

_METHOD = re.compile(r"/[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class BadSpec(ValueError):
    """A spec cannot be used; says which field and why."""


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """One generator, one cycle.

    routes: one for each route that a lane of the plan takes. Their addresses are IP addresses, or names looked up once. run_id,
    cycle: with the number of the request they make its id. max_s: sending ends after so long by itself. drain_s: how long `stop`
    waits for what is in flight. at_once: begin when ready, else on `Generator.begin`.
    """

    routes: tuple[Route, ...]
    plan: LoadPlan
    run_id: str
    cycle: int
    max_s: float
    drain_s: float
    at_once: bool = True

    def check(self) -> None:
        """Raise BadSpec naming the first field that cannot be used."""
        plan = self.plan
        self._check_kinds()
        _check_arrivals(plan)
        if not 0 < plan.deadline_s <= MAX_SECONDS:
            raise BadSpec(f"deadline_s is {plan.deadline_s}; it must be above 0 and at most {MAX_SECONDS}")
        if plan.in_flight_cap < 0:
            raise BadSpec(f"in_flight_cap is {plan.in_flight_cap}; 0 means rate_rps * deadline_s, below 0 means nothing")
        named = [lane for lane, _ in plan.lanes]
        if len(set(named)) != len(named):
            raise BadSpec(f"lanes names a lane twice: {', '.join(named)}")
        if any(weight < 0 for _, weight in plan.lanes) or not any(weight > 0 for _, weight in plan.lanes):
            raise BadSpec("lanes needs weights of 0 and above, one of them above 0")
        if sum(weight for _, weight in plan.lanes) > MAX_WEIGHTS:
            raise BadSpec(f"lanes has weights that come to more than {MAX_WEIGHTS}")
        if not 0 <= plan.retries <= MAX_RETRIES:
            raise BadSpec(f"retries is {plan.retries}; it must lie between 0 and {MAX_RETRIES}")
        if not 0 <= plan.retry_after_s <= MAX_SECONDS:
            raise BadSpec(f"retry_after_s is {plan.retry_after_s}; it must lie between 0 and {MAX_SECONDS}")
        _check_content(plan)
        self._check_routes()
        _check_printable("run_id", self.run_id)
        if not 0 < self.max_s <= MAX_SECONDS:
            raise BadSpec(f"max_s is {self.max_s}; it must be above 0 and at most {MAX_SECONDS}")
        if not 0 <= self.drain_s <= MAX_SECONDS:
            raise BadSpec(f"drain_s is {self.drain_s}; it must lie between 0 and {MAX_SECONDS}")
        if capacity(plan, self.max_s) * RECORD.size > MAX_RECORD_BYTES:
            raise BadSpec(f"rate_rps {plan.rate_rps:g} for max_s {self.max_s:g} would need more than 8 GiB of records")

    def _check_routes(self) -> None:
        names = [route.name for route in self.routes]
        if len(set(names)) != len(names):
            raise BadSpec(f"routes has a name twice: {', '.join(names)}")
        for route in self.routes:
            if not 0 < route.port < 65_536:
                raise BadSpec(f"port of route {route.name} is {route.port}; it must lie between 1 and 65535")
            _check_printable(f"host of route {route.name}", route.host)
            _check_printable(f"address of route {route.name}", route.address)
        for lane, weight in self.plan.lanes:
            if weight and lane.route not in names:
                raise BadSpec(f"lanes has {lane}, but routes has no {lane.route}: {', '.join(names) or 'it is empty'}")

    def _check_kinds(self) -> None:
        """Each value is of its kind: annotations hold nothing back, and a spec may come from a file or a scenario of anybody's."""
        plan = self.plan
        _of_kind(_number, "a number", (plan, ("rate_rps", "to_rate_rps", "over_s", "deadline_s", "retry_after_s")))
        _of_kind(_number, "a number", (self, ("max_s", "drain_s")))
        _of_kind(_whole, "a whole number", (plan, ("in_flight_cap", "seed", "retries")), (self, ("cycle",)))
        _of_kind(_text, "text", (plan, ("body", "path", "message")), (self, ("run_id",)))
        if not (isinstance(plan.expect, tuple) and all(_whole(status) for status in plan.expect)):
            raise BadSpec(f"expect is {_short(plan.expect)}; it must be a tuple of statuses")
        if not isinstance(plan.arrivals, Arrivals):
            raise BadSpec(f"arrivals is {plan.arrivals!r}; it must be one of {', '.join(Arrivals)}")
        if not isinstance(self.at_once, bool):
            raise BadSpec(f"at_once is {self.at_once!r}; it must be true or false")
        _pairs("lanes", plan.lanes, lambda name, weight: isinstance(name, Lane) and _whole(weight), "a lane and a whole number")
        if not (isinstance(self.routes, tuple) and all(isinstance(route, Route) for route in self.routes)):
            raise BadSpec(f"routes is {_short(self.routes)}; it must be a tuple of routes")
        for route in self.routes:
            _of_kind(_whole, "a whole number", (route, ("port",)))
            _of_kind(_text, "text", (route, ("name", "address", "host")))
        _pairs("headers", plan.headers, lambda name, value: _text(name) and _text(value), "two texts")

    def route_of(self, lane: Lane) -> Route:
        """The route its requests take; of a checked spec there is one for each lane of the plan."""
        return next(route for route in self.routes if route.name == lane.route)

    def to_json(self) -> str:
        """The text of spec.json."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @staticmethod
    def from_json(text: str) -> GeneratorSpec:
        """Read and check. Raises BadSpec for text that is not a spec."""
        try:
            raw: dict[str, Any] = json.loads(text)
            plan = raw.pop("plan")
            plan["lanes"] = tuple((Lane(name), weight) for name, weight in plan["lanes"])
            plan["arrivals"] = Arrivals(plan["arrivals"])
            plan["headers"] = tuple((name, value) for name, value in plan["headers"])
            plan["expect"] = tuple(plan["expect"])
            raw["routes"] = tuple(Route(**{**route, "hops": tuple(Hop(hop) for hop in route["hops"])}) for route in raw["routes"])
            spec = GeneratorSpec(plan=LoadPlan(**plan), **raw)
            spec.check()
        except BadSpec:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise BadSpec(f"this is not a generator's spec: {type(error).__name__}: {error}") from error
        return spec


def _number(value: object) -> bool:
    # A whole number too large for a float is none that anything here can be.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300  # of NaN: False


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _text(value: object) -> bool:
    return isinstance(value, str)


def _check_printable(name: str, text: str) -> None:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise BadSpec(f"{name} is {text!r}; it must be printable ASCII without blanks, and not empty")


def _of_kind(fits: Callable[[object], bool], kind: str, *wanted: tuple[object, Iterable[str]]) -> None:
    """wanted: (noun, names of its fields that must fit)."""
    for noun, names in wanted:
        for name in names:
            if not fits(value := getattr(noun, name)):
                raise BadSpec(f"{name} is {_short(value)}; it must be {kind}")


def _pairs(name: str, values: object, fits: Callable[[object, object], bool], kind: str) -> None:
    if not isinstance(values, tuple):
        raise BadSpec(f"{name} is {_short(values)}; it must be a tuple of pairs")
    for pair in values:
        if not (isinstance(pair, tuple) and len(pair) == 2 and fits(*pair)):
            raise BadSpec(f"{name} has {_short(pair)}; it must be {kind}")


def _short(value: object) -> str:
    """For a message; a whole number of thousands of digits cannot be written down."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a whole number of more than 64 bits"
    return repr(value)[:80]


def _check_arrivals(plan: LoadPlan) -> None:
    rates = [("rate_rps", plan.rate_rps)]
    if plan.arrivals in CHANGING:
        rates.append(("to_rate_rps", plan.to_rate_rps))
        if not (math.isfinite(plan.over_s) and 0.001 <= plan.over_s <= 1_000_000):
            raise BadSpec(f"over_s is {plan.over_s}; for arrivals {plan.arrivals} it must lie between 0.001 and 1000000")
    else:
        # Nobody writes these down without meaning something by it.
        for name, value in (("to_rate_rps", plan.to_rate_rps), ("over_s", plan.over_s)):
            if value != 0:
                raise BadSpec(
                    f"{name} is {value}, but arrivals {plan.arrivals} have one rate; choose ramp or step, or leave it out"
                )
    for name, rate in rates:
        if not (math.isfinite(rate) and 0.001 <= rate <= 1_000_000):
            raise BadSpec(f"{name} is {rate}; it must lie between 0.001 and 1000000")


def _check_content(plan: LoadPlan) -> None:
    """What the plan puts into each request, and which answers are good."""
    _check_printable("path", plan.path)
    if not plan.path.startswith("/") or "#" in plan.path:
        raise BadSpec(f"path is {plan.path!r}; it must begin with / and have no fragment")
    if any(weight and lane.behaviour is Behaviour.GRPC for lane, weight in plan.lanes):
        if not _METHOD.fullmatch(plan.path):
            raise BadSpec(f"path is {plan.path!r}; of a gRPC lane it is /PACKAGE.SERVICE/METHOD")
        try:
            framed(plan.message)
        except ValueError as error:
            raise BadSpec(f"message cannot be sent: {error}") from error
    for status in plan.expect:
        if not FIRST_STATUS <= status < LAST_STATUS:
            raise BadSpec(
                f"expect has the status {status}; it must lie between {FIRST_STATUS} and {LAST_STATUS - 1}, "
                "for those above are also how Knative and its ingress say that they did not reach the program"
            )
    try:
        plan.body.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadSpec(f"body cannot be written as UTF-8: {error.reason} at character {error.start}") from error
    for name, value in plan.headers:
        if not _TOKEN.fullmatch(name):
            raise BadSpec(f"headers has the name {name!r}; it must be of letters, digits and !#$%&'*+-.^_`|~")
        if name.lower() in OURS:
            raise BadSpec(f"headers has {name}, which is the generator's own")
        if is_probe_header(name, value):
            raise BadSpec(
                f"headers has {name}: {value[:80]}, for which Knative answers by itself, as a probe; the app never sees it"
            )
        if is_routing_header(name):
            raise BadSpec(f"headers has {name}, by which Knative and its ingress decide where and how often a request goes")
        if len(value) > MAX_HEADER:
            raise BadSpec(f"headers has {len(value)} characters for {name}; at most {MAX_HEADER} are sent")
        # No line ends, and no blanks at the ends, which would get lost on the way.
        if not (value.isascii() and (value.isprintable() or not value) and value == value.strip()):
            raise BadSpec(f"headers has {value!r} for {name}; it must be printable ASCII without blanks at its ends")
