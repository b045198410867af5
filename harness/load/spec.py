"""What the generator is told, and the file in which it is told."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from harness.load.schedule import capacity
from harness.model import RECORD, Lane, LoadPlan

MAX_RECORD_BYTES = 8 << 30
"""More than this is a slip in max_s, not a plan."""


class BadSpec(ValueError):
    """A spec cannot be used; says which field and why."""


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """One generator, one cycle.

    address, port: where to connect (an IP address, or a name looked up once). host: value of the Host header. path: with or
    without a query. run_id, cycle: with the number of the request they make its id. max_s: sending ends after so long by
    itself. drain_s: how long `stop` waits for what is in flight. at_once: begin when ready, else on `Generator.begin`.
    """

    address: str
    port: int
    host: str
    plan: LoadPlan
    run_id: str
    cycle: int
    max_s: float
    drain_s: float
    path: str = "/"
    at_once: bool = True

    def check(self) -> None:
        """Raise BadSpec naming the first field that cannot be used."""
        plan = self.plan
        if not (math.isfinite(plan.rate_rps) and 0.001 <= plan.rate_rps <= 1_000_000):
            raise BadSpec(f"rate_rps is {plan.rate_rps}; it must lie between 0.001 and 1000000")
        if not (math.isfinite(plan.deadline_s) and plan.deadline_s > 0):
            raise BadSpec(f"deadline_s is {plan.deadline_s}; it must be above 0")
        if plan.in_flight_cap < 0:
            raise BadSpec(f"in_flight_cap is {plan.in_flight_cap}; 0 means rate_rps * deadline_s, below 0 means nothing")
        named = [lane for lane, _ in plan.lanes]
        if len(set(named)) != len(named):
            raise BadSpec(f"lanes names a lane twice: {', '.join(named)}")
        if any(weight < 0 for _, weight in plan.lanes) or not any(weight > 0 for _, weight in plan.lanes):
            raise BadSpec("lanes needs weights of 0 and above, one of them above 0")
        if not 0 < self.port < 65_536:
            raise BadSpec(f"port is {self.port}; it must lie between 1 and 65535")
        for name, text in (("host", self.host), ("path", self.path), ("run_id", self.run_id), ("address", self.address)):
            if not text or not text.isascii() or not text.isprintable() or " " in text:
                raise BadSpec(f"{name} is {text!r}; it must be printable ASCII without blanks, and not empty")
        if not self.path.startswith("/") or "#" in self.path:
            raise BadSpec(f"path is {self.path!r}; it must begin with / and have no fragment")
        if not (math.isfinite(self.max_s) and self.max_s > 0):
            raise BadSpec(f"max_s is {self.max_s}; it must be above 0")
        if not (math.isfinite(self.drain_s) and self.drain_s >= 0):
            raise BadSpec(f"drain_s is {self.drain_s}; it must be 0 or above")
        if capacity(plan.rate_rps, self.max_s) * RECORD.size > MAX_RECORD_BYTES:
            raise BadSpec(f"rate_rps {plan.rate_rps:g} for max_s {self.max_s:g} would need more than 8 GiB of records")

    def to_json(self) -> str:
        """The text of spec.json."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @staticmethod
    def from_json(text: str) -> GeneratorSpec:
        """Read and check. Raises BadSpec for text that is not a spec."""
        try:
            raw: dict[str, Any] = json.loads(text)
            plan = raw.pop("plan")
            lanes = tuple((Lane(name), int(weight)) for name, weight in plan.pop("lanes"))
            spec = GeneratorSpec(plan=LoadPlan(lanes=lanes, **plan), **raw)
            spec.check()
        except BadSpec:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadSpec(f"this is not a generator's spec: {type(error).__name__}: {error}") from error
        return spec
