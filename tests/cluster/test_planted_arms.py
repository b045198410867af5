"""Faults planted where there are several pods, a roll-out or several arms: each verdict is inconclusive, with the reason."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kubernetes import client

from fixtures.experiment import Experiment
from harness.adapters.kube import Kube
from harness.adapters.progress import Progress
from harness.adapters.wait import Look, wait_for
from harness.catalogue import holds
from harness.cluster.down import down
from harness.load.process import Generator
from harness.model import Deployed, FaultSpec, Ruling, Stream
from harness.run import Ask, Planted, Side, World, analyse_experiment, compare, prepare
from tests.cluster.quick import N1, S1

pytestmark = pytest.mark.cluster


def test_one_of_three_pods_gone_before_its_log_was_read_is_inconclusive(experiment: Experiment, world: World) -> None:
    """The logs of the other two are complete; what the third wrote last is not known."""
    gone: list[str] = []

    def delete(deployed: Deployed, _generator: Generator) -> None:
        gone.append(deployed.pods[1].name)
        Kube.of(world.handle).core.delete_namespaced_pod(gone[0], deployed.namespace, grace_period_seconds=0, _request_timeout=10)

    service = replace(N1.service, min_scale=3, max_scale=3, target_burst_capacity=0)
    run = experiment(
        replace(N1, service=service, after_s=3.0), name="planted-one-of-three", cycles=1, planted=Planted(before_fault=delete)
    )
    assert run.verdict.ruling is Ruling.INCONCLUSIVE
    lost = [gap for gap in run.findings.gaps if gap.stream is Stream.QUEUE_PROXY and "was gone before" in gap.reason]
    assert [gap.pod for gap in lost] == gone
    assert any("log:queue-proxy has a gap" in str(reason) for reason in run.verdict.reasons), run.verdict.reasons


def test_a_roll_out_that_never_finishes_is_inconclusive(experiment: Experiment, world: World) -> None:
    """The namespace allows no second pod, so the new revision never has one; requests, causes and conditions are still shown."""

    def allow_no_more(deployed: Deployed, _generator: Generator) -> None:
        quota = client.V1ResourceQuota(
            metadata=client.V1ObjectMeta(name="no-more-pods"), spec=client.V1ResourceQuotaSpec(hard={"pods": "1"})
        )
        Kube.of(world.handle).core.create_namespaced_resource_quota(deployed.namespace, quota, _request_timeout=10)

    spec = replace(
        S1,
        service=replace(S1.service, window_s=6),
        fault=FaultSpec("roll-out"),
        course="roll-out",
        claims=(holds("requests-do-not-fail"),),
    )
    run = experiment(spec, name="planted-endless-roll-out", cycles=1, planted=Planted(before_fault=allow_no_more))
    assert run.verdict.ruling is Ruling.INCONCLUSIVE
    (cycle,) = run.summary["cycles"]
    assert "a pod of another revision became Ready" in cycle["given_up"], cycle["given_up"]
    assert run.summary["not_counted"]["sent"] > 0


@pytest.fixture
def second_world(world: World, kn_ask: Ask, kn_progress: Progress) -> Iterator[World]:
    """Another cluster beside the session's; removed at the end."""
    name = f"t-{secrets.token_hex(3)}"
    try:
        yield prepare(replace(kn_ask, cluster=name, context=""), state=world.state, progress=kn_progress)
    finally:
        down(engine=world.engine, state=world.state, names=[name])


def test_an_arm_whose_cluster_dies_in_its_first_block_is_inconclusive(world: World, second_world: World, tmp_path: Path) -> None:
    """The other arm is measured to its end and keeps its verdict; the files alone say the same."""
    spec = replace(N1, name="planted-arms", cycles=2, after_s=3.0, claims=(holds("requests-do-not-fail"), holds("no-restart")))

    def load_begun() -> Look[bool]:
        begun = list(tmp_path.glob("planted-arms/*/dies-1/load/cycle-000/spec.json"))
        return Look(bool(begun) or None, "no load in the block dies-1")

    def kill() -> None:
        wait_for("the load of the block dies-1", load_begun, within_s=600)
        world.engine.run("kill", second_world.handle.node)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    done = compare("planted-arms", [(Side("lives", spec), world), (Side("dies", spec), second_world)], artifacts=tmp_path, seed=1)
    killer.join(timeout=10)
    lives, dies = done.experiment.arms
    assert lives.ruling is Ruling.PASS, lives.reasons
    assert len(done.runs["lives"]) == 2
    assert dies.ruling is Ruling.INCONCLUSIVE
    assert dies.stopped
    assert any("only 1 of 2 blocks were measured" in reason for reason in dies.reasons), dies.reasons
    assert done.experiment.ruling is Ruling.INCONCLUSIVE
    assert analyse_experiment(done.directory).experiment == done.experiment
