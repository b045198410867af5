"""The verdict as a short table for a terminal or a CI log."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable
from typing import TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.model import ArmResult, Experiment
from harness.report import words
from harness.report.differences import change_line, comparison_lines
from harness.report.headline import headline
from harness.report.shape import HopsShape, Summary

LOG_WIDTH = 110
"""Columns when the output is not a terminal: CI pages show about as many without scrolling."""

FEW = 4
"""Missing edges and contradictions shown on a terminal at most."""

COLOURS = {"pass": "bold green", "regression": "bold red", "inconclusive": "bold yellow"}
STATES = {"as-expected": "green", "known-bug": "green", "fixed": "bold magenta", "undecided": "yellow"}
STATES |= dict.fromkeys(("worse", "not-as-predicted"), "bold red")


def show(summary: Summary, *, file: TextIO | None = None, where: str = "") -> None:
    """Print the verdict. where: the run directory, shown last. Colours only on a terminal, whatever FORCE_COLOR says."""
    out = file or sys.stdout
    tty = out.isatty()
    width = shutil.get_terminal_size((LOG_WIDTH, 24)).columns if tty else LOG_WIDTH
    shown = rendered(_verdict(summary), width=width, tty=tty) + _report_line(where)
    encoding = getattr(out, "encoding", None) or "utf-8"
    out.write(shown.encode(encoding, "replace").decode(encoding))


def lines(summary: Summary, *, where: str = "", width: int = LOG_WIDTH) -> list[str]:
    """The same as plain lines, without ANSI sequences or trailing blanks."""
    shown = rendered(_verdict(summary), width=width, tty=False) + _report_line(where)
    return [line.rstrip() for line in shown.splitlines()]


def overview(summaries: Iterable[Summary], *, width: int = LOG_WIDTH) -> list[str]:
    """One line per run: scenario, verdict, cycles, failed requests, unattributed failures, unmatched lines, headline."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("scenario", "verdict", "cycles", "failed", "unattributed", "unmatched", "what happened"):
        table.add_column(name, justify="right" if name in {"cycles", "failed", "unattributed", "unmatched"} else "left")
    for item in summaries:
        book = item["ledger"]
        table.add_row(
            words.plain(item["scenario"]),
            item["verdict"],
            str(words.counted(item)[0]),
            str(book["client_failures"]),
            str(book["unattributed"]),
            str(book["unmatched"]),
            Text(headline(item)),
        )
    return [line.rstrip() for line in rendered(table, width=width, tty=False).splitlines()]


def rendered(what: RenderableType, *, width: int, tty: bool) -> str:
    """As text of this width, with colours on a terminal alone."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=tty,
        color_system="standard" if tty else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(what)
    return out.getvalue()


def _verdict(summary: Summary) -> Group:
    ruling = summary["verdict"]
    subject = Text.assemble((words.plain(summary["scenario"]), "bold"), " ", words.plain(summary["title"]), f" (verdict: {ruling})")
    said = headline(summary)
    further = [reason for reason in map(words.plain, words.reasons(summary)) if not said.endswith(reason)]
    parts: list[RenderableType] = [Text(said, style=COLOURS[ruling]), subject, *map(_bullet, further), Text()]
    if summary["claims"]:
        parts += [_claims(summary), Text()]
    return Group(*parts, _facts(summary))


def _bullet(reason: str) -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_row(Text("-"), Text(reason))
    return row


def _claims(summary: Summary) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in ("claim", "expected", "observed", "result"):
        table.add_column(name)
    for claim in summary["claims"]:
        state = words.claim_state(claim)
        table.add_row(
            Text(words.plain(claim["statement"])),
            claim["expected"],
            claim["observed"],
            Text(words.CLAIM_STATES[state], style=STATES[state]),
        )
    return table


def _facts(summary: Summary) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for name, value in facts(summary):
        grid.add_row(name, Text(words.plain(value)))
    return grid


def _report_line(where: str) -> str:
    """The path outside any table, so that it is not wrapped and can be copied."""
    return f"\nReport: {words.plain(where)}/report.html\n" if where else ""


def _node(waited_us: float | None) -> str:
    return f"wait of the node for a CPU {words.micros(waited_us)}" + ("" if waited_us is None else " (mean of the worst second)")


def facts(summary: Summary) -> list[tuple[str, str]]:
    """The run in a few labelled lines; the CI summary shows the same ones."""
    book, load, versions = summary["ledger"], summary["generator"], summary["versions"]
    good, voided = words.counted(summary)
    cycles = f"{words.plural(good, 'cycle')} counted, {voided} not counted"
    lengths = words.refused_lengths(summary)
    if lengths:
        cycles += f"; requests were refused for {min(lengths):.2f} to {max(lengths):.2f} s in {len(lengths)} of them"
    bad = [f"{words.outcome(key)}: {number}" for key, number in summary["requests"]["by_outcome"].items() if key != "ok" and number]
    requests = f"{summary['requests']['sent']} sent, {summary['requests']['ok']} succeeded"
    rate = "unknown" if load["rate"] is None else f"{load['rate']:g} rps"
    lateness = f"sent late by {words.micros(load['pacing_p50_us'])} (p50), {words.micros(load['pacing_p99_us'])} (p99)"
    ran = (("Knative", versions["knative"]), ("Kubernetes", versions["kubernetes"]), ("ingress", versions["ingress"]))
    out = [
        ("cycles", cycles),
        ("requests", "; ".join([requests, *bad])),
        *([("by method", "; ".join(split))] if (split := words.by_method(summary)) else []),
        *_not_counted(summary),
        ("failures", f"{book['client_failures']} = {book['attributed']} attributed + {book['unattributed']} unattributed"),
        (
            "queue-proxy",
            f"{book['queue_proxy_refused_lines']} refused lines = {book['matched']} matched + {book['unmatched']} unmatched"
            + (f"; {book['censored']} known to be missing" if book["censored"] else ""),
        ),
        *_further(summary),
        ("load", f"{rate}, {lateness}; CPU stolen {words.share(load['steal'])}; {_node(load['cpu_wait_us'])}"),
        ("versions", ", ".join(f"{name} {version or 'unknown'}" for name, version in ran)),
        ("source", summary["source"] or "unknown"),
    ]
    if summary["gaps"]:
        out.append(("gaps", f"{words.plural(len(summary['gaps']), 'interval')} in which observations may be missing"))
    out += [("missing", _few(words.missing(summary)))] if words.missing(summary) else []
    out += [("contradictions", _few(words.disputes(summary)))] if words.disputes(summary) else []
    return out + [("ledger", f"DOES NOT ADD UP: {wrong}") for wrong in words.imbalance(summary)]


def _not_counted(summary: Summary) -> list[tuple[str, str]]:
    """What the cycles that do not count saw: a run that could not be finished still shows it."""
    seen = summary["not_counted"]
    if not seen["cycles"]:
        return []
    bad = [f"{words.outcome(key)}: {number}" for key, number in seen["by_outcome"].items() if key != "ok" and number]
    sent = f"{words.plural(seen['cycles'], 'cycle')}: {seen['sent']} sent, {seen['ok']} succeeded"
    causes = [f"{words.cause(key)}: {number}" for key, number in seen["by_cause"].items()]
    told = [
        f"cycle {cycle['index']}: {text}" for cycle in summary["cycles"] for text in cycle["last_seen"][-1:] if cycle["given_up"]
    ]
    out = [("not counted", "; ".join([sent, *bad]))]
    out += [("their causes", "; ".join(causes))] if causes else []
    return out + [("last seen", _few(told))] * bool(told)


def _further(summary: Summary) -> list[tuple[str, str]]:
    """Lines that only some runs have: queue-proxy's request log, a retrying client."""
    book = summary["ledger"]
    out = []
    if summary["request_log"] or book["request_log_lines"]:
        strangers = f"; {words.plural(book['strangers'], 'line')} of unknown requests" if book["strangers"] else ""
        out.append(("request log", f"{book['exact']} of {book['request_log_lines']} lines joined by id{strangers}"))
    out += _slowest(summary)
    if book["hidden"]:
        out.append(("hidden", f"{words.plural(book['hidden'], 'failed attempt')} that a retrying client repeated"))
    return out


def _slowest(summary: Summary) -> list[tuple[str, str]]:
    """Where the slowest request spent its time, of those that could be split by hop in the cycles that count."""
    split = [(hops["latency"]["most_s"], hops) for hops in _hops(summary) if hops["latency"]]
    if not split:
        return []
    took_s, hops = max(split, key=lambda one: one[0])
    parts = [f"{part['name']} {hops['slowest'][part['name']]:.3f}" for part in hops["parts"] if part["name"] in hops["slowest"]]
    left = sum(sum(hops["not_split"].values()) for hops in _hops(summary))
    return [("slowest", f"{took_s:.3f} s = {' + '.join(parts)}" + (f"; {words.plural(left, 'request')} not split" if left else ""))]


def _hops(summary: Summary) -> list[HopsShape]:
    return [cycle["hops"] for cycle in summary["cycles"] if "hops" in cycle and not cycle["voided"] and not cycle["given_up"]]


def _few(items: list[str]) -> str:
    """The first ones; page and summary have all of them."""
    return "; ".join(items[:FEW]) + (f"; and {len(items) - FEW} more" if len(items) > FEW else "")


def experiment_lines(experiment: Experiment, *, where: str = "") -> list[str]:
    """The ruling, then each arm: its ruling, stack and claims, and why it was not decided. where: the directory, shown last."""
    lines = [f"{experiment.ruling.upper()}  {experiment.name}: {experiment.title}"]
    if experiment.design is not None:
        lines = [f"{change_line(experiment)}  ({experiment.name})", *comparison_lines(experiment)]
    if experiment.interrupted:
        lines.append(f"ended early: {experiment.interrupted}")
    for arm in experiment.arms:
        lines += _arm(arm, experiment)
    shown = f"{where}/report.html" if where and experiment.design is not None else where
    return [words.plain(line) for line in [*lines, *([shown] if shown else [])]]


def _arm(arm: ArmResult, experiment: Experiment) -> list[str]:
    blocks = [block for block in experiment.blocks if block.arm == arm.label]
    runs = ", ".join(block.run for block in blocks if block.run) or "no run"
    lines = [f"{arm.label}: {arm.ruling}; Knative {arm.stack.knative}, stack {arm.stack.id}, arm {arm.id} ({runs})"]
    if arm.ruling == "inconclusive":
        lines += [f"  {reason}" for reason in arm.reasons]
    return [*lines, *(f"  {one.claim.id}: {one.observed}, expected {one.claim.expected}; {one.why}" for one in arm.claims)]
