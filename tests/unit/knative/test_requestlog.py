"""Queue-proxy's request log: its template, its lines, and the pods that write them."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote_plus

import pytest

from harness.knative.requestlog import HEAD, MARK, PROBE_AGENTS, RID, SIZE, TAIL, TEMPLATE, RequestLine, logs_requests, request_line

LOGGING = {"OBSERVABILITY_CONFIG": json.dumps({"requestLogTemplate": TEMPLATE, "enableRequestLog": True})}
SILENT = {"OBSERVABILITY_CONFIG": json.dumps({"requestLogTemplate": "{{.Request.Method}}"})}


@pytest.mark.parametrize(
    ("env", "logs"),
    [
        (LOGGING, True),
        (SILENT, False),
        ({}, False),
        ({"SERVING_REQUEST_LOG_TEMPLATE": TEMPLATE, "SERVING_ENABLE_REQUEST_LOG": "true"}, True),
        ({"SERVING_REQUEST_LOG_TEMPLATE": TEMPLATE, "SERVING_ENABLE_REQUEST_LOG": "false"}, False),
    ],
    ids=["new", "new, off", "nothing", "old", "old, off"],
)
def test_queue_proxys_environment_says_whether_it_logs(env: dict[str, str], *, logs: bool) -> None:
    """In the words of newer and of older Serving."""
    variables = [{"name": name, "value": value} for name, value in env.items()]
    assert logs_requests({"spec": {"containers": [{"name": "user-container"}, {"name": "queue-proxy", "env": variables}]}}) is logs


def test_nothing_a_client_chooses_gets_into_the_line_unescaped() -> None:
    """Every action of the template is a number of queue-proxy's own or ends in urlquery, and what is between them is JSON."""
    actions = re.findall(r"{{(.*?)}}", TEMPLATE)
    numbers = [action for action in actions if action.startswith(".Response.")]
    assert len(numbers) == 3
    assert all(action.endswith("| urlquery") and "%." in action for action in actions if action not in numbers)
    assert "\n" not in TEMPLATE
    line = json.loads(re.sub(r"{{.*?}}", "0", TEMPLATE))
    assert line["log"] == MARK
    assert {"rid", "attempt", "status", "size", "latency_s"} <= set(line)


def test_a_hostile_id_as_knative_1_23_printed_it_reads_back() -> None:
    """A real line of a request whose X-Rid held quotes, a backslash, a tab, braces, a percent sign, a lone byte and a euro sign."""
    line = json.loads(
        '{"log":"knative-chaos-request","rid":"a%22b%5Cc%27d%3Ce%3E%26f%09g+%7B%7B.%7D%7D+%2541+%FF%E2%82%AC","attempt":"",'
        '"method":"GET","agent":"x%22%5Cy","status":200,"size":61,"latency_s":0.000255611}'
    )
    assert unquote_plus(line["rid"]) == "a\"b\\c'd<e>&f\tg {{.}} %41 \N{REPLACEMENT CHARACTER}€"
    assert unquote_plus(line["agent"]) == 'x"\\y'


def test_template_parts_and_reader_agree() -> None:
    """A line as the template writes it is HEAD, id, form and tail, and says what was put in."""
    values = {
        "rid": "r1-0-7",
        "attempt": "2",
        "method": "GET",
        "agent": "curl%2F8",
        "status": "502",
        "size": "91",
        "latency_s": "0.25",
    }
    given = iter(values.values())
    line = re.sub(r"{{.*?}}", lambda _: next(given), TEMPLATE)
    rid, quote, rest = line.removeprefix(HEAD).partition('"')
    form, size, numbers = (quote + rest).partition(SIZE)
    assert (rid, form) == ("r1-0-7", '","attempt":"2","method":"GET","agent":"curl%2F8","status":502,')
    assert re.fullmatch(RID, rid)
    tail = re.fullmatch(TAIL, size + numbers)
    assert tail
    assert tail[1] == "0.25"
    assert request_line(line) == RequestLine("r1-0-7", "2", "curl%2F8", 502, 0.25)


def test_probes_are_known_by_their_agent() -> None:
    """As `urlquery` writes it."""
    assert "kube-probe%2F1.34".startswith(PROBE_AGENTS)
    assert "Knative-Ingress-Probe".startswith(PROBE_AGENTS)
    assert not "curl%2F8".startswith(PROBE_AGENTS)
