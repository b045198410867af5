"""S1 as a sceptic would have it: many cycles at 200 requests a second, each request joined exactly, each restart taken apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from fixtures.experiment import Experiment
from harness.catalogue import S1
from harness.model import CycleFindings, Ruling

pytestmark = pytest.mark.cluster

CYCLES = 3
RATE_RPS = 200.0


def test_every_figure_stands_up_to_a_second_look(experiment: Experiment, pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """Nothing unattributed, nothing unmatched, complete restarts, two windows that agree, and the same bytes again from the files.

    With `make sceptic` it is 20 cycles.
    """
    cycles = pytestconfig.getoption("--kn-cycles") or CYCLES
    run = experiment(
        S1, name="sceptic", claims=S1.claims, cycles=cycles, load=replace(S1.load, rate_rps=RATE_RPS), request_log=True
    )
    assert run.verdict.ruling is Ruling.PASS, run.verdict.reasons
    counted = [cycle for cycle in run.findings.cycles if not cycle.voided]
    assert len(counted) == cycles
    book = run.findings.ledger
    assert book.client_failures > 0, "a run without failures would show nothing"
    assert (book.unattributed, book.unmatched, book.strangers, book.ambiguous) == (0, 0, 0, 0)
    assert book.exact >= run.findings.sent - book.by_cause.get("ingress", 0) - book.by_cause.get("activator", 0)
    for cycle in counted:
        assert cycle.missing == (), f"cycle {cycle.index}"
        assert cycle.disputes == (), f"cycle {cycle.index}"
        _windows_agree(cycle, _refused(run.directory, cycle.index))
    _same_again(run.directory, tmp_path)


def _refused(directory: Path, cycle: int) -> list[tuple[int, int]]:
    """(sent, answered) of each request that was told the port refused, straight from the tables."""
    requests, answers = (pl.read_parquet(directory / f"{table}.parquet") for table in ("requests", "answers"))
    said = answers.filter(pl.col("body").str.contains("connect: connection refused", literal=True))
    refused = requests.filter(pl.col("cycle") == cycle).join(
        said.select("cycle", pl.col("index").alias("answer")), on=["cycle", "answer"]
    )
    return list(refused.select("sent_ns", "done_ns").sort("sent_ns").iter_rows())


def _windows_agree(cycle: CycleFindings, refused: list[tuple[int, int]]) -> None:
    """At both ends queue-proxy's line lies where the client says it must: between sending and answer, give or take a period + 5 ms.

    A client does not know better when it was refused: on a busy machine an answer may be under way for tens of milliseconds.
    """
    proxy = cycle.queue_proxy_window
    assert proxy is not None
    within_ns = int(1e9 / RATE_RPS) + 5_000_000
    sent, answered = [one[0] for one in refused], [one[1] for one in refused]
    assert sent[0] - within_ns <= proxy[0] <= min(answered) + within_ns, f"cycle {cycle.index}: the windows begin apart"
    assert sent[-1] - within_ns <= proxy[1] <= max(answered) + within_ns, f"cycle {cycle.index}: the windows end apart"


def _same_again(directory: Path, elsewhere: Path) -> None:
    """Analysed by another process, in another place, with no cluster in reach: the same summary, byte for byte."""
    copy = elsewhere / "copy"
    shutil.copytree(directory, copy)
    (copy / "summary.json").unlink()
    away = {**os.environ, "KNATIVE_CHAOS_HOME": str(elsewhere / "nothing"), "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-m", "harness", "analyze", str(copy)]
    subprocess.run(command, check=True, env=away, capture_output=True, timeout=300)
    assert (copy / "summary.json").read_bytes() == (directory / "summary.json").read_bytes()
