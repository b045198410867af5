"""Queue-proxy's request log on the real thing: each request has its line, and the cluster is afterwards as it was before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fixtures.experiment import Experiment
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects
from harness.errors import ExitCode
from harness.history import read
from harness.install.request_log import ANNOTATION, REF
from harness.knative.requestlog import MARK, WANTED
from harness.model import History, Lane, LoadPlan, Stream
from harness.run import World
from tests.cluster.quick import S1
from tests.cluster.test_life import ROOT, Command

pytestmark = pytest.mark.cluster


def config(world: World) -> tuple[dict[str, str], dict[str, str]]:
    """(data, annotations) of config-observability."""
    found = Objects(Kube.of(world.handle)).get(REF)
    assert found is not None
    return found["data"], found["metadata"].get("annotations") or {}


def lines(history: History) -> list[dict[str, Any]]:
    """The request log, as queue-proxy wrote it."""
    mine = history.observations.filter((pl.col("stream") == Stream.QUEUE_PROXY) & pl.col("payload").str.contains(f'"log":"{MARK}"'))
    return [json.loads(line) for line in mine["payload"]]


def sent(history: History) -> dict[tuple[str, str], int]:
    """The status each try came to, by (id, attempt as its header said it)."""
    run = history.meta.run_id
    tries = [history.requests.with_columns(attempt=pl.lit(-1))]
    superseded = history.attempts
    if superseded is not None:
        tries.append(superseded.select(tries[0].columns))
    found = {}
    for cycle, seq, lane, attempt, status in pl.concat(tries).select("cycle", "seq", "lane", "attempt", "status").iter_rows():
        rid = f"{run}-{cycle}-{seq}"
        if lane != Lane.GET_RETRYING:
            found[rid, ""] = status
            continue
        before = 0 if superseded is None else superseded.filter((pl.col("cycle") == cycle) & (pl.col("seq") == seq)).height
        found[rid, str(before if attempt < 0 else attempt)] = status
    return found


def test_every_request_has_its_line_and_the_cluster_is_as_before(world: World, experiment: Experiment) -> None:
    """A cycle of S1: one line a request, of the same status; none of another's request but the proof of the deployment."""
    before = config(world)
    assert ANNOTATION not in before[1]
    run = experiment(S1, name="request-log", claims=S1.claims, cycles=1, request_log=True)
    assert config(world) == before
    history = read(run.directory)
    assert history.meta.spec.request_log
    assert {change.what for change in history.meta.changes if change.object == str(REF)} == {
        key for key in WANTED if before[0].get(key) != WANTED[key]
    }
    told = lines(history)
    answered = {who: status for who, status in sent(history).items() if status}
    assert Counter((line["rid"], line["attempt"]) for line in told if line["rid"]) == Counter(answered.keys())
    assert {(line["rid"], line["attempt"]): line["status"] for line in told if line["rid"]} == answered
    assert {502, 200} <= set(answered.values())
    assert all(not line["rid"] and line["status"] == 200 for line in told if line["agent"] != "knative-chaos")


def test_a_retrying_client_leaves_a_line_for_each_attempt(experiment: Experiment) -> None:
    """Also those its user never hears of; HTTP/2 without TLS goes the same way."""
    plan = LoadPlan(
        rate_rps=45, lanes=((Lane.GET_KEEPALIVE, 1), (Lane.GET_H2C, 1), (Lane.GET_RETRYING, 1)), retries=3, retry_after_s=1.0
    )
    run = experiment(S1, name="request-log-retries", claims=S1.claims, cycles=1, load=plan, request_log=True)
    assert not run.findings.cycles[-1].voided
    history = read(run.directory)
    assert history.attempts is not None
    assert history.attempts.height
    answered = {who: status for who, status in sent(history).items() if status}
    assert Counter((line["rid"], line["attempt"]) for line in lines(history) if line["rid"]) == Counter(answered.keys())
    by_lane = {lane: Counter(rows["status"]) for (lane,), rows in history.requests.group_by("lane")}
    assert by_lane[Lane.GET_H2C][502]
    assert by_lane[Lane.GET_H2C][200]
    healed = set(history.attempts.select("cycle", "seq").iter_rows()) & set(
        history.requests.filter(pl.col("status") == 200).select("cycle", "seq").iter_rows()
    )
    assert healed


def test_what_a_killed_run_left_on_the_next_up_gives_back(world: World, tmp_path: Path) -> None:
    """From the annotation in the cluster alone."""
    before = config(world)
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    command = Command(world, artifacts, "run", "S1", "--request-log")
    command.await_requests(artifacts)
    os.killpg(command.child.pid, signal.SIGKILL)
    command.child.wait(30)
    left = config(world)
    assert left[0] == {**before[0], **WANTED}
    assert ANNOTATION in left[1]
    options = ["--kn-cluster", world.handle.name, "--kn-source", world.provision.source]
    up = subprocess.run(
        [sys.executable, "-m", "harness", "up", *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert up.returncode == ExitCode.PASS, up.stdout + up.stderr
    assert config(world) == before
