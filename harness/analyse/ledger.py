"""The account: each failed request has one cause, each refused line of queue-proxy one request.

A cause comes from evidence: the answer (`evidence`), and where that names a failed connection, the line of that text in the log of
whoever says it failed, one to one (`matching`). Never from "it was during the fault".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from harness.analyse.evidence import Failure, Wants, judge_answer, refused_text
from harness.analyse.lines import ErrorLine
from harness.analyse.matching import Fate, Matching, match
from harness.model import Cause, Ledger, SystemChange


@dataclass(frozen=True, slots=True)
class Account:
    """One cycle's. causes: one a failure, in its order.

    refused_lines: of any queue-proxy while the cycle's generator ran; matched of them have a request. censored: see
    `may_be_sampled`.
    """

    causes: tuple[Cause, ...]
    refused_lines: int
    matched: int
    interchangeable: int
    censored: int

    @property
    def by_cause(self) -> dict[str, int]:
        """Failed requests by cause, only causes that were seen."""
        return {cause.value: count for cause, count in sorted(Counter(self.causes).items())}


def account(
    failures: Sequence[Failure],
    queue_proxy: Sequence[ErrorLine],
    activator: Sequence[ErrorLine],
    *,
    pods: Collection[str],
    user_port: int,
    tolerance_ns: int,
    sampled: bool,
) -> Account:
    """The account of one cycle.

    failures: the cycle's. queue_proxy, activator: forwarding errors logged while its generator ran. pods: those to which the
    cycle's requests can have gone. A line of queue-proxy may belong to a request if it is of one of these pods, its text is the
    answer's body and its time lies in [sent - tolerance, done + tolerance]; the tolerance must exceed the lines' resolution.
    Another pod's refused line counts and is nobody's. A request that no line can belong to is UNKNOWN; those that share too few
    lines are AMBIGUOUS.
    sampled: whether queue-proxy's logger may have dropped lines.
    """
    causes: list[Cause] = []
    waiting: dict[Wants, list[int]] = defaultdict(list)
    for at, failure in enumerate(failures):
        verdict = judge_answer(failure, user_port)
        causes.append(verdict if isinstance(verdict, Cause) else Cause.UNKNOWN)
        if isinstance(verdict, Wants):
            waiting[verdict].append(at)

    def settle(members: Sequence[int], lines: Sequence[ErrorLine], cause: Cause) -> tuple[Matching, list[int]]:
        """Set the causes these lines decide; return also the requests no line can belong to."""
        result = _matched(failures, members, lines, tolerance_ns)
        decided = {Fate.MATCHED: cause, Fate.AMBIGUOUS: Cause.AMBIGUOUS, Fate.LONE: Cause.UNKNOWN}
        for request, fate in zip(members, result.fates, strict=True):
            causes[request] = decided[fate]
        return result, [request for request, fate in zip(members, result.fates, strict=True) if fate is Fate.LONE]

    refused = waiting[Wants.REFUSED_LINE]
    own = [line for line in queue_proxy if line.pod in pods]
    refused_lines = [line for line in own if line.error == refused_text(user_port)]
    strange = sum(line.error == refused_text(user_port) for line in queue_proxy) - len(refused_lines)
    result, _ = settle(refused, refused_lines, Cause.REFUSED_DIAL)
    left = waiting[Wants.ACTIVATOR_LINE]
    for _text, members, lines in _by_text(failures, waiting[Wants.QUEUE_PROXY_LINE], own):
        _, lone = settle(members, lines, Cause.RESET_IN_FLIGHT)
        left = [*left, *lone]
    for _text, members, lines in _by_text(failures, left, activator):
        settle(members, lines, Cause.ACTIVATOR)
    matched = len(refused_lines) - len(result.free)
    return Account(
        causes=tuple(causes),
        refused_lines=len(refused_lines) + strange,
        matched=matched,
        interchangeable=result.interchangeable,
        censored=len(refused) - matched if sampled else 0,
    )


def _by_text(
    failures: Sequence[Failure], requests: Iterable[int], lines: Sequence[ErrorLine]
) -> list[tuple[str, list[int], list[ErrorLine]]]:
    """(text, requests answered with it, lines of it), by text."""
    members: dict[str, list[int]] = defaultdict(list)
    for request in requests:
        members[failures[request].body].append(request)
    said: dict[str, list[ErrorLine]] = defaultdict(list)
    for line in lines:
        said[line.error].append(line)
    return [(text, members[text], said[text]) for text in sorted(members)]


def _matched(failures: Sequence[Failure], members: Sequence[int], lines: Sequence[ErrorLine], tolerance_ns: int) -> Matching:
    spans = [(failures[one].sent_ns - tolerance_ns, failures[one].done_ns + tolerance_ns) for one in members]
    return match(spans, [line.at_ns for line in lines])


def may_be_sampled(changes: Iterable[SystemChange]) -> bool:
    """Whether queue-proxy's logger may have dropped lines: unless a recorded change of config-logging says `sampling`.

    Serving's loggers keep the first 100 lines of a text each second and then one in 100. With sampling on, each refused answer
    without a line is *censored*: the line is known to be missing, and the logger may be why. With it off the same answer is only
    unknown.
    """
    return not any("config-logging" in change.object and "sampling" in f"{change.what} {change.now}" for change in changes)


def total(accounts: Iterable[Account]) -> Ledger:
    """The account of a run: the sum over the cycles that count."""
    kept = list(accounts)
    causes: Counter[Cause] = Counter()
    for one in kept:
        causes.update(one.causes)
    unattributed = causes[Cause.UNKNOWN] + causes[Cause.AMBIGUOUS]
    lines, matched = sum(one.refused_lines for one in kept), sum(one.matched for one in kept)
    return Ledger(
        client_failures=causes.total(),
        attributed=causes.total() - unattributed,
        unattributed=unattributed,
        ambiguous=causes[Cause.AMBIGUOUS],
        by_cause={cause.value: count for cause, count in sorted(causes.items()) if count},
        queue_proxy_refused_lines=lines,
        matched=matched,
        unmatched=lines - matched,
        interchangeable=sum(one.interchangeable for one in kept),
        censored=sum(one.censored for one in kept),
    )
