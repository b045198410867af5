"""The account of a cycle: one cause for each failed request, one request for each refused line of queue-proxy.

A cause needs evidence: the answer (`evidence`) and, if the answering proxy also logs the error, a line of that text in its log,
matched one to one (`matching`). That a request failed during the fault is no evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from harness.analyse.columns import Flags, Indices
from harness.analyse.errorlines import ErrorLines
from harness.analyse.evidence import Failures, Wants, judge_answer
from harness.analyse.matching import Fate, match
from harness.analyse.requestlog import Joined
from harness.knative.lines import refused_text
from harness.knative.proxyerrors import cause_of
from harness.model import Cause, Ledger, SystemChange

CAUSES: tuple[Cause, ...] = tuple(Cause)
_CODE = {cause: code for code, cause in enumerate(CAUSES)}

Codes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Account:
    """One cycle's account. causes: of each failure, in order; indices in CAUSES. pod: the one whose queue-proxy wrote its line, an
    index in `pods`; -1: no line of queue-proxy belongs to it. by_cause: without those a further attempt followed.

    refused_lines: of any queue-proxy while the cycle's generator ran; matched of them have a request. overtaken: of those matched,
    those whose request timed out first. refused_window: first to last line of the refused requests, None without one. censored: see
    `may_be_sampled`. hidden: failures that a further attempt followed. request_log_lines, exact, strangers: as in the ledger.
    """

    causes: Codes
    pod: Indices
    pods: tuple[str, ...]
    by_cause: Mapping[str, int]
    refused_lines: int
    matched: int
    refused_window: tuple[int, int] | None
    interchangeable: int
    censored: int
    hidden: int
    request_log_lines: int = 0
    exact: int = 0
    strangers: int = 0
    overtaken: int = 0


OVERTAKEN_NS = 100_000_000
"""So long before the end of a request that timed out may queue-proxy have logged its refused dial.

Such a request waits in the accept queue of a process that is stopped. When the process ends, all that wait are refused at once, and
the answers need tens of milliseconds to reach the activator. One whose time runs out there meanwhile gets 504 (seen 10 to 37 ms
after the line, in the freeze of a server that accepts five connections, `c4cfbe38`).
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """From when until when each failed request was under way, by one reading of the evidence.

    told: the lines' times are those that the program wrote into them, not those at which they were read.
    """

    from_ns: Indices
    until_ns: Indices
    told: bool = False

    def of(self, members: Indices) -> Reading:
        """The same of these requests."""
        return replace(self, from_ns=self.from_ns[members], until_ns=self.until_ns[members])


def account(
    failures: Failures,
    queue_proxy: ErrorLines,
    activator: ErrorLines,
    *,
    pods: Collection[str],
    user_port: int,
    tolerance_ns: int,
    sampled: bool,
    log: Joined | None = None,
) -> Account:
    """The account of one cycle.

    failures: the cycle's. queue_proxy, activator: forwarding errors logged while its generator ran. pods: those to which the
    cycle's requests can have gone. A line of queue-proxy may belong to a request if it is of one of these pods, its text is the
    answer's body and its time lies in [sent - tolerance, done + tolerance]; the tolerance must exceed the lines' resolution. A
    refused line of another pod is counted, but matched with no request. A request that no line can belong to is UNKNOWN; those that
    share too few lines are AMBIGUOUS. OVERLOAD is proved by the answer; the activator's line of that text makes it
    ACTIVATOR_OVERLOAD. log: given if the run has a request log. The error line of a request must then have been read in [read -
    latency - tolerance, read + tolerance] of its request line. A request without such a line may match one read in [sent -
    tolerance, read + tolerance]. If that leaves a request open, all are matched as without a request log, by the time that
    queue-proxy wrote into its lines. Lines of queue-proxy explain only requests that are in its request log, and an OVERLOAD in
    that log is queue-proxy's. sampled: whether queue-proxy's logger may have dropped lines.
    """
    verdicts = [judge_answer(kind, user_port) for kind in failures.kinds]
    settled = [_CODE[verdict if isinstance(verdict, Cause) else Cause.UNKNOWN] for verdict in verdicts]
    causes = np.array(settled, dtype=np.int8)[failures.kind]
    pod = np.full(len(causes), -1, dtype=np.int64)
    at_client = Reading(failures.sent_ns, failures.done_ns)
    known, ways = np.ones(len(causes), dtype=np.bool_), [[at_client]]
    if log is not None:
        known, ways = _as_logged(failures, log)
        queue_proxy = queue_proxy.as_read()

    def waiting(want: Wants) -> Flags:
        return np.array([verdict is want for verdict in verdicts], dtype=np.bool_)[failures.kind]

    def in_way(way: Sequence[Reading], members: Indices, lines: ErrorLines) -> _Shares:
        return _shared([reading.of(members) for reading in way], lines, tolerance_ns)

    def settle(members: Indices, lines: ErrorLines, ways: Sequence[Sequence[Reading]], cause: Cause) -> _Settled:
        """Set the causes that these lines decide: by the first way, or if that leaves requests open by the best one."""
        shares = in_way(ways[0], members, lines)
        for way in ways[1:]:
            if shares.open:
                shares = min(shares, in_way(way, members, lines), key=lambda one: one.open)
        decided = {Fate.MATCHED: cause, Fate.AMBIGUOUS: Cause.AMBIGUOUS, Fate.LONE: Cause.UNKNOWN}
        causes[members] = np.array([_CODE[decided[fate]] for fate in Fate], dtype=np.int8)[shares.fates]
        settled = shares.fates == Fate.MATCHED
        if cause is not Cause.ACTIVATOR:
            pod[members[settled]] = lines.pod[shares.line_of[settled]]
        return _Settled(shares.line_of[shares.line_of >= 0], members[shares.fates == Fate.LONE], shares.interchangeable)

    said_refused = queue_proxy.saying(refused_text(user_port))
    is_own = queue_proxy.of_pods(pods)
    refused, failed, full = waiting(Wants.REFUSED_LINE), waiting(Wants.QUEUE_PROXY_LINE), waiting(Wants.OVERLOAD_LINE)
    refused_lines = queue_proxy.taken(said_refused & is_own)
    result = settle(np.flatnonzero(refused & known), refused_lines, ways, Cause.REFUSED_DIAL)
    other_lines = queue_proxy.taken(is_own & ~said_refused)
    for text, members, lines in _by_text(failures, np.flatnonzero(waiting(Wants.LOOPBACK_LINE) & known), other_lines):
        settle(members, lines, ways, cause_of(text, user_port))
    left = [np.flatnonzero(waiting(Wants.ACTIVATOR_LINE)), np.flatnonzero(failed & ~known)]
    for text, members, lines in _by_text(failures, np.flatnonzero(failed & known), other_lines):
        left.append(settle(members, lines, ways, cause_of(text, user_port)).lone)
    at_queue_proxy = full & known if log else full & False
    left.append(np.flatnonzero(full & ~at_queue_proxy))
    for _, members, lines in _by_text(failures, np.sort(np.concatenate(left)), activator):
        settle(members, lines, [[at_client]], Cause.ACTIVATOR)
    causes[full & (causes == _CODE[Cause.ACTIVATOR])] = _CODE[Cause.ACTIVATOR_OVERLOAD]
    # Without a request log only the answer is left: a queue was full. Too few lines of the activator do not show whose queue.
    causes[at_queue_proxy if log else full & (causes != _CODE[Cause.ACTIVATOR_OVERLOAD])] = _CODE[Cause.OVERLOAD]
    owned_ns = refused_lines.told_ns[result.owned]
    free_ns = np.delete(refused_lines.at_ns, result.owned)
    timed_out = failures.which(lambda kind: not kind.to_pod and judge_answer(kind, user_port) in _TIMED_OUT)
    overtaken = _overtaken(free_ns, failures.sent_ns[timed_out], failures.done_ns[timed_out], tolerance_ns)
    return Account(
        causes=causes,
        pod=pod,
        pods=queue_proxy.pods,
        by_cause=by_cause(causes[~failures.superseded]),
        refused_lines=int(said_refused.sum()),
        matched=len(owned_ns) + overtaken,
        refused_window=(int(owned_ns.min()), int(owned_ns.max())) if len(owned_ns) else None,
        interchangeable=result.interchangeable,
        censored=int(refused.sum()) - len(owned_ns) if sampled else 0,
        hidden=int(failures.superseded.sum()),
        request_log_lines=log.lines if log else 0,
        exact=log.exact if log else 0,
        strangers=log.strangers if log else 0,
        overtaken=overtaken,
    )


_TIMED_OUT = frozenset({Cause.ACTIVATOR, Cause.TIMEOUT})
"""What an answer proves alone where a time ran out: the activator's, queue-proxy's or the client's own."""


def _overtaken(lines_ns: Indices, sent_ns: Indices, done_ns: Indices, tolerance_ns: int) -> int:
    """How many of these refused lines belong to a request that timed out just before its refusal could reach the client."""
    from_ns = np.maximum(sent_ns, done_ns - OVERTAKEN_NS) - tolerance_ns
    return int((match(from_ns, done_ns + tolerance_ns, lines_ns).line_of >= 0).sum())


@dataclass(frozen=True, slots=True)
class _Settled:
    """owned: lines that have a request, ambiguous or not, by index. lone: requests no line can belong to."""

    owned: Indices
    lone: Indices
    interchangeable: int


@dataclass(frozen=True, slots=True)
class _Shares:
    """fates, line_of: of each request, as a Matching has them. interchangeable: of all readings together."""

    fates: npt.NDArray[np.int8]
    line_of: Indices
    interchangeable: int

    @property
    def open(self) -> int:
        """How many requests are not settled."""
        return int((self.fates != Fate.MATCHED).sum())


def _shared(readings: Sequence[Reading], lines: ErrorLines, tolerance_ns: int) -> _Shares:
    """The lines shared out by the first reading; what it leaves open, by the next one."""
    size = len(readings[0].from_ns)
    fates, line_of = np.full(size, Fate.LONE, dtype=np.int8), np.full(size, -1, dtype=np.int64)
    left, free, interchangeable = np.arange(size), np.arange(len(lines.at_ns)), 0
    for reading in readings:
        times = lines.told_ns if reading.told else lines.at_ns
        part = reading.of(left)
        result = match(part.from_ns - tolerance_ns, part.until_ns + tolerance_ns, times[free])
        has = result.line_of >= 0
        fates[left] = result.fates
        line_of[left] = -1
        line_of[left[has]] = free[result.line_of[has]]
        settled = result.fates == Fate.MATCHED
        free = np.setdiff1d(free, line_of[left[settled]], assume_unique=True)
        left, interchangeable = left[~settled], interchangeable + result.interchangeable
    return _Shares(fates, line_of, interchangeable)


def _as_logged(failures: Failures, log: Joined) -> tuple[Flags, list[list[Reading]]]:
    """(whether it is in the request log, in which ways it may be known when it was under way) of each failure.

    First by when its line was read: at the end of the answer or later. The sharp reading assumes that it was not much later. The
    wide one assumes only that the request had been sent, and that its error line was not read later. With lines that are read
    hundreds of milliseconds late, the two were seen to leave requests without a line (docs/exact-join.md). Then, as without a
    request log, the time that queue-proxy wrote into the line must lie between the client's sending and its answer.
    """
    line = log.line_of[failures.row]
    known = line >= 0
    read_ns, latency_ns = (np.zeros(len(line), dtype=np.int64) for _ in range(2))
    read_ns[known], latency_ns[known] = log.log.at_ns[line[known]], log.log.latency_ns[line[known]]
    return known, [
        [Reading(read_ns - latency_ns, read_ns), Reading(failures.sent_ns, read_ns)],
        [Reading(failures.sent_ns, failures.done_ns, told=True)],
    ]


def by_cause(causes: Codes) -> dict[str, int]:
    """How many have each cause, by its name; only causes that were seen."""
    counts = zip(CAUSES, np.bincount(causes, minlength=len(CAUSES)).tolist(), strict=True)
    return {cause.value: count for cause, count in sorted(counts) if count}


def _by_text(failures: Failures, requests: Indices, lines: ErrorLines) -> Iterator[tuple[str, Indices, ErrorLines]]:
    """(text, requests answered with it, lines of it) for each text. Requests whose text is in no line come together, as ""."""
    known = {text: index for index, text in enumerate(lines.texts)}
    text = np.array([known.get(kind.error, -1) for kind in failures.kinds], dtype=np.int64)[failures.kind[requests]]
    wanted, said = np.argsort(text, kind="stable"), np.argsort(lines.text, kind="stable")
    for one in np.unique(text).tolist():
        members, own = (slice(*np.searchsorted(column, [one, one + 1]).tolist()) for column in (text[wanted], lines.text[said]))
        yield lines.texts[one] if one >= 0 else "", np.sort(requests[wanted[members]]), lines.taken(np.sort(said[own]))


def may_be_sampled(changes: Iterable[SystemChange]) -> bool:
    """Whether queue-proxy's logger may have dropped lines: unless a recorded change of config-logging says `sampling`.

    Serving's loggers keep the first 100 lines of a text each second and then one in 100. With sampling on, each refused answer
    without a line is *censored*: the line is known to be missing, and the logger may be why. With it off the same answer is only
    unknown.
    """
    return not any("config-logging" in change.object and "sampling" in f"{change.what} {change.now}" for change in changes)


def added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of these counts, by name."""
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part)
    return dict(sorted(counts.items()))


def total(accounts: Iterable[Account]) -> Ledger:
    """The account of a run: the sum over the cycles that count."""
    kept = list(accounts)
    causes = added(one.by_cause for one in kept)
    failed, ambiguous = sum(causes.values()), causes.get(Cause.AMBIGUOUS, 0)
    unattributed = causes.get(Cause.UNKNOWN, 0) + ambiguous
    lines, matched = sum(one.refused_lines for one in kept), sum(one.matched for one in kept)
    return Ledger(
        client_failures=failed,
        attributed=failed - unattributed,
        unattributed=unattributed,
        ambiguous=ambiguous,
        by_cause=causes,
        queue_proxy_refused_lines=lines,
        matched=matched,
        unmatched=lines - matched,
        interchangeable=sum(one.interchangeable for one in kept),
        censored=sum(one.censored for one in kept),
        hidden=sum(one.hidden for one in kept),
        request_log_lines=sum(one.request_log_lines for one in kept),
        exact=sum(one.exact for one in kept),
        strangers=sum(one.strangers for one in kept),
    )
