"""The door on a real node: a rule really counts and refuses, and nothing is left behind by a harness that was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.adapters.wait import Look, wait_for
from harness.inject import sweep
from harness.inject.shell import NodeShell
from harness.model import ClusterHandle

pytestmark = pytest.mark.cluster

PORT = 9998
"""Nobody listens there."""

CHILD = """
import sys, time
from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.inject.shell import NodeShell
shell = NodeShell.start(Engine.detect(State.default(), prefer=sys.argv[1]), sys.argv[2])
shell.ask("rule", "planted", "ip", "10.254.0.9", 9998, "drop", "test/planted")
print("in", flush=True)
time.sleep(600)
"""


@pytest.fixture
def engine(kind_cluster: ClusterHandle) -> Engine:
    """The cluster's."""
    return Engine.detect(State.default(), prefer=kind_cluster.engine)


@pytest.fixture
def shell(kind_cluster: ClusterHandle, engine: Engine) -> Iterator[NodeShell]:
    """On the node."""
    found = NodeShell.start(engine, kind_cluster.node)
    yield found
    found.close()


def tables(engine: Engine, handle: ClusterHandle) -> str:
    """The tables of the node."""
    return engine.exec(handle.node, ["nft", "list", "tables"]).stdout


def test_a_rule_refuses_and_counts_what_the_node_sends(shell: NodeShell, kind_cluster: ClusterHandle, engine: Engine) -> None:
    """One connection is one packet, for its SYN is answered by a reset."""
    found = engine.exec(kind_cluster.node, ["hostname", "-I"]).stdout.split()  # of both families, in any order
    address = next(one for one in found if "." in one)
    shell.ask("rule", "counted", "ip", address, PORT, "refuse", "test/counted")
    engine.exec(kind_cluster.node, ["bash", "-c", f"exec 3<>/dev/tcp/{address}/{PORT}"], check=False)
    assert json.loads(shell.ask("packets", "counted")) == {"rule": True, "packets": 1}
    assert json.loads(shell.ask("undo", "counted", "no.such.pod")) == {"rule": True, "packets": 1}
    assert "knative_chaos_fault_counted" not in tables(engine, kind_cluster)


def test_a_killed_harness_leaves_no_rule(kind_cluster: ClusterHandle, engine: Engine) -> None:
    """The shell on the node notices that its input has ended."""
    argv = [sys.executable, "-c", CHILD, kind_cluster.engine, kind_cluster.node]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "in\n"
        assert "knative_chaos_fault_planted" in tables(engine, kind_cluster)
        child.send_signal(signal.SIGKILL)

    def gone() -> Look[bool]:
        listed = tables(engine, kind_cluster)
        return Look(None if "knative_chaos_fault_planted" in listed else True, listed)

    wait_for("the end of the rule", gone, within_s=40)


def test_a_rule_that_was_left_behind_is_found(kind_cluster: ClusterHandle, engine: Engine) -> None:
    """As by the next `up` or run, if the shell was killed too."""
    engine.exec(kind_cluster.node, ["nft", "add", "table", "inet", "knative_chaos_fault_left"])
    assert "rule left" in sweep(kind_cluster, engine)
    assert sweep(kind_cluster, engine) == ""
    assert "knative_chaos_fault_" not in tables(engine, kind_cluster)
