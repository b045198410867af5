"""The clients as a source: which boot answered which request, and which requests were refused. Works on columns only."""

from __future__ import annotations

import json
from collections.abc import Iterable

import polars as pl

from harness.analyse.anatomy.sources import COMMAND, Source
from harness.apps.toggle import BOOT_HEADER, POD_HEADER
from harness.knative.lines import refused_text
from harness.model import Outcome

CLOCK_NS = 1_000


def sources(
    requests: pl.DataFrame, answers: pl.DataFrame, pod: str, boot: str, user_port: int, since_ns: int, *, named: bool = True
) -> dict[str, list[Source]]:
    """When the listener closed and opened again, as the requests show it, and the first OK afterwards.

    requests, answers: of the cycle. A request that the old boot answered was sent before its listener closed. A refused request was
    answered after that. The reverse holds for the new boot. If another pod answered too, it is unknown whose port refused, and only
    the first OK is returned.

    named: the app's answers name pod and boot. Of any other app with one pod, those sent before the first refusal are the old
    process's, and those sent after the last one the new process's.
    """
    if not named:
        return _nameless(requests, answers, user_port, since_ns)
    requests = requests.select("outcome", "answer", "sent_ns", "done_ns")
    old, new, strangers = _by_boot(answers, pod, boot)
    ok = pl.col("outcome") == Outcome.OK.value
    good = requests.filter(ok & pl.col("answer").is_in(new) & (pl.col("done_ns") >= since_ns))
    refused = _refused(requests, answers, user_port, since_ns)
    found: dict[str, list[Source]] = {}
    if good.height:
        first = good.row(int(good["done_ns"].arg_min() or 0), named=True)
        done_ns, first_ok = int(first["done_ns"]), "requests: the first OK of the new boot"
        bad = requests.filter(~ok & pl.col("done_ns").is_between(since_ns, done_ns))
        lo_ns = int(first["sent_ns"]) if bad.is_empty() else _most(bad["done_ns"])
        found["first-ok"] = [Source(lo_ns, done_ns, "requests: the last failure" if bad.height else first_ok, first_ok, 1)]
        refused = refused.filter(pl.col("done_ns") <= done_ns)
        if refused.height and not strangers:
            lo_ns = min(_most(refused["sent_ns"]), done_ns)
            found["listening"] = [Source(lo_ns, done_ns, "requests: the last refused", first_ok, CLOCK_NS)]
    if refused.height and not strangers:
        well = requests.filter(ok & pl.col("answer").is_in(old) & (pl.col("sent_ns") > 0))
        found["listener-closed"] = _closed(well, refused, since_ns)
    return found


def _nameless(requests: pl.DataFrame, answers: pl.DataFrame, user_port: int, since_ns: int) -> dict[str, list[Source]]:
    ok = requests.filter((pl.col("outcome") == Outcome.OK.value) & (pl.col("sent_ns") > 0))
    refused = _refused(requests, answers, user_port, since_ns)
    if refused.is_empty():
        return {}
    found = {"listener-closed": _closed(ok.filter(pl.col("sent_ns") < _least(refused["done_ns"])), refused, since_ns)}
    last_ns, after = _most(refused["sent_ns"]), "requests: the first OK sent after the last refused"
    good = ok.filter(pl.col("sent_ns") > last_ns)
    if good.height:
        done_ns = _least(good["done_ns"])
        found["first-ok"] = [Source(min(_most(refused["done_ns"]), done_ns), done_ns, "requests: the last refused", after, 1)]
        found["listening"] = [Source(last_ns, done_ns, "requests: the last refused", after, CLOCK_NS)]
    return found


def _refused(requests: pl.DataFrame, answers: pl.DataFrame, user_port: int, since_ns: int) -> pl.DataFrame:
    refusals = answers.filter((pl.col("status") == 502) & (pl.col("body").str.strip_chars() == refused_text(user_port)))["index"]
    return requests.filter(pl.col("answer").is_in(refusals.to_list()) & (pl.col("done_ns") >= since_ns))


def _closed(well: pl.DataFrame, refused: pl.DataFrame, since_ns: int) -> list[Source]:
    """One source, or two that contradict each other: the old boot answered a request that was sent after another one's refusal."""
    lo_ns, hi_ns = max(_most(well["sent_ns"]), since_ns) if well.height else since_ns, _least(refused["done_ns"])
    last, first = "requests: the last one the old boot answered", "requests: the first refused"
    if lo_ns <= hi_ns:
        return [Source(lo_ns, hi_ns, last, first, CLOCK_NS)]
    return [
        Source(since_ns, hi_ns, COMMAND, first, CLOCK_NS),
        Source(lo_ns, max(lo_ns, _most(well["done_ns"])), last, last, CLOCK_NS),
    ]


def _by_boot(answers: pl.DataFrame, pod: str, boot: str) -> tuple[list[int], list[int], bool]:
    """Indices of the answers of the old boot and of this pod's others, and whether another pod answered."""
    old, new, strangers = [], [], False
    for index, text in _rows(answers):
        headers = json.loads(text)
        its_pod, its_boot = headers.get(POD_HEADER), headers.get(BOOT_HEADER)
        if its_pod and its_pod != pod:
            strangers = True
        elif its_boot == boot:
            old.append(index)
        elif its_boot:
            new.append(index)
    return old, new, strangers


def _rows(answers: pl.DataFrame) -> Iterable[tuple[int, str]]:
    return answers.select("index", "headers").iter_rows()


def _most(column: pl.Series) -> int:
    return int(column.to_numpy().max())


def _least(column: pl.Series) -> int:
    return int(column.to_numpy().min())
