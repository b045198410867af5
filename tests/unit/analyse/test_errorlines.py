"""Forwarding errors as columns."""

from __future__ import annotations

import json

import polars as pl

from harness.analyse.errorlines import _FORMS, ErrorLines, forwarding_errors
from harness.history.layout import Table
from harness.history.tables import frame
from harness.model import Stream
from tests.unit.analyse.story import REFUSED
from tests.unit.knative.test_lines import READ


def rows(*payloads: str, at_ns: int = 7) -> pl.DataFrame:
    """Observations of one queue-proxy."""
    given = [
        {"stream": Stream.QUEUE_PROXY.value, "pod": "p", "container": "queue-proxy", "at_ns": at_ns, "payload": payload}
        for payload in payloads
    ]
    return frame(Table.OBSERVATIONS, given)


def told(seen: ErrorLines) -> list[tuple[int, str, str]]:
    """(time, text, pod) of each line."""
    columns = zip(seen.at_ns.tolist(), seen.text.tolist(), seen.pod.tolist(), strict=True)
    return [(at_ns, seen.texts[text], seen.pods[pod]) for at_ns, text, pod in columns]


def test_the_lines_own_time_is_preferred() -> None:
    """The container runtime stamps a line when it reads it; queue-proxy when it happens."""
    for text in (READ, json.dumps(json.loads(READ), separators=(",", ":"))):
        assert told(forwarding_errors(rows(text), Stream.QUEUE_PROXY)) == [(1795457886855179540, REFUSED, "p")]
        old = text.replace("2026-11-23T", "yesterday ")
        assert told(forwarding_errors(rows(old), Stream.QUEUE_PROXY)) == [(7, REFUSED, "p")]


def test_a_probe_error_is_no_forwarding_error() -> None:
    """A probe's own refusal on stderr is never counted, even when it quotes JSON."""
    probe = f'aggressive probe error (failed 3 times): {REFUSED} "error"'
    assert told(forwarding_errors(rows(probe), Stream.QUEUE_PROXY)) == []


def test_more_forms_than_are_looked_for() -> None:
    """Each line is classified, and with its own time, whether its form was found or it was read by itself; pods alternate."""
    pods, texts = ("p", "q"), [f"read tcp 127.0.0.1:{port}: reset" for port in range(_FORMS + 5)]
    line = '{"timestamp":"2026-11-23T19:40:22.752Z","logger":"queueproxy","message":"used 9","error":"'
    lines = [f'{line}{text}","stacktrace":"{stack}"}}' for stack, text in enumerate(texts)]
    seen = pl.concat(rows(one).with_columns(pl.lit(pod).alias("pod")) for one in [*lines, *lines] for pod in pods)
    found = told(forwarding_errors(seen, Stream.QUEUE_PROXY))
    assert found == [(1795462822752000000, text, pod) for text in [*texts, *texts] for pod in pods]


def test_lines_of_one_form_have_their_own_texts() -> None:
    """With what JSON escapes, and as they are."""
    texts = ["EOF", 'a "quoted" one', "a \\ and a\ttab", "é \N{GRINNING FACE}", "", REFUSED, "EOF"]
    seen = rows(*(json.dumps(json.loads(READ) | {"error": text}, separators=(",", ":")) for text in texts))
    assert told(forwarding_errors(seen, Stream.QUEUE_PROXY)) == [(1795457886855179540, text, "p") for text in texts]
