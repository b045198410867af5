"""The rules under promtool, Prometheus' own test program: each alert fires on the fault, resolves, and is silent without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.adapters.files import State
from harness.adapters.process import run
from tests.monitoring.programs import programs

pytestmark = pytest.mark.promtool

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "monitoring" / "rules").glob("*.yaml"))
CASES = Path(__file__).parent


@pytest.fixture(scope="session")
def promtool() -> str:
    """The program; that it cannot be had is an error of the tests and never skips them."""
    return str(programs(State.default())["promtool"])


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_each_alert_fires_on_its_fault_and_on_nothing_else(promtool: str, rules: Path) -> None:
    """The cases of the same name beside this file."""
    run([promtool, "check", "rules", str(rules)])
    run([promtool, "test", "rules", str(CASES / rules.name)])


PLANTED = {
    "knative-opencensus": ("revision_request_count", "revision_requests_total"),
    "knative-opentelemetry": ("http_response_status_code", "http_status_code"),
    "kube-state-metrics": ("restarts_total", "restart_count"),
    "kubelet": ('result="failed"', 'result="failure"'),
}


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_a_rule_with_another_name_does_not_pass(promtool: str, rules: Path, tmp_path: Path) -> None:
    """As it would be after a metric was renamed: the cases are no formality."""
    right, wrong = PLANTED[rules.stem]
    text = rules.read_text(encoding="utf-8")
    assert right in text
    (tmp_path / rules.name).write_text(text.replace(right, wrong), encoding="utf-8")
    case = (CASES / rules.name).read_text(encoding="utf-8")
    (tmp_path / "case.yaml").write_text(case.replace(f"../../monitoring/rules/{rules.name}", rules.name), encoding="utf-8")
    done = run([promtool, "test", "rules", str(tmp_path / "case.yaml")], check=False)
    assert done.returncode != 0
    assert "FAILED" in done.stdout + done.stderr


def test_a_first_sample_is_no_increase_for_prometheus(promtool: str, tmp_path: Path) -> None:
    """Why the rules count a new series whole: increase() alone misses a fault that lies between two scrapes."""
    (tmp_path / "case.yaml").write_text(
        """
tests:
  - interval: 30s
    input_series: [{series: 'failures_total', values: '_x6 265x30'}]
    promql_expr_test:
      - {expr: 'increase(failures_total[2m])', eval_time: 4m, exp_samples: [{labels: '{}', value: 0}]}
""",
        encoding="utf-8",
    )
    run([promtool, "test", "rules", str(tmp_path / "case.yaml")])
