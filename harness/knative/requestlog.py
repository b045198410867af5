"""Queue-proxy's request log: the template that makes its lines, the reader of a line, and whether a pod writes them.

The line is documented in docs/exact-join.md. Template, parts and reader change together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.knative.lines import parsed
from harness.knative.names import QUEUE_PROXY
from harness.knative.probes import KNATIVE_AGENT, KUBELET_AGENT
from harness.model import ATTEMPT_HEADER, RID_HEADER

MARK = "knative-chaos-request"
"""Value of the line's key "log": what tells our lines from everything else queue-proxy prints."""

TEMPLATE = (
    '{"log":"' + MARK + '",'
    '"rid":"{{printf "%.200s" (.Request.Header.Get "' + RID_HEADER + '") | urlquery}}",'
    '"attempt":"{{printf "%.20s" (.Request.Header.Get "' + ATTEMPT_HEADER + '") | urlquery}}",'
    '"method":"{{printf "%.20s" .Request.Method | urlquery}}",'
    '"agent":"{{printf "%.80s" .Request.UserAgent | urlquery}}",'
    '"status":{{.Response.Code}},'
    '"size":{{.Response.Size}},'
    '"latency_s":{{.Response.Latency}}}'
)
"""Go's text/template. What a client can choose goes through `urlquery`, whose output is letters, digits and -_.~%+ whatever comes
in; `js` escapes ' as \\', which JSON does not know, and `printf "%q"` writes \\x00. Cut, so that no line is split at the runtime's
16 KiB."""

WANTED: Mapping[str, str] = {
    "logging.enable-request-log": "true",
    "logging.request-log-template": TEMPLATE,
    "logging.enable-probe-request-log": "false",
}

CONFIG_MAP = "config-observability"
"""The ConfigMap that holds those keys."""

HEAD = f'{{"log":"{MARK}","rid":"'
"""How each line begins."""

RID = r"^[A-Za-z0-9\-_.~%+]*$"
"""The id of the request as `urlquery` writes it. It follows HEAD, and the next quote ends it."""

SIZE = '"size":'
TAIL = rf'^{SIZE}(?:0|[1-9][0-9]{{0,17}}),"latency_s":((?:0|[1-9][0-9]{{0,4}})(?:\.[0-9]{{1,40}})?(?:e-[0-9]{{1,2}})?)\}}$'
"""How each line ends, from SIZE on; the group is the latency. Of the rest of a line there are few forms: lines in which it is the
same differ only in id, size and latency. Any other line with the mark is read as JSON by itself."""

PROBE_AGENTS = (KUBELET_AGENT.replace("/", "%2F"), KNATIVE_AGENT)
"""How the agents of probes begin, form-encoded as in the line."""

_A_WEEK_S = 604_800
"""No answer takes so long."""


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One line of the request log, as docs/exact-join.md has it. rid, attempt, agent: as the line has them, form-encoded."""

    rid: str
    attempt: str
    agent: str
    status: int
    latency_s: float


def request_line(payload: str) -> RequestLine | None:
    """What this line of queue-proxy's says as a line of its request log, None if it is none or lacks what such a line has."""
    line = parsed(payload)
    if line is None or line.get("log") != MARK:
        return None
    rid, attempt, agent, status, latency_s = (line.get(key) for key in ("rid", "attempt", "agent", "status", "latency_s"))
    if not (isinstance(rid, str) and isinstance(attempt, str) and isinstance(agent, str)):
        return None
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status <= 999:
        return None
    if not isinstance(latency_s, int | float) or isinstance(latency_s, bool) or not 0 <= latency_s < _A_WEEK_S:
        return None
    return RequestLine(rid, attempt, agent, status, float(latency_s))


def logs_requests(made: Mapping[str, Any]) -> bool:
    """Whether this pod, or pod template, runs queue-proxy with our template: some variable of it carries it.

    Later Serving hands the whole configuration over as JSON in one variable, earlier the template in a variable of its own; the
    mark of our template is in both.
    """
    containers = (made.get("spec") or {}).get("containers") or []
    return any(
        MARK in str(variable.get("value") or "") and _switched_on(one)
        for one in containers
        if one.get("name") == QUEUE_PROXY
        for variable in one.get("env") or []
    )


def _switched_on(container: Mapping[str, Any]) -> bool:
    """Older ones have the switch in a variable beside the template's."""
    switch = {str(one.get("name")): str(one.get("value") or "") for one in container.get("env") or []}
    return switch.get("SERVING_ENABLE_REQUEST_LOG", "true") == "true"
