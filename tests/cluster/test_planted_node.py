"""Faults planted on the node while a run measures: each ends inconclusive or in one clear error, and nothing stays.

All is done from outside of the harness, by commands on the node and signals to processes. Only what a correct harness never does,
to stop the processes of another container than it says, is planted in place of its injection.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.experiment import Experiment
from harness import inject
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects, Ref
from harness.adapters.wait import Look, wait_for
from harness.catalogue import broken, holds
from harness.errors import ExitCode, FaultError, Interrupted
from harness.inject.shell import PROGRAM
from harness.knative.listeners import SAMPLER
from harness.knative.names import QUEUE_PROXY, USER_ROLE
from harness.knative.pods import restarts_by_container
from harness.load.process import Generator
from harness.model import AppSpec, Deployed, FaultEvent, FaultSpec, Observed, Pod, Ruling
from harness.run import Planted, Run, World
from tests.cluster.quick import S1

pytestmark = pytest.mark.cluster

S1B = replace(S1, service=replace(S1.service, timeout_s=10), fault=FaultSpec("liveness-blocked"))
"""S1 with an app that is up soon, by a rule on the node. A landing that does not come is waited for timeoutSeconds longer."""

FROZEN = replace(
    S1,
    service=replace(S1.service, app=AppSpec(startup_delay_s=0.0), liveness=None, readiness=None),
    fault=FaultSpec("freeze"),
    claims=(holds("no-restart"),),
    hold_s=3.0,
    after_s=2.0,
)
"""Without a liveness probe nothing but the harness ends it: for hold_s every process of the app is stopped."""

KILLED = replace(
    FROZEN,
    fault=FaultSpec("kill"),
    claims=(
        broken("requests-do-not-fail", "nobody listens until the new container does"),
        holds("failures-only-while-not-listening", "the kernel closes the listener with the process"),
    ),
)
"""A process that gets SIGKILL says nothing of its end: only the sampled sockets show when its listener closed."""

SHELL = f"^bash -c {re.escape(PROGRAM.partition(chr(10))[0])}"
SAMPLER_PATTERN = f"^{SAMPLER}"

NFT = "/usr/local/sbin/nft"
NFT_THAT_KEEPS_RULES = """#!/bin/sh
case "$*" in "delete table inet knative_chaos_fault_"*) echo "planted: not deleted" >&2; exit 1 ;; esac
exec /usr/sbin/nft "$@"
"""


@pytest.fixture
def node(world: World) -> Callable[..., str]:
    """Runs a command on the node, which must not fail; its output."""

    def run(*argv: str, stdin: str | None = None) -> str:
        return world.engine.exec(world.handle.node, argv, stdin=stdin).stdout

    return run


def left(node: Callable[..., str]) -> list[str]:
    """What of a run is on the node: rules, stopped processes of any kind, and programs of ours."""
    rules = [line for line in node("nft", "list", "tables").splitlines() if "knative_chaos_fault_" in line]
    for line in node("ps", "-ww", "-eo", "stat=,pid=,args=").splitlines():
        stat, _, rest = line.strip().partition(" ")
        if stat.startswith(("T", "t")) or SAMPLER in rest or "Runs on the node" in rest:
            rules.append(line)
    return rules


def require_nothing_left(node: Callable[..., str]) -> None:
    """A program whose input has ended takes a moment to notice."""

    def look() -> Look[bool]:
        found = left(node)
        return Look(None if found else True, "; ".join(found))

    wait_for("a node without anything of ours", look, within_s=30)


def ended_early(caught: pytest.ExceptionInfo[Interrupted]) -> dict[str, object]:
    """The summary of a run that an error ended: inconclusive, by exit code and verdict, and the error in one line."""
    assert caught.value.exit_code == ExitCode.INCONCLUSIVE
    assert len(str(caught.value).splitlines()) == 1
    summary: dict[str, object] = json.loads((Path(caught.value.where) / "summary.json").read_text(encoding="utf-8"))
    assert summary["verdict"] == "inconclusive"
    return summary


def on_the_node(node: Callable[..., str], *argv: str) -> Callable[[Deployed, Generator], None]:
    """A command on the node, as something that is planted."""

    def planted(_deployed: Deployed, _generator: Generator) -> None:
        node(*argv)

    return planted


# --- node access lost in the middle ---


def test_a_fault_that_ended_with_its_shell_does_not_count(experiment: Experiment, node: Callable[..., str]) -> None:
    """The shell on the node is killed while the app is stopped for hold_s; the next shell lets it go on.

    The landing was proved before, and a take-back by another shell succeeds. Red where the access forgets which shell did it
    (`ClusterAccess.lasted`): then the cycle counts although the fault may have lasted for less than hold_s.
    """
    planted = Planted(after_fault=on_the_node(node, "pkill", "-KILL", "-f", SHELL))
    with pytest.raises(Interrupted, match=r"not taken back|before the fault was taken back") as caught:
        experiment(FROZEN, name="planted-shell-killed", claims=FROZEN.claims, cycles=1, planted=planted)
    ended_early(caught)
    require_nothing_left(node)


def test_a_node_that_lets_nobody_in_any_more_ends_the_run(experiment: Experiment, node: Callable[..., str], world: World) -> None:
    """No shell can be started again, so that the rule stays; what the next `up` calls finds it.

    Red where a take-back that fails is said and no error (`Cycle._take_back_what_was_not_lifted`), or a rule that was left behind
    is not found (`sweep` in node.sh).
    """

    def lost(_deployed: Deployed, _generator: Generator) -> None:
        node("mv", "/usr/bin/bash", "/usr/bin/bash.away")
        node("pkill", "-KILL", "-f", SHELL)

    try:
        with pytest.raises(Interrupted, match="liveness-blocked was not taken back") as caught:
            experiment(S1B, name="planted-no-shell", claims=S1.claims, cycles=1, planted=Planted(after_fault=lost))
    finally:
        node("mv", "/usr/bin/bash.away", "/usr/bin/bash")
    ended_early(caught)
    assert any("knative_chaos_fault_" in one for one in left(node)), "the rule is gone: this test proves nothing"
    assert inject.sweep(world.handle, world.engine).startswith("rule ")
    require_nothing_left(node)


# --- a rule that is not taken out ---


@pytest.fixture
def kept_rules(node: Callable[..., str]) -> Iterator[Callable[[], object]]:
    """The node's `nft` deletes no rule of ours until this is called."""

    def allow() -> str:
        return node("rm", "-f", NFT)

    node("sh", "-c", f"cat >{NFT} && chmod 755 {NFT}", stdin=NFT_THAT_KEEPS_RULES)
    yield allow
    allow()


def test_a_rule_that_is_not_taken_out_is_an_error_until_it_is(
    experiment: Experiment, node: Callable[..., str], kept_rules: Callable[[], object], world: World
) -> None:
    """The run that made it ends at the kill, the next one refuses to begin, and `up` removes it once that is possible.

    Red where `undo` or `sweep` (node.sh) report success without looking whether the rule is gone.
    """
    with pytest.raises(Interrupted, match=r"liveness-blocked was not taken back: .*the rule is still there") as caught:
        experiment(S1B, name="planted-rule-stays", claims=S1.claims, cycles=1)
    ended_early(caught)
    with pytest.raises(FaultError, match=r"Faults may be left on the node: .*knative_chaos_fault_") as refused:
        experiment(S1B, name="planted-rule-stays", claims=S1.claims, cycles=1)
    assert refused.value.exit_code == ExitCode.BAD_INPUT_OR_HOST
    assert refused.value.fix
    kept_rules()
    assert inject.sweep(world.handle, world.engine).startswith("rule ")
    require_nothing_left(node)


def test_a_rule_that_is_taken_out_too_late_does_not_count(experiment: Experiment, node: Callable[..., str], world: World) -> None:
    """The harness is held up until the rule has killed the next container, too, and then goes on.

    Two restarts where the kubelet should make one would be a regression of Knative that the harness caused. Red where the proof
    does not look when the rule was taken away (`_lifted_in_time` in harness/faults/liveness_blocked.py).
    """

    def late(deployed: Deployed, _generator: Generator) -> None:
        pod, api = deployed.pods[0], Objects(Kube.of(world.handle))

        def restarted_twice() -> Look[bool]:
            found = api.get(Ref("v1", "Pod", pod.name, deployed.namespace)) or {}
            counts = restarts_by_container(found)
            return Look(True if max(counts.values(), default=0) >= 2 else None, str(counts))

        wait_for("the second restart", restarted_twice, within_s=60, every_s=0.5)

    run = experiment(S1B, name="planted-rule-late", claims=S1.claims, cycles=1, planted=Planted(after_fault=late))
    assert run.verdict.ruling is Ruling.INCONCLUSIVE
    (cycle,) = run.findings.cycles
    assert "the rule was taken away before it could fail the next container" in [
        name for name, seen, _ in cycle.landed.parts if not seen
    ]
    require_nothing_left(node)


# --- the wrong process is stopped ---


def test_processes_of_another_container_are_no_proof(experiment: Experiment, node: Callable[..., str]) -> None:
    """Queue-proxy is stopped in place of the app: its connections wait, too, and all of its processes are stopped.

    Red where the proof does not compare the container's id with the one that the API gives (`of_the_container`).
    """

    def wrong(access: inject.ClusterAccess, deployed: Deployed, pod: Pod, cycle: int) -> FaultEvent:
        other = replace(pod, containers={**pod.containers, USER_ROLE: pod.containers[QUEUE_PROXY]})
        event = inject.inject(access, deployed, other, FROZEN.fault, cycle=cycle)
        return replace(event, container=pod.containers[USER_ROLE])

    run = experiment(FROZEN, name="planted-wrong-process", claims=FROZEN.claims, cycles=1, planted=Planted(inject=wrong))
    assert run.verdict.ruling is Ruling.INCONCLUSIVE
    (cycle,) = run.findings.cycles
    assert [name for name, seen, _ in cycle.landed.parts if not seen] == ["the signal went to the container"]
    require_nothing_left(node)


# --- the witness is silent ---


def sampler_decided_nothing(run: Run) -> None:
    """The claim that rests on the sockets alone is undecided, and the reason names them; the one that does not, is decided."""
    assert run.verdict.ruling is Ruling.INCONCLUSIVE
    assert any("listeners has a gap" in reason for reason in run.verdict.reasons), run.verdict.reasons
    seen = {result.claim.check: result.observed for result in run.verdict.claims}
    assert seen == {"requests-do-not-fail": Observed.BROKEN, "failures-only-while-not-listening": Observed.UNDECIDED}


@pytest.mark.parametrize("signal", ["STOP", "KILL"])
def test_sockets_that_nobody_looked_at_decide_nothing(experiment: Experiment, node: Callable[..., str], signal: str) -> None:
    """The sampler is stopped for good, or killed and started anew a second later, when the listener has closed.

    Red where the hole is no gap (`ListenerWitness`), a gap does not count for the claim, or, for STOP, the end of a run does not
    look for programs that were stopped (`sweep` in node.sh): they cannot notice that their input has ended.
    """
    planted = Planted(before_fault=on_the_node(node, "pkill", f"-{signal}", "-f", SAMPLER_PATTERN))
    run = experiment(KILLED, name=f"planted-sampler-{signal.lower()}", claims=KILLED.claims, cycles=1, planted=planted)
    sampler_decided_nothing(run)
    require_nothing_left(node)
