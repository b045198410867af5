"""The door on a real node: a rule counts and refuses, the kernel ends what has no memory, and nothing is left behind."""

from __future__ import annotations

import json
import os
import secrets
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


GROUPS = """
top=/sys/fs/cgroup; [ -d $top/memory ] && top=$top/memory
[ -e $top/cgroup.controllers ] && mkdir -p $top/knative-chaos-test && echo +memory >$top/knative-chaos-test/cgroup.subtree_control
group=$top/knative-chaos-test/$1
"""

START = """
mkdir -p $group
for _ in 1 2; do setsid bash -c 'echo $$ >"$0/cgroup.procs"; exec sleep 600' $group >/dev/null 2>&1 & done
for _ in {1..100}; do [ "$(wc -l <$group/cgroup.procs)" = 2 ] && break; sleep 0.1; done
"""

END = """
for pid in $(cat $group/cgroup.procs); do kill -KILL $pid; done
for _ in {1..100}; do [ -n "$(cat $group/cgroup.procs)" ] || break; sleep 0.1; done
rmdir $group
rmdir $top/knative-chaos-test 2>/dev/null || true # another container's group may be there
"""


@pytest.fixture
def container(kind_cluster: ClusterHandle, engine: Engine) -> Iterator[str]:
    """The id of two processes in a memory control group of their own, as those of a container are."""
    ident = secrets.token_hex(32)
    engine.exec(kind_cluster.node, ["bash", "-c", GROUPS + START, "bash", ident])
    yield ident
    engine.exec(kind_cluster.node, ["bash", "-c", GROUPS + END, "bash", ident])


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


def test_the_kernel_ends_every_process_of_a_container_without_memory(
    shell: NodeShell, container: str, kind_cluster: ClusterHandle, engine: Engine
) -> None:
    """And counts it; no process of ours is among them, and no limit is left."""
    answer = json.loads(shell.ask("starve", container))
    assert answer["processes"] == 2
    assert 1 <= answer["oom_kills"] <= 2
    assert json.loads(shell.ask("processes", container))["processes"] == 0
    assert sweep(kind_cluster, engine) == ""


def test_a_limit_that_was_left_behind_is_found(kind_cluster: ClusterHandle, engine: Engine, container: str) -> None:
    """As after a SIGKILL of harness and shell between the lowering and the end of the container."""
    left = """
    file=$group/memory.max; [ -e $file ] || file=$group/memory.limit_in_bytes
    mkdir -p /run/knative-chaos-changed
    echo "$file $(cat $file)" >/run/knative-chaos-changed/$1
    cat $file; echo 67108864 >$file
    """
    before = engine.exec(kind_cluster.node, ["bash", "-c", GROUPS + left, "bash", container]).stdout
    assert sweep(kind_cluster, engine) == f"memory limit of container {container}"
    assert sweep(kind_cluster, engine) == ""
    now = "cat $group/memory.max 2>/dev/null || cat $group/memory.limit_in_bytes"
    assert engine.exec(kind_cluster.node, ["bash", "-c", GROUPS + now, "bash", container]).stdout == before
