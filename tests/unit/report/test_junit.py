"""The verdict as a CI reads it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from harness.report.junit import Run, junit
from harness.report.summary import summary


def made(case: Any) -> Any:
    """The summary of a case."""
    return summary(case.history, case.findings, case.verdict, artifacts={})


def parsed(*runs: Run) -> ET.Element:
    """The document as a parser sees it."""
    return ET.fromstring(junit(runs).encode("utf-8"))  # noqa: S314 - written a line above


def properties(case: ET.Element) -> dict[str, str]:
    """Name -> value."""
    return {entry.attrib["name"]: entry.attrib["value"] for entry in case.iter("property")}


def test_a_suite_a_scenario_and_a_case_a_run(s1: Any, n1: Any) -> None:
    """Two runs of S1 share its suite; the totals are those of the runs."""
    root = parsed(Run(made(s1), "artifacts/S1/a"), Run(made(n1)), Run(made(s1), "artifacts/S1/b"))
    assert [(suite.attrib["name"], suite.attrib["tests"]) for suite in root] == [("S1", "2"), ("N1", "1")]
    assert (root.attrib["tests"], root.attrib["failures"], root.attrib["errors"]) == ("3", "0", "0")
    assert [properties(case)["artifacts"] for case in root.iter("testcase")] == ["artifacts/S1/a", "artifacts/S1/b", "."]


def test_a_pass_has_no_failure_and_carries_the_ledger(s1: Any) -> None:
    """The numbers are properties, so that a CI can draw them."""
    root = parsed(Run(made(s1)))
    assert root.find(".//failure") is None
    found = properties(root)
    assert found["verdict"] == "pass"
    assert found["headline"] == "REPRODUCED knative/serving #14980 in 5 of 5 cycles"
    assert (found["ledger.client_failures"], found["ledger.unattributed"], found["ledger.matched"]) == ("1390", "0", "1385")
    assert found["claim.ready-pod-is-not-refused"] == "expected broken, observed broken"


def test_an_inconclusive_run_is_a_failure_of_that_type(troubled: Any) -> None:
    """With every reason in it."""
    root = parsed(Run(made(troubled)))
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.attrib["type"] == "inconclusive"
    assert failure.attrib["message"].startswith("INCONCLUSIVE because queue-proxy's log has a gap")
    assert failure.text is not None
    assert "cycle 2: fault not proved" in failure.text
    assert root.attrib["failures"] == "1"


def test_a_regression_without_a_reason_still_says_something(s1: Any) -> None:
    """No empty failure."""
    found = made(s1)
    found["verdict"] = "regression"
    failure = parsed(Run(found)).find(".//failure")
    assert failure is not None
    assert (failure.attrib["type"], failure.text) == ("regression", "NOT AS EXPECTED")


def test_hostile_text_leaves_the_document_valid(troubled: Any, hostile: str) -> None:
    """NUL, ESC and a lone surrogate are no XML characters; the rest arrives as it was written."""
    document = junit([Run(made(troubled), hostile)])
    root = ET.fromstring(document.encode("utf-8"))  # noqa: S314 - written a line above
    assert '<script>alert("x")</script>' in properties(root)["artifacts"]
    assert not any(char in document for char in "\x00\x1b\ufffe\udc80")


def test_no_run_is_a_valid_document() -> None:
    """An interrupted session may have none."""
    assert parsed().attrib["tests"] == "0"
