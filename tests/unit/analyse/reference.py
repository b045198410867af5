"""The rules of the account, said once more without a column: one object a request, one a line, and loops. For comparison only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from harness.analyse.evidence import Failure, Wants, judge_answer
from harness.analyse.ledger import OVERTAKEN_NS
from harness.knative.lines import LineKind, kind_of, parsed, refused_text
from harness.knative.proxyerrors import cause_of
from harness.knative.requestlog import request_line
from harness.knative.times import stamp_ns
from harness.model import Cause, Lane, Outcome, Stream


@dataclass(frozen=True)
class ErrorLine:
    """One forwarding error."""

    pod: str
    at_ns: int
    error: str
    read_ns: int


def kept(error: str) -> str:
    """As much of a text as an answer's record keeps of a body."""
    size = 0
    for place, letter in enumerate(error):
        size += len(letter.encode(errors="surrogatepass"))
        if size > 512:
            whole = size - len(letter.encode(errors="surrogatepass"))
            return (error[:place] + ("\N{REPLACEMENT CHARACTER}" if whole < 512 else "")).strip()
    return error.strip()


def error_lines(observations: pl.DataFrame, stream: Stream) -> list[ErrorLine]:
    """Each line is asked by itself."""
    wanted = LineKind.FORWARDING_ERROR if stream is Stream.QUEUE_PROXY else LineKind.ACTIVATOR_ERROR
    found = []
    for name, pod, at_ns, payload in observations.select("stream", "pod", "at_ns", "payload").iter_rows():
        if name == stream.value and '"error"' in payload and kind_of(stream, payload) is wanted:
            line = parsed(payload) or {}
            found.append(ErrorLine(pod, stamp_ns(line.get("timestamp")) or at_ns, kept(str(line["error"])), at_ns))
    return sorted(found, key=lambda line: line.at_ns)


@dataclass(frozen=True)
class Try:
    """One attempt at a request, in the order of the tables: requests, then superseded attempts."""

    seq: int
    attempt: int
    superseded: bool
    kind: Failure
    sent_ns: int
    done_ns: int


def tries(requests: pl.DataFrame, attempts: pl.DataFrame | None, answers: pl.DataFrame) -> list[Try]:
    """Of one cycle."""
    said = {
        row["index"]: (row["body"].strip(), {name.lower(): value for name, value in json.loads(row["headers"]).items()})
        for row in answers.iter_rows(named=True)
    }
    before = [] if attempts is None else list(attempts.iter_rows(named=True))

    def one(row: dict[str, object], attempt: int, *, superseded: bool) -> Try:
        body, headers = said.get(row["answer"], ("", {}))
        kind = Failure(Outcome(str(row["outcome"])), int(str(row["status"])), body, headers, Lane(str(row["lane"])))
        return Try(int(str(row["seq"])), attempt, superseded, kind, int(str(row["sent_ns"])), int(str(row["done_ns"])))

    last = [
        one(row, sum(other["seq"] == row["seq"] for other in before), superseded=False) for row in requests.iter_rows(named=True)
    ]
    return last + [one(row, row["attempt"], superseded=True) for row in before]


@dataclass(frozen=True)
class Logged:
    """A request's line in the request log."""

    at_ns: int
    latency_ns: int


@dataclass(frozen=True)
class Log:
    """of: each try's line, None without one that agrees with what the client was told."""

    of: list[Logged | None]
    lines: int
    exact: int
    strangers: int


def request_log(observations: pl.DataFrame, made: Sequence[Try], *, run_id: str, cycle: int, pods: Collection[str]) -> Log:
    """Line by line, by time, whose it is."""
    of: list[Logged | None] = [None] * len(made)
    taken: set[int] = set()
    lines = exact = strangers = 0
    rows = observations.filter(pl.col("stream") == Stream.QUEUE_PROXY.value).sort("at_ns", maintain_order=True)
    for pod, at_ns, payload in rows.select("pod", "at_ns", "payload").iter_rows():
        line = request_line(payload)
        if line is None:
            continue
        lines += 1
        owner = None
        for index, one in enumerate(made):
            named = line.rid == f"{run_id}-{cycle}-{one.seq}" and (line.attempt or "0") == str(one.attempt)
            if named and pod in pods and one.sent_ns > 0 and one.kind.lane is not Lane.GET_POD and index not in taken:
                owner = index
        if owner is not None:
            taken.add(owner)
            exact += 1
            if made[owner].kind.status in {0, line.status}:
                of[owner] = Logged(at_ns, int(line.latency_s * 1e9))
        elif line.rid or not line.agent.startswith(("kube-probe%2F", "Knative-")):
            strangers += 1
    return Log(of, lines, exact, strangers)


def owners(spans: Sequence[tuple[int, int]], times: Sequence[int]) -> tuple[list[str], list[int], int]:
    """(fate of each span, its line or -1, how many pairs could swap): lines by time, each to the open span that ends first."""
    order = sorted(range(len(times)), key=lambda line: times[line])
    line_of = [-1] * len(spans)

    def may(request: int, line: int) -> bool:
        return spans[request][0] <= times[line] <= spans[request][1]

    def reach(request: int) -> tuple[int, int]:
        own = [place for place, line in enumerate(order) if may(request, line)]
        return (own[-1], own[0]) if own else (-1, -1)

    for line in order:
        open_ones = [request for request in range(len(spans)) if line_of[request] < 0 and may(request, line)]
        if open_ones:
            line_of[min(open_ones, key=lambda request: (reach(request), request))] = line
    groups: list[set[int]] = []
    for request in range(len(spans)):
        own = {request} | {other for other in range(len(spans)) if any(may(request, one) and may(other, one) for one in order)}
        joined = [group for group in groups if group & own]
        groups = [group for group in groups if not group & own] + [own.union(*joined)]
    fates = [""] * len(spans)
    swaps = 0
    for group in groups:
        whole = all(line_of[request] >= 0 for request in group)
        for request in group:
            lone = not any(may(request, line) for line in order)
            fates[request] = "lone" if lone else "matched" if whole else "ambiguous"
            swaps += whole and any(
                other != request and may(request, line_of[other]) and may(other, line_of[request]) for other in group
            )
    return fates, line_of, swaps


@dataclass(frozen=True)
class Books:
    """What `ledger.account` says."""

    by_cause: dict[str, int]
    refused_lines: int
    matched: int
    refused_window: tuple[int, int] | None
    interchangeable: int
    hidden: int
    overtaken: int


def account(
    made: Sequence[Try],
    queue_proxy: Sequence[ErrorLine],
    activator: Sequence[ErrorLine],
    *,
    pods: Collection[str],
    user_port: int,
    tolerance_ns: int,
    log: Log | None = None,
) -> Books:
    """Failure by failure."""
    failed = sorted(
        (index for index, one in enumerate(made) if one.kind.outcome is not Outcome.OK),
        key=lambda index: (made[index].sent_ns, made[index].seq, made[index].attempt),
    )
    cause = {index: judge_answer(made[index].kind, user_port) for index in failed}

    def attempt(
        asked: list[int], lines: Sequence[ErrorLine], decided: Cause, readings: Sequence[str]
    ) -> tuple[dict[int, Cause], list[int], list[ErrorLine], int, int]:
        """(cause of each, requests without a line, lines that have one, how many pairs could swap, how many are open)."""
        has, swaps, left, members = [], 0, list(lines), list(asked)
        lone: list[int] = []
        last: list[ErrorLine] = []
        said: dict[int, Cause] = {}
        for reading in readings:
            spans = []
            for index in members:
                lo, hi = made[index].sent_ns, made[index].done_ns
                own = log.of[index] if log and reading != "client" else None
                if own:
                    lo, hi = own.at_ns - own.latency_ns if reading == "sharp" else lo, own.at_ns
                spans.append((lo - tolerance_ns, hi + tolerance_ns))
            fates, line_of, more = owners(spans, [line.at_ns if reading == "client" else line.read_ns for line in left])
            for index, fate in zip(members, fates, strict=True):
                said[index] = {"matched": decided, "ambiguous": Cause.AMBIGUOUS, "lone": Cause.UNKNOWN}[fate]
            lone = [index for index, fate in zip(members, fates, strict=True) if fate == "lone"]
            swaps += more
            sure = {line for line, fate in zip(line_of, fates, strict=True) if fate == "matched"}
            last = [left[line] for line in line_of if line >= 0 and line not in sure]
            has += [left[line] for line in sorted(sure)]
            members = [index for index, fate in zip(members, fates, strict=True) if fate != "matched"]
            left = [line for number, line in enumerate(left) if number not in sure]
        return said, lone, has + last, swaps, len(members)

    def settle(members: list[int], lines: Sequence[ErrorLine], decided: Cause) -> tuple[list[int], list[ErrorLine], int]:
        """(requests without a line, lines that have one, how many pairs could swap)."""
        ways = [["sharp", "wide"], ["client"]] if log and decided is not Cause.ACTIVATOR else [["client"]]
        best = attempt(members, lines, decided, ways[0])
        for way in ways[1:]:
            other = attempt(members, lines, decided, way)
            best = other if other[-1] < best[-1] else best
        cause.update(best[0])
        return best[1:4]

    def logged(index: int) -> bool:
        return log is None or log.of[index] is not None

    text = refused_text(user_port)
    waiting = {want: [index for index in failed if cause[index] is want] for want in Wants}
    refused = [line for line in queue_proxy if line.pod in pods and line.error == text]
    for index in waiting[Wants.REFUSED_LINE]:
        cause[index] = Cause.UNKNOWN
    _, owned, swaps = settle([index for index in waiting[Wants.REFUSED_LINE] if logged(index)], refused, Cause.REFUSED_DIAL)
    left = list(waiting[Wants.ACTIVATOR_LINE])
    for want in (Wants.LOOPBACK_LINE, Wants.QUEUE_PROXY_LINE):
        for index in waiting[want]:
            cause[index] = Cause.UNKNOWN
            if want is Wants.QUEUE_PROXY_LINE and not logged(index):
                left.append(index)
        asked = [index for index in waiting[want] if logged(index)]
        for body in sorted({made[index].kind.body for index in asked}):
            own = [line for line in queue_proxy if line.pod in pods and line.error == body != text]
            named = cause_of(body, user_port)
            lone = settle([index for index in asked if made[index].kind.body == body], own, named)[0]
            left += lone if want is Wants.QUEUE_PROXY_LINE else []
    full = waiting[Wants.OVERLOAD_LINE]
    left += [index for index in full if log is None or not logged(index)]
    for body in sorted({made[index].kind.error for index in left}):
        own = [line for line in activator if line.error == body]
        settle(sorted(index for index in left if made[index].kind.error == body), own, Cause.ACTIVATOR)
    for index in full:
        if log is not None and logged(index):
            cause[index] = Cause.OVERLOAD
        elif cause[index] is Cause.ACTIVATOR:
            cause[index] = Cause.ACTIVATOR_OVERLOAD
        elif log is None:
            cause[index] = Cause.OVERLOAD
    free = [line for line in refused if not any(line is one for one in owned)]
    # Of what proved a timeout by its answer alone.
    late = [
        (max(made[index].sent_ns, made[index].done_ns - OVERTAKEN_NS) - tolerance_ns, made[index].done_ns + tolerance_ns)
        for index in failed
        if not made[index].kind.to_pod and judge_answer(made[index].kind, user_port) in {Cause.ACTIVATOR, Cause.TIMEOUT}
    ]
    overtaken = sum(line >= 0 for line in owners(late, [line.read_ns if log else line.at_ns for line in free])[1])
    counts = Counter(str(cause[index]) for index in failed if not made[index].superseded)
    return Books(
        by_cause=dict(sorted(counts.items())),
        refused_lines=sum(line.error == text for line in queue_proxy),
        matched=len(owned) + overtaken,
        refused_window=(min(line.at_ns for line in owned), max(line.at_ns for line in owned)) if owned else None,
        interchangeable=swaps,
        hidden=sum(made[index].superseded for index in failed),
        overtaken=overtaken,
    )
