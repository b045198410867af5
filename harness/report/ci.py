"""Markdown for the summary page of a CI run (`$GITHUB_STEP_SUMMARY`)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import HistoryError
from harness.model import Experiment
from harness.report import terminal, words
from harness.report.headline import headline
from harness.report.shape import Summary

VARIABLE = "GITHUB_STEP_SUMMARY"
SIGNS = {"pass": "\N{WHITE HEAVY CHECK MARK}", "regression": "\N{CROSS MARK}", "inconclusive": "\N{WHITE QUESTION MARK ORNAMENT}"}
_SPECIAL = frozenset("\\`*_[]{}<>&|~#!@$")


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, also inside a table: one line, each special character as an HTML entity."""
    return "".join(f"&#{ord(char)};" if char in _SPECIAL else char for char in words.plain(text))


def markdown(summaries: Sequence[Summary]) -> str:
    """One table of all runs, then claims and facts of each run, collapsed when it passed."""
    out = [
        "## knative-chaos",
        "",
        "| | scenario | what happened | verdict | cycles | failed requests | unattributed | unmatched lines |",
        "|---|---|---|---|---:|---:|---:|---:|",
    ]
    for item in summaries:
        book = item["ledger"]
        good, _ = words.counted(item)
        left_out = ", ".join(f"{number} {word}" for word, number in words.not_counted(item).items())
        cycles = f"{good} (+{left_out})" if left_out else f"{good}"
        cells = [
            SIGNS[item["verdict"]],
            f"{escaped(item['scenario'])}: {escaped(item['title'])}",
            escaped(headline(item)),
            f"**{item['verdict']}**",
            cycles,
            *(str(book[key]) for key in ("client_failures", "unattributed", "unmatched")),
        ]
        out.append(f"| {' | '.join(cells)} |")
    for item in summaries:
        out += ["", *_details(item)]
    return "\n".join(out) + "\n"


def step_summary(*summaries: Summary, env: Mapping[str, str] | None = None) -> bool:
    """Append the Markdown to the file the CI named in env (this process's environment by default); False when it named none.

    Raises HistoryError when the file cannot be written.
    """
    return bool(summaries) and _append(markdown(summaries), env)


def experiment_markdown(experiment: Experiment) -> str:
    """What the terminal says of an experiment, as one block of text."""
    lines = (escaped(line) for line in terminal.experiment_lines(experiment))
    return "\n".join(["## knative-chaos", "", "<pre>", *lines, "</pre>", ""])


def experiment_step_summary(experiment: Experiment, *, env: Mapping[str, str] | None = None) -> bool:
    """The same of an experiment. Raises HistoryError like `step_summary`."""
    return _append(experiment_markdown(experiment), env)


def _append(text: str, env: Mapping[str, str] | None) -> bool:
    name = (os.environ if env is None else env).get(VARIABLE, "")
    if not name:
        return False
    try:
        with Path(name).open("a", encoding="utf-8", errors="replace") as out:
            out.write(text)
    except OSError as error:
        raise HistoryError(
            f"The CI summary cannot be written: {error.strerror}.", fix=f"Unset {VARIABLE} or name a file in it.", where=name
        ) from error
    return True


def _details(item: Summary) -> list[str]:
    opened = "" if item["verdict"] == "pass" else " open"
    out = [
        f"<details{opened}><summary>{escaped(item['scenario'])}: {escaped(headline(item))}</summary>",
        "",
        "| claim | expected | observed | result | why |",
        "|---|---|---|---|---|",
    ]
    out += [
        f"| {escaped(claim['statement'])} | {claim['expected']} | {claim['observed']} "
        f"| {words.CLAIM_STATES[words.claim_state(claim)]} | {escaped(claim['why'])} |"
        for claim in item["claims"]
    ]
    out += ["", *(f"- {name}: {escaped(value)}" for name, value in terminal.facts(item))]
    if item["reasons"]:
        out += ["", "Reasons:", "", *(f"- {escaped(reason)}" for reason in words.reasons(item))]
    return [*out, "", "</details>"]
