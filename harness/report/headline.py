"""The verdict of a run in one line that says what happened.

    REPRODUCED knative/serving #14980 in 5 of 5 cycles
    HOLDS in 5 of 5 cycles
    WORSE: no-restart: broken in 2 of 5 cycles
    NOT AS PREDICTED: failed-requests: outside of the prediction in 2 of 5 cycles
    FIXED knative/serving #14980: ready-pod-is-not-refused: holds in 5 of 5 cycles
    INCONCLUSIVE because the fault of cycle 2 is not proved
    INCONCLUSIVE because of this machine alone: 2 of 5 cycles count

Terminal, page, JUnit, CI summary and pytest all show this line. It is derived from the summary alone. The bug is read from the
source of the claim that expects it, so a scenario about another bug needs no change here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.model import Ruling, machine_alone
from harness.report import words
from harness.report.shape import ClaimShape, Summary

_NAMED = re.compile(r"(?<![\w./-])([A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+?) ?#([0-9]+)\b")
_LINKED = re.compile(r"https://github\.com/([A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+)/(?:issues|pull)/([0-9]+)\b")
_COUNTS = re.compile(r"(?:holds|broken) in ([0-9]+) of ([0-9]+) cycles\b")


def headline(summary: Summary) -> str:
    """The line for this run: plain text without control characters, not wrapped.

    summary: as it was made. One that was read from a file no longer has the kinds of its reasons, so it is not said of it that the
    machine alone made it inconclusive.
    """
    ruling = Ruling(summary["verdict"])
    if ruling is Ruling.INCONCLUSIVE:
        return words.plain(f"INCONCLUSIVE because {_because(summary)}")
    if ruling is Ruling.REGRESSION:
        return words.plain("; ".join(_deviations(summary)) or "NOT AS EXPECTED")
    return words.plain(_as_expected(summary))


def bug(source: str) -> str:
    """The first upstream issue that a claim's source names, as "owner/repository #number"; "" when it names none.

    Read are `owner/repository#1`, `owner/repository #1` and the address of an issue or pull request on GitHub. A number without a
    repository is no name.
    """
    found = min((match for pattern in (_NAMED, _LINKED) if (match := pattern.search(source))), key=re.Match.start, default=None)
    return f"{found[1]} #{found[2]}" if found else ""


def _because(summary: Summary) -> str:
    if summary["interrupted"]:
        return f"the run was interrupted: {summary['interrupted']}"
    if machine_alone(summary["reasons"]):
        return f"of this machine alone: {summary['reasons'][0]}"
    return summary["reasons"][0] if summary["reasons"] else "the evidence does not decide"


def _deviations(summary: Summary) -> list[str]:
    """What differs from the expectation; what got worse comes first."""
    by_state: dict[str, list[str]] = {"worse": [], "fixed": [], "not-as-predicted": []}
    for claim in summary["claims"]:
        state, named = words.claim_state(claim), bug(claim["source"])
        if state in by_state:
            subject = f" {named}" if state == "fixed" and named else ""
            seen = "outside of the prediction" if state == "not-as-predicted" else claim["observed"]
            what = state.upper().replace("-", " ")
            by_state[state].append(f"{what}{subject}: {claim['id']}: {seen} {_share(claim, summary)}")
    return [text for texts in by_state.values() for text in texts]


def _as_expected(summary: Summary) -> str:
    """Known bugs that were seen again; without one, that everything holds."""
    shown: dict[str, str] = {}
    for claim in summary["claims"]:
        if words.claim_state(claim) == "known-bug":
            shown.setdefault(bug(claim["source"]) or f"{claim['id']}, broken as expected,", _share(claim, summary))
    if not shown:
        return f"HOLDS in {_of(*[words.counted(summary)[0]] * 2)}"
    if len(set(shown.values())) == 1:
        return f"REPRODUCED {_joined(list(shown))} {next(iter(shown.values()))}"
    return f"REPRODUCED {_joined([f'{name} {share}' for name, share in shown.items()])}"


def _share(claim: ClaimShape, summary: Summary) -> str:
    """In how many cycles, as the judge counted; the counted cycles of the run where the judge gave no number."""
    found = _COUNTS.match(claim["why"])
    good = words.counted(summary)[0]
    return f"in {_of(int(found[1]), int(found[2])) if found else _of(good, good)}"


def _of(part: int, whole: int) -> str:
    return f"{words.count(part)} of {words.plural(whole, 'cycle')}"


def _joined(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    *others, before, last = names
    listed = [
        f"{name.removesuffix(',')}," for name in others
    ]  # of a claim that is broken as expected the name ends in a comma itself
    return " ".join([*listed, before, "and", last])
