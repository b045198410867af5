"""Columns say what plain rules say, line by line and request by request: random small histories, and lines made to deceive."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.analyse.columns import coded, stamps_ns
from harness.analyse.errorlines import forwarding_errors
from harness.analyse.evidence import failures_of, tries_of
from harness.analyse.ledger import account
from harness.analyse.requestlog import joined, request_lines
from harness.history.layout import Table
from harness.history.tables import frame
from harness.knative.requestlog import request_line
from harness.knative.times import stamp_ns
from harness.model import Lane, Outcome, Stream
from tests.unit.analyse import reference
from tests.unit.analyse.story import REFUSED, T0, stamp

RUN, CYCLE, PODS, PORT, TOLERANCE = "run-1", 3, ("pod", "other"), 8080, 2
FULL = "pending request queue full"
DIAL_TIMEOUT = "timed out dialing 127.0.0.1:8080 after 15.31s"
GONE = 'revision.serving.knative.dev "x" not found'
RESET = "read tcp 127.0.0.1:34567->127.0.0.1:8080: read: connection reset by peer"


def error_line(
    error: str = REFUSED, *, at_ns: int | None = None, message: str = "sockets: used 9\\n", logger: str = "queueproxy"
) -> str:
    """As queue-proxy writes it."""
    when = "" if at_ns is None else f'"timestamp":"{stamp(at_ns)}",'
    quoted = json.dumps(error, ensure_ascii=False)
    return f'{{"severity":"error",{when}"logger":"{logger}","message":"{message}","error":{quoted},"stacktrace":"a\\n\\tb"}}'


LONG = error_line(at_ns=T0)

DECEPTIONS = [
    LONG,
    LONG.replace("queueproxy", "queueproxy.main"),
    LONG.replace('"queueproxy"', '"activator"'),
    LONG.replace('"logger"', '"Logger"'),
    LONG.replace('"error":', '"error" :'),
    LONG.replace(",", " , ").replace(":", " : "),
    LONG.replace('"message":"', '"message":"\\"error\\":\\"x\\", \\"timestamp\\":\\"2026-01-01T00:00:00Z\\"'),
    LONG.replace('"message":"', '"message":"\\\\'),
    LONG.replace('"message":"', '"message":"\\\\\\"'),
    LONG.replace('"message":"', '"message":"\\x'),
    LONG.replace('"message":"', '"message":"\\u12'),
    LONG.replace('"message":"', '"message":"\\ud800 \\udc00 \\ud800'),
    LONG.replace('"message":"', '"message":"\t'),
    LONG.replace('"message":"', '"message":"\x7f\u2028é𝄞'),
    LONG.replace('"message":"', '"message":""'),
    LONG.replace("sockets: used 9\\n", ""),
    LONG.replace("sockets", "s" * 600),
    LONG.replace("sockets", "é" * 300),
    LONG.replace(REFUSED, "\\ud800" + REFUSED),
    LONG.replace(REFUSED, " " + REFUSED + "\\n"),
    LONG.replace(REFUSED, "<stamp>"),
    LONG.replace(REFUSED, "<error>"),
    LONG.replace(REFUSED, "\\n\\u00e9"),
    LONG.replace(REFUSED, "\\x"),
    LONG.replace(REFUSED, '\\",\\"error\\":\\"'),
    LONG.replace('"message":"', '"message":"\\",\\"error\\":\\"'),
    LONG.replace('"error":', '"error":"first","e":'),
    LONG.replace('"error":', '"e":{"error":"first"},"error":'),
    LONG.replace('"error":', '"e":{"error":') + "}",
    LONG[:-1] + ',"error":"<error>"}',
    LONG[:-1] + ',"err\\u006fr":"last"}',
    LONG.replace(f'"{REFUSED}"', "null"),
    LONG.replace(f'"{REFUSED}"', f'["{REFUSED}"]'),
    LONG.replace(f'"{REFUSED}"', f'{{"error":"{REFUSED}"}}'),
    LONG.replace('"error":', '"err\\u006fr":"also","error":'),
    LONG.replace('"error":', '"error":"first","error":'),
    LONG[:-1] + ',"error":5}',
    LONG[:-1] + ',"logger":"other"}',
    LONG[:-1] + f',"timestamp":"{stamp(T0 + 7)}"}}',
    LONG[:-1] + ',"timestamp":"<stamp>"}',
    LONG[:-1] + ',"timestamp":"\\u003cstamp>"}',
    LONG[:-1] + ',"timestamp":5}',
    LONG[:-1] + ',"timest\\u0061mp":"<another stamp>"}',
    LONG.replace('"timestamp":', '"a":{"timestamp":', 1).replace(',"logger"', '},"logger"', 1),
    LONG.replace('"timestamp":', '"timestamp":"<stamp>","a":{"timestamp":', 1).replace(',"logger"', '},"logger"', 1),
    LONG.replace('"timestamp":', '"\\"timestamp":'),
    LONG.replace('"timestamp":"', '"timestamp":"x'),
    LONG.replace('"timestamp":"', '"timestamp":"\\u0032'),
    LONG.replace('Z"', '+01:00"', 1),
    LONG.replace('Z"', "Z ", 1),
    LONG.replace('Z"', '"', 1),
    LONG.replace(stamp(T0), "1970-01-01T00:00:00Z"),
    LONG.replace(stamp(T0), "9999-12-31T23:59:59Z"),
    LONG.replace(stamp(T0), "2026-02-30T00:00:00Z"),
    LONG.replace(stamp(T0), "2026-11-23T23:59:60Z"),
    LONG.replace(stamp(T0), "2026-11-23T24:00:00Z"),
    LONG.replace(stamp(T0), "2026-11-23t00:00:00Z"),
    LONG.replace(stamp(T0), ""),
    error_line(),
    "probe error: " + LONG,
    LONG[:-1],
    LONG + "}",
    LONG + " ",
    " " + LONG,
    "[" + LONG + "]",
    '"error"',
    "{}",
    "",
    '{"error":NaN,"logger":"queueproxy","timestamp":"2026-11-23T00:00:00Z"}',
    '{"logger":"queueproxy","error":"x","timestamp":"2026-11-23T00:00:00.1Z"}',
    '{"timestamp":"2026-11-23T00:00:00.123456789Z","error":"x","message":"","logger":"queueproxy"}',
]


def observations(*payloads: str, stream: Stream = Stream.QUEUE_PROXY) -> pl.DataFrame:
    """One pod's lines, a nanosecond apart."""
    rows = [
        {
            "stream": stream.value,
            "pod": PODS[0],
            "container": "c",
            "instance": 0,
            "at_ns": 100 + at,
            "resolution_ns": 1,
            "seen_ns": 5,
        }
        | {"payload": payload}
        for at, payload in enumerate(payloads)
    ]
    return frame(Table.OBSERVATIONS, rows)


def told(seen: pl.DataFrame, stream: Stream) -> list[tuple[str, int, str]]:
    """(pod, time, text) as the columns have it."""
    lines = forwarding_errors(seen, stream)
    columns = zip(lines.pod.tolist(), lines.at_ns.tolist(), lines.text.tolist(), strict=True)
    return [(lines.pods[pod], at_ns, lines.texts[text]) for pod, at_ns, text in columns]


def said(seen: pl.DataFrame, stream: Stream) -> list[tuple[str, int, str]]:
    """The same line by line."""
    return [(line.pod, line.at_ns, line.error) for line in reference.error_lines(seen, stream)]


@pytest.mark.parametrize("stream", [Stream.QUEUE_PROXY, Stream.ACTIVATOR])
@pytest.mark.parametrize("number", range(len(DECEPTIONS)))
def test_a_line_made_to_deceive(number: int, stream: Stream) -> None:
    """Alone, and among lines of the usual form before and after it: each says what it says by itself."""
    payload = DECEPTIONS[number]
    for seen in (
        observations(payload, stream=stream),
        observations(LONG, payload, LONG, error_line("EOF", at_ns=T0), stream=stream),
    ):
        assert told(seen, stream) == said(seen, stream)


PIECES = st.sampled_from(
    [
        '"timestamp":"',
        '"message":"',
        '"error":"',
        '"logger":"queueproxy"',
        stamp(T0),
        '"',
        '\\"',
        "\\",
        "\\n",
        ",",
        "{",
        "}",
        ":",
        "é",
        "a",
        "<stamp>",
    ]
)


@given(
    st.lists(st.lists(PIECES, max_size=14).map(lambda parts: "{" + "".join(parts) + "}") | st.sampled_from(DECEPTIONS), max_size=6)
)
@settings(max_examples=100, deadline=None)
def test_any_lines(payloads: list[str]) -> None:
    """Whatever is put together of what such lines are made of."""
    seen = observations(*payloads)
    assert told(seen, Stream.QUEUE_PROXY) == said(seen, Stream.QUEUE_PROXY)


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "timestamp": st.sampled_from([stamp(T0), stamp(T0 + 5), "soon", 5, None, "<stamp>"]),
        "logger": st.sampled_from(["queueproxy", "queueproxy.x", "activator", 1]),
        "error": st.sampled_from([REFUSED, " EOF\n", "é", 'a "quoted" \\ one', 3, None]),
        "message": st.text(max_size=5),
        "more": st.dictionaries(st.sampled_from(["error", "logger", "timestamp"]), st.sampled_from(["queueproxy", stamp(T0)])),
    },
)


@given(st.lists(st.tuples(FIELDS, st.permutations(range(5)), st.booleans()), max_size=6))
@settings(max_examples=100, deadline=None)
def test_any_object(drawn: list[tuple[dict[str, Any], list[int], bool]]) -> None:
    """In any order of keys, with and without blanks, in ASCII and not."""
    payloads = []
    for fields, order, compact in drawn:
        keys = [key for _, key in sorted(zip(order, fields, strict=False))]
        separators = (",", ":") if compact else (", ", ": ")
        payloads.append(json.dumps({key: fields[key] for key in keys}, separators=separators, ensure_ascii=compact))
    seen = observations(*payloads)
    assert told(seen, Stream.QUEUE_PROXY) == said(seen, Stream.QUEUE_PROXY)


@given(
    st.lists(
        st.none()
        | st.text("0123456789TZ:.+-", max_size=30)
        | st.from_regex(r"\A[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,10})?(Z|[+-][0-9]{2}:?[0-9]{2})\Z"),
        max_size=8,
    )
)
@example(["2026-11-23T19:40:22.752Z", "2262-04-11T23:47:16.854775807Z", "2262-04-11T23:47:16.854775808Z", "1677-09-21T00:12:43Z"])
@settings(max_examples=100, deadline=None)
def test_times(texts: list[str | None]) -> None:
    """Each is read as it is read by itself."""
    ns, readable = stamps_ns(pl.Series(texts, dtype=pl.String))
    expected = [stamp_ns(text) for text in texts]
    assert readable.tolist() == [one is not None for one in expected]
    assert ns.tolist() == [one or 0 for one in expected]


def test_codes() -> None:
    """Equal texts have equal codes, in the order seen."""
    codes, distinct = coded(pl.Series(["b", "b", "a", "b", ""]))
    assert (codes.tolist(), distinct) == ([0, 0, 1, 0, 2], ["b", "a", ""])
    codes, distinct = coded(pl.Series([], dtype=pl.String))
    assert (len(codes), distinct) == (0, [])


# --- requests and the request log -----------------------------------------------------------------------------------------

ANSWERS = [
    {"cycle": CYCLE, "index": index, "status": status, "body": body, "headers": json.dumps(headers)}
    for index, (status, body, headers) in enumerate(
        [
            (200, "hello", {"x-toggle-boot": "b"}),
            (502, REFUSED + "\n", {"Server": "envoy", "x-envoy-upstream-service-time": "present"}),
            (502, RESET, {}),
            (502, "EOF", {}),
            (502, "dial tcp 10.0.0.1:8012: connect: connection refused", {}),
            (503, "no healthy upstream", {"server": "envoy"}),
            (500, "oops", {"x-toggle-boot": "b"}),
            (504, "request timeout", {}),
            (503, FULL + "\n", {"server": "envoy", "x-envoy-upstream-service-time": "present"}),
            (502, DIAL_TIMEOUT, {}),
            (502, "context deadline exceeded", {}),
            (500, "Error getting active endpoint: " + GONE, {}),
        ]
    )
]

REQUEST = st.fixed_dictionaries(
    {
        "answer": st.sampled_from([*range(len(ANSWERS) + 1), 1, 1, 1, 1, 2, 2, 8]),
        "lane": st.sampled_from([Lane.GET_NEW, Lane.GET_NEW, Lane.GET_RETRYING, Lane.GET_POD, Lane.GET_QUEUE_PROXY]),
        "outcome": st.sampled_from([*[Outcome.HTTP_ERROR] * 5, Outcome.CLOSED, Outcome.TIMEOUT, Outcome.NOT_SENT]),
        "sent_ns": st.integers(100, 120),
        "took_ns": st.integers(0, 12),
        "before": st.integers(0, 2),
        "logged": st.lists(st.tuples(st.integers(-2, 12), st.integers(0, 9), st.sampled_from([0, 0, 0, 0, 1])), max_size=2),
        "error": st.lists(st.integers(-3, 12), max_size=1),
        "read_late": st.sampled_from([0, 0, 1, 7]),
    }
)
"""logged: (time since the sending, latency, added to the status) of each of its lines. error: the same time of its error line."""

HISTORIES = st.fixed_dictionaries(
    {
        "requests": st.lists(REQUEST, max_size=8),
        "errors": st.lists(
            st.tuples(
                st.integers(95, 145),
                st.sampled_from([REFUSED, REFUSED, RESET, "EOF", ANSWERS[4]["body"], FULL, FULL, DIAL_TIMEOUT, GONE]),
                st.sampled_from(PODS),
                st.sampled_from([Stream.QUEUE_PROXY, Stream.ACTIVATOR]),
            ),
            max_size=4,
        ),
        "log": st.lists(
            st.tuples(
                st.integers(0, 9),
                st.sampled_from(["", "0", "1", "2", "x", "01"]),
                st.sampled_from([200, 502]),
                st.integers(100, 140),
                st.integers(0, 9),
                st.sampled_from([f"{RUN}-{CYCLE}-", f"{RUN}-2-", "run-2-3-", f"{RUN}-{CYCLE}-0", ""]),
                st.sampled_from(PODS),
            ),
            max_size=4,
        ),
    }
)


def log_line(rid: str, attempt: str = "", status: int = 200, latency_s: float = 0.0, agent: str = "knative-chaos") -> str:
    """As our template writes it."""
    return (
        f'{{"log":"knative-chaos-request","rid":"{rid}","attempt":"{attempt}","method":"GET","agent":"{agent}","status":{status},'
        f'"size":61,"latency_s":{latency_s}}}'
    )


@given(HISTORIES, st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_history(drawn: dict[str, Any], logged: bool) -> None:
    """Causes, counts, windows, pairs that could swap, and the join: the same by columns as by loops."""
    requests: list[dict[str, Any]] = []
    attempts: list[dict[str, Any]] = []
    seen: list[dict[str, Any]] = []

    def saw(at_ns: int, payload: str, pod: str = PODS[0], stream: Stream = Stream.QUEUE_PROXY) -> None:
        seen.append({"stream": stream.value, "pod": pod, "at_ns": at_ns, "payload": payload})

    for seq, one in enumerate(drawn["requests"]):
        answer, lane, outcome, sent_ns = one["answer"], one["lane"], one["outcome"], one["sent_ns"]
        ok, known = answer == 0, answer < len(ANSWERS)
        row = {
            "cycle": CYCLE,
            "seq": seq,
            "lane": lane.value,
            "outcome": (Outcome.OK if ok else outcome).value,
            "status": ANSWERS[answer]["status"] if known and (ok or outcome is Outcome.HTTP_ERROR) else 0,
            "answer": answer if known else -1,
            "reused": True,
            "intended_ns": sent_ns,
            "sent_ns": 0 if outcome is Outcome.NOT_SENT and not ok else sent_ns,
            "first_byte_ns": 0,
            "done_ns": sent_ns + one["took_ns"],
        }
        requests.append(row)
        made = one["before"] if lane is Lane.GET_RETRYING else 0
        bad = {"outcome": "http-error", "status": 502, "answer": 1}
        attempts += [row | bad | {"sent_ns": sent_ns - 5 * (made - number), "attempt": number} for number in range(made)]
        for after_ns, latency_ns, more in one["logged"]:
            status = int(row["status"]) or 502
            saw(sent_ns + after_ns, log_line(f"{RUN}-{CYCLE}-{seq}", str(made or ""), status + more, latency_ns / 1e9))
        for after_ns in one["error"]:
            text = str(ANSWERS[answer]["body"]).strip() if known else REFUSED
            saw(sent_ns + after_ns + one["read_late"], error_line(text, at_ns=sent_ns + after_ns))
    for at_ns, text, pod, stream in drawn["errors"]:
        saw(at_ns, error_line(text, logger="activator" if stream is Stream.ACTIVATOR else "queueproxy"), pod, stream)
    for seq, attempt, status, at_ns, latency_ns, name, pod in drawn["log"]:
        agent = "kube-probe%2F1" if seq % 2 else ""
        saw(at_ns, log_line(f"{name}{seq}" if name else "", attempt, status, latency_ns / 1e9, agent), pod)
    rows, said_rows = frame(Table.REQUESTS, requests), frame(Table.ANSWERS, ANSWERS)
    again = frame(Table.REQUESTS, attempts).with_columns(pl.Series("attempt", [one["attempt"] for one in attempts], pl.Int32))
    told_rows = frame(Table.OBSERVATIONS, seen)
    pods = {PODS[0]}

    each = reference.tries(rows, again, said_rows)
    plain_log = reference.request_log(told_rows, each, run_id=RUN, cycle=CYCLE, pods=pods)
    plain = reference.account(
        each,
        reference.error_lines(told_rows, Stream.QUEUE_PROXY),
        reference.error_lines(told_rows, Stream.ACTIVATOR),
        pods=pods,
        user_port=PORT,
        tolerance_ns=TOLERANCE,
        log=plain_log if logged else None,
    )
    tries = tries_of(rows, again)
    log = joined(request_lines(told_rows, RUN), tries, cycle=CYCLE, pods=pods)
    books = account(
        failures_of(tries, said_rows),
        forwarding_errors(told_rows, Stream.QUEUE_PROXY),
        forwarding_errors(told_rows, Stream.ACTIVATOR),
        pods=pods,
        user_port=PORT,
        tolerance_ns=TOLERANCE,
        sampled=False,
        log=log if logged else None,
    )
    got = reference.Books(
        dict(books.by_cause),
        books.refused_lines,
        books.matched,
        books.refused_window,
        books.interchangeable,
        books.hidden,
        books.overtaken,
    )
    assert got == plain
    assert (log.lines, log.exact, log.strangers) == (plain_log.lines, plain_log.exact, plain_log.strangers)
    assert (log.line_of >= 0).tolist() == [one is not None for one in plain_log.of]


LOGGED = log_line("run-1-3-4", "1", 502, 0.000884098)

ODD_LOG_LINES = [
    LOGGED,
    LOGGED.replace('","', '", "'),
    LOGGED.replace("0.000884098", "9.1e-05"),
    LOGGED.replace("0.000884098", "1E-05"),
    LOGGED.replace("0.000884098", "1e+300"),
    LOGGED.replace("0.000884098", "99999"),
    LOGGED.replace("0.000884098", "604800"),
    LOGGED.replace("0.000884098", "-1"),
    LOGGED.replace("0.000884098", "NaN"),
    LOGGED.replace("0.000884098", "01"),
    LOGGED.replace("0.000884098", '"0.1"'),
    LOGGED.replace("0.000884098", "true"),
    LOGGED.replace(":502,", ":0502,"),
    LOGGED.replace(":502,", ":99,"),
    LOGGED.replace(":502,", ":1000,"),
    LOGGED.replace(":502,", ":502.0,"),
    LOGGED.replace(":502,", ":null,"),
    LOGGED.replace(":61,", ":" + "9" * 5000 + ","),
    LOGGED.replace(":61,", ":00,"),
    LOGGED.replace("run-1-3-4", "run-1-3-%22%5C"),
    LOGGED.replace("run-1-3-4", 'run\\"-1'),
    LOGGED.replace("run-1-3-4", "\\ud800"),
    LOGGED.replace("run-1-3-4", "run-1-3-4\\n"),
    LOGGED.replace("run-1-3-4", "run-1-3-" + "9" * 30),
    LOGGED.replace("run-1-3-4", "run-1-" + "9" * 18 + "-" + "9" * 18),
    LOGGED.replace("run-1-3-4", "run-1-3-04"),
    LOGGED.replace("run-1-3-4", "run-1-3-\uff14"),
    LOGGED.replace("run-1-3-4", "run-1-3--4"),
    LOGGED.replace("run-1-3-4", "run-1-3-4-5"),
    LOGGED.replace('"run-1-3-4"', "5"),
    LOGGED.replace('"attempt":"1"', '"attempt":"-1"'),
    LOGGED.replace('"attempt":"1"', '"attempt":"99999"'),
    LOGGED.replace('"attempt":"1",', ""),
    LOGGED.replace("knative-chaos-request", "knative-chaos-requests"),
    LOGGED.replace("knative-chaos-request", "knative\\u002dchaos-request"),
    LOGGED[:-1] + ',"log":"other"}',
    LOGGED[:-1] + ',"rid":"run-1-3-5"}',
    LOGGED.replace('"attempt"', '"rid":"run-1-3-5","attempt"'),
    LOGGED.replace('"status"', '"size":1,"status"'),
    LOGGED.replace('"size"', '"\\"size"'),
    LOGGED.replace('"knative-chaos"', '"\\"size\\":61,\\"latency_s\\":0.5}"'),
    LOGGED.replace('"knative-chaos"', '"' + "é" * 9 + '","size":6,"size":61'),
    LOGGED.replace("run-1-3-4", "é" * 9),
    LOGGED.replace('"agent"', '"a":{"agent"') + "}",
    LOGGED.replace('","attempt"', '"size":61,"attempt"'),
    LOGGED[:-1],
    LOGGED + " ",
    LOGGED + "\n",
    "x" + LOGGED,
    "x" + LOGGED[1:],
    "[" + LOGGED + "]",
    "knative-chaos-request",
]


@pytest.mark.parametrize("number", range(len(ODD_LOG_LINES)))
def test_a_request_log_line_made_to_deceive(number: int) -> None:
    """Cut by columns or read as JSON: the same fields, or none."""
    payload = ODD_LOG_LINES[number]
    lines = request_lines(observations(LOGGED, payload, LOGGED), RUN)
    alone = request_line(payload) if "knative-chaos-request" in payload else None
    assert len(lines.at_ns) == 2 + (alone is not None)
    if alone is None:
        return
    assert (lines.status[1], lines.latency_ns[1]) == (alone.status, int(alone.latency_s * 1e9))
    whose = alone.rid.split("-") if alone.rid.isascii() else []
    ours = len(whose) == 4 and alone.rid == f"run-1-{whose[2]}-{whose[3]}"
    named = ours and all(part.isdigit() and len(part) <= 18 and str(int(part)) == part for part in whose[2:])
    assert (lines.cycle[1], lines.seq[1]) == ((int(whose[2]), int(whose[3])) if named else (-1, -1))
    assert lines.attempt[1] == (int(alone.attempt) if alone.attempt == "1" else -1)
