"""The sampler of listening sockets on a real node, beside a program that reports each of its calls to the microsecond."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from harness.adapters.kube import Kube
from harness.adapters.wait import Look, wait_for
from harness.analyse.listeners import shuts
from harness.knative.listeners import LOOPBACK, SAMPLER, stretch_of
from harness.model import Stream
from harness.observe import Feed
from harness.observe.listeners import EVERY_MS, ListenerWitness
from harness.run import World
from tests.cluster.test_gaps import plain_pod

pytestmark = pytest.mark.cluster

WITHIN_S = 120.0
PORT = 8080
REBINDS = 60
SCRIPT = f"""
import json, random, socket, time
random.seed(1)
made = []
def listens(address, seen, reuse=False):
    made.append(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET))
    made[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse:
        made[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if address == "::":
        made[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    made[-1].bind((address, {PORT}))
    act("opened", made[-1].listen, seen)
def closes(seen):
    act("closed", made.pop(0).close, seen)
def act(edge, call, seen):
    before = time.time_ns()
    call()
    if seen:
        print(json.dumps([edge, before, time.time_ns()]), flush=True)
time.sleep(6)
for _ in range({REBINDS}):
    listens("127.0.0.1", True)
    time.sleep(random.uniform(0.05, 0.15))
    closes(True)
    time.sleep(random.choice([0.001, 0.01, 0.03, 0.12]))
listens("127.0.0.1", True, reuse=True)
time.sleep(0.1)
listens("127.0.0.1", False, reuse=True)
time.sleep(0.1)
closes(False)
time.sleep(0.1)
closes(True)
for address, seen in (("::1", False), ("::", True), (socket.gethostbyname(socket.gethostname()), False)):
    listens(address, seen)
    time.sleep(0.2)
    closes(seen)
    time.sleep(0.1)
listens("127.0.0.1", True)
time.sleep(1)
print("done", flush=True)
time.sleep(600)
"""
"""seen: whether queue-proxy, which asks at 127.0.0.1, would notice."""


def test_each_edge_lies_in_its_bracket_whatever_the_address_and_however_short(world: World, namespace: str) -> None:
    """A rebind within a millisecond, several sockets of one port, an app on ::1, on every address, or on the pod's IP alone.

    And a sampler that is killed is started anew, with a gap.
    """
    core: Any = Kube.of(world.handle).core
    engine, node, feed = world.engine, world.handle.node, Feed()
    witness = ListenerWitness(lambda argv: engine.exec_argv(node, argv, interactive=True), engine.env, feed)
    witness.start()
    try:
        plain_pod(world, namespace, "python3", "-c", SCRIPT)
        witness.follow("p", core.read_namespaced_pod("p", namespace, _request_timeout=10).metadata.uid)

        def said() -> Look[list[str]]:
            lines = core.read_namespaced_pod_log("p", namespace, _request_timeout=10).splitlines()
            return Look(lines[:-1] if lines[-1:] == ["done"] else None, f"{len(lines)} lines")

        told = [json.loads(line) for line in wait_for("the program's end", said, within_s=WITHIN_S)]
        assert witness.seal()
        found = [stretch for one in feed.snapshot() if (stretch := stretch_of(one.payload)) is not None]
        assert found[0].looks[0][1] < told[0][1], "the first look came after the program had begun"
        edges = sorted(
            (edge.from_ns, edge.until_ns) for shut in shuts(found, LOOPBACK, PORT) for edge in (shut.closed, shut.opened) if edge
        )
        wanted = [(before_ns, after_ns) for _, before_ns, after_ns in told[1:]]  # nobody had listened before the first one
        assert len(edges) == len(wanted) == 2 * REBINDS + 4
        missed = [(edge, call) for edge, call in zip(edges, wanted, strict=True) if call[0] > edge[1] or call[1] < edge[0]]
        assert missed == []

        before = len(feed.gaps())
        engine.exec(node, ["pkill", "-KILL", "-f", f"^{SAMPLER}"])
        looked_ns = found[-1].looks[-1][0]
        wait_for("the next sampler's gap", lambda: Look(len(feed.gaps()) > before or None, "none"), within_s=WITHIN_S)
        gap = feed.gaps()[before]
        assert (gap.stream, gap.pod) == (Stream.LISTENERS, "p")
        assert gap.from_ns >= looked_ns
        assert gap.until_ns - gap.from_ns > 3 * EVERY_MS * 1_000_000
        assert witness.seal()
    finally:
        witness.end()
        assert witness.join(30)
    gone = engine.exec(node, ["pgrep", "-f", f"^{SAMPLER}"], check=False).stdout
    assert gone == "", "the sampler ends with its input"


CHILD = """
import sys, time
from harness.adapters.engine import Engine
from harness.adapters.files import State
from harness.observe import Feed
from harness.observe.listeners import ListenerWitness
engine = Engine.detect(State.default(), prefer=sys.argv[1])
witness = ListenerWitness(lambda argv: engine.exec_argv(sys.argv[2], argv, interactive=True), engine.env, Feed())
witness.start()
while not witness._child:
    time.sleep(0.05)
print("in", flush=True)
time.sleep(600)
"""


def test_a_killed_harness_leaves_no_sampler(world: World) -> None:
    """The program on the node notices that its input has ended."""
    engine, node = world.engine, world.handle.node

    def samplers() -> list[str]:
        return engine.exec(node, ["pgrep", "-f", f"^{SAMPLER}"], check=False).stdout.split()

    argv = [sys.executable, "-c", CHILD, world.handle.engine, node]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "in\n"
        wait_for("the sampler", lambda: Look(bool(samplers()) or None, "none"), within_s=40)
        child.send_signal(signal.SIGKILL)
    wait_for("its end", lambda: Look(None if samplers() else True, "it runs"), within_s=40)
