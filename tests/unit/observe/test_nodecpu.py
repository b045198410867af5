"""How the threads of the node waited for a CPU: which threads are the node's, and what two looks at them say."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from harness.adapters.threads import Counts, NodeThreads, Thread, Threads
from harness.model import NodeCpu
from harness.observe import NodeCpuWatch
from harness.observe.nodecpu import between
from tests.unit.observe.kit import observers_running, until

ID = "9d97fdca7cf528d959fcda2427cdc39682b2110c0d19357cf57f89fbe9199078"
V1 = f"9:name=systemd:/libpod_parent/libpod-{ID}/kubelet.slice/kubelet.service\n1:cpu:/libpod_parent/libpod-{ID}/kubelet.slice\n"
V2 = f"0::/system.slice/docker-{ID}.scope/system.slice/containerd.service\n"
POD_V1 = f"1:cpu:/libpod_parent/libpod-{ID}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod17.slice\n"
POD_V2 = f"0::/system.slice/docker-{ID}.scope/kubelet/kubepods/burstable/pod17/abc\n"
ELSEWHERE = "0::/system.slice/docker-1234.scope\n"
MS = 1_000_000
CPUS = os.cpu_count() or 1
S = 1_000 * MS


class Proc:
    """A /proc of the test's own."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, pid: int, cgroup: str, threads: dict[int, str]) -> None:
        """A process; its threads by number, each with what its schedstat says."""
        place = self.root / str(pid)
        shutil.rmtree(place, ignore_errors=True)
        for number, counts in threads.items():
            (place / "task" / str(number)).mkdir(parents=True)
            (place / "task" / str(number) / "schedstat").write_text(counts + "\n", encoding="ascii")
        (place / "cgroup").write_text(cgroup, encoding="ascii")


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    """With a file that is no process."""
    (tmp_path / "meminfo").write_text("", encoding="ascii")
    return Proc(tmp_path)


@pytest.mark.parametrize(("daemon", "pod"), [(V1, POD_V1), (V2, POD_V2)], ids=["cgroup v1", "cgroup v2"])
def test_the_threads_of_the_container_and_of_all_within_it_are_the_nodes(proc: Proc, daemon: str, pod: str) -> None:
    """And no others of the machine; those of pods apart."""
    proc.put(100, daemon, {100: "5 6 7", 101: "1 2 3"})
    proc.put(200, ELSEWHERE, {200: "9 9 9"})
    proc.put(300, pod, {300: "4 4 4"})
    seen = NodeThreads(ID, proc=proc.root).look()
    assert seen == Threads(daemons={(100, 100): (5, 6, 7), (100, 101): (1, 2, 3)}, pods={(300, 300): (4, 4, 4)})


def test_a_process_that_is_moved_after_its_birth_is_found(proc: Proc) -> None:
    """`exec` starts it outside of the node, and a container's first process is a daemon's until it is in its pod."""
    threads = NodeThreads(ID, proc=proc.root)
    proc.put(100, ELSEWHERE, {100: "1 1 1"})
    proc.put(300, V1, {300: "3 3 3"})
    assert threads.look() == Threads(daemons={(300, 300): (3, 3, 3)}, pods={})
    proc.put(100, V1, {100: "2 2 2"})
    proc.put(300, POD_V1, {300: "4 4 4"})
    assert threads.look() == Threads(daemons={(100, 100): (2, 2, 2)}, pods={(300, 300): (4, 4, 4)})


def test_processes_that_end_are_left_out(proc: Proc) -> None:
    """Also one that ends while it is read, and one whose number another one got."""
    threads = NodeThreads(ID, proc=proc.root)
    proc.put(100, V1, {100: "1 1 1"})
    proc.put(300, V1, {300: "3 3 3", 301: ""})
    assert set(threads.look().daemons) == {(100, 100), (300, 300)}
    shutil.rmtree(proc.root / "300" / "task")
    assert set(threads.look().daemons) == {(100, 100)}
    shutil.rmtree(proc.root / "100")
    assert threads.look().daemons == {}
    proc.put(100, ELSEWHERE, {100: "1 1 1"})
    assert threads.look().daemons == {}


def daemons(counts: dict[Thread, Counts]) -> Threads:
    """A node without pods."""
    return Threads(counts, {})


def test_what_the_threads_did_between_two_looks() -> None:
    """Sums over the threads; a thread that has just begun did all of it since, one that ended nothing."""
    before = daemons({(1, 1): (100, 10, 1), (1, 2): (200, 20, 2), (1, 3): (7, 7, 7)})
    after = daemons({(1, 1): (150, 15, 3), (1, 2): (200, 20, 2), (4, 4): (30, 3, 1)})
    assert between(before, after, 0, S) == NodeCpu(0, S, CPUS, ran_ns=80, threads=3, waited_ns=8, turns=3)


def test_a_pod_runs_for_the_node_and_waits_for_itself() -> None:
    """It may have a CPU limit, and the pause for that is a wait as well: a Java app at its limit would void every cycle."""
    before = Threads({(1, 1): (100, 10, 1)}, {(2, 2): (500, 50, 5)})
    after = Threads({(1, 1): (130, 15, 3)}, {(2, 2): (900, S, 6)})
    assert between(before, after, 0, S) == NodeCpu(0, S, CPUS, ran_ns=430, threads=1, waited_ns=5, turns=2)


def test_the_number_of_a_thread_that_ended_may_be_given_to_another() -> None:
    """Fewer turns than before: all of it is the other one's."""
    seen = between(daemons({(1, 1): (900, 90, 9)}), daemons({(1, 1): (30, 3, 1)}), 0, S)
    assert seen == NodeCpu(0, S, CPUS, ran_ns=30, threads=1, waited_ns=3, turns=1)


def test_no_thread_waits_longer_than_the_interval() -> None:
    """Seen on a calm machine: a thread of an idle containerd-shim "waited" for 20.1 s between two looks."""
    seen = between(daemons({(1, 1): (0, 0, 400)}), daemons({(1, 1): (11 * MS, 20_121 * MS, 889)}), 0, S)
    assert seen == NodeCpu(0, S, CPUS, ran_ns=11 * MS, threads=1, waited_ns=S, turns=489)


@pytest.mark.parametrize("after", [{}, {(1, 1): (0, 0, 0), (1, 2): (0, 0, 0)}], ids=["no thread", "no account"])
def test_unknown_is_not_zero(after: dict[Thread, Counts]) -> None:
    """A node that /proc does not show, and a kernel that keeps no account of waits, leave no record."""
    assert between(daemons({}), daemons(after), 0, S) is None


def test_the_first_look_is_where_counting_begins(proc: Proc) -> None:
    """What the threads did before is not of the run."""
    proc.put(100, V2, {100: "5000 700 90"})
    seen: list[NodeCpu] = []
    watch = NodeCpuWatch(NodeThreads(ID, proc=proc.root), seen.append)
    watch.look()
    assert seen == []
    proc.put(100, V2, {100: "6000 900 99"})
    watch.look()
    ((ran, waited, turns),) = [(one.ran_ns, one.waited_ns, one.turns) for one in seen]
    assert (ran, waited, turns) == (1000, 200, 9)
    assert seen[0].from_ns < seen[0].until_ns


def test_it_looks_until_it_is_ended(proc: Proc) -> None:
    """And leaves no thread."""
    proc.put(100, V2, {100: "5000 700 90"})
    seen: list[NodeCpu] = []
    watch = NodeCpuWatch(NodeThreads(ID, proc=proc.root), seen.append, every_s=0.001)
    watch.start()
    until("two intervals", lambda: len(seen) >= 2)
    watch.end()
    assert watch.join(30)
    assert watch.note == ""
    assert "observe node cpu" not in observers_running()


def test_a_machine_without_proc_has_no_witness(tmp_path: Path) -> None:
    """The thread ends, says why, and nothing else fails."""
    seen: list[NodeCpu] = []
    watch = NodeCpuWatch(NodeThreads(ID, proc=tmp_path / "none"), seen.append)
    watch.start()
    assert watch.join(30)
    assert "FileNotFoundError" in watch.note
    assert seen == []


def test_the_kernel_here_shows_its_account(tmp_path: Path) -> None:
    """Of this process, in the form expected: it ran, and had a CPU at least once."""
    (tmp_path / str(os.getpid())).mkdir()
    (tmp_path / str(os.getpid()) / "cgroup").write_text(V2, encoding="ascii")
    (tmp_path / str(os.getpid()) / "task").symlink_to("/proc/self/task")
    counts = NodeThreads(ID, proc=tmp_path).look().daemons[os.getpid(), os.getpid()]
    assert counts[0] > 0 and counts[2] > 0
