"""JUnit XML: one suite per scenario, one test case per run."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

from harness.model import Ruling
from harness.report import terminal, words
from harness.report.headline import headline
from harness.report.shape import Summary

_NO_PROPERTIES = frozenset({"by_cause", "interchangeable", "hidden", "request_log_lines", "exact", "strangers"})
"""Keys of the ledger that are none of the properties of a run."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run to report. directory: where its files are, as the reader of the XML would write the path."""

    summary: Summary
    directory: str = "."


def junit(runs: Sequence[Run]) -> str:
    """The runs as one document. Every non-pass is a failure; its type is the ruling ("regression" or "inconclusive")."""
    root = ET.Element("testsuites", {"name": "knative-chaos", **_totals(runs)})
    by_scenario: dict[str, list[Run]] = {}
    for run in runs:
        by_scenario.setdefault(run.summary["scenario"], []).append(run)
    for scenario, members in by_scenario.items():
        suite = ET.SubElement(root, "testsuite", {"name": words.plain(scenario), **_totals(members)})
        for run in members:
            _case(suite, run)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _totals(runs: Sequence[Run]) -> dict[str, str]:
    failed = sum(1 for run in runs if run.summary["verdict"] != Ruling.PASS.value)
    return {
        "tests": str(len(runs)),
        "failures": str(failed),
        "errors": "0",
        "skipped": "0",
        "time": f"{sum(_took(run.summary) for run in runs):.3f}",
    }


def _took(summary: Summary) -> float:
    return sum(phase["seconds"] or 0.0 for phase in summary["phases"])


def _case(suite: ET.Element, run: Run) -> None:
    item = run.summary
    case = ET.SubElement(
        suite,
        "testcase",
        classname=words.plain(f"knative-chaos.{item['scenario']}"),
        name=words.plain(item["title"] or item["scenario"]),
        time=f"{_took(item):.3f}",
    )
    properties = ET.SubElement(case, "properties")
    for name, value in _properties(run):
        ET.SubElement(properties, "property", name=words.plain(name), value=words.plain(value))
    if item["verdict"] != Ruling.PASS.value:
        failure = ET.SubElement(case, "failure", type=item["verdict"], message=headline(item))
        failure.text = "\n".join(words.plain(reason) for reason in item["reasons"]) or headline(item)
    ET.SubElement(case, "system-out").text = "\n".join(terminal.lines(item))


def _properties(run: Run) -> list[tuple[str, str]]:
    item, book = run.summary, run.summary["ledger"]
    good, left_out = words.counted(item)[0], words.not_counted(item)
    return [
        ("verdict", item["verdict"]),
        ("headline", headline(item)),
        ("run", item["run_id"]),
        ("artifacts", run.directory),
        ("cycles.counted", str(good)),
        ("cycles.voided", str(left_out.get("voided", 0))),
        ("cycles.given_up", str(left_out.get("given up", 0))),
        *((f"ledger.{name}", str(value)) for name, value in book.items() if name not in _NO_PROPERTIES),
        *((f"claim.{claim['id']}", f"expected {claim['expected']}, observed {claim['observed']}") for claim in item["claims"]),
        *((f"version.{name}", str(value)) for name, value in item["versions"].items() if value),
    ]
