"""The program on the node, run here: with real processes, a directory that looks like /proc, and an `nft` that writes files."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.adapters.wait import Look, wait_for
from harness.errors import FaultError
from harness.inject import shell as room
from harness.inject.shell import PROGRAM, NodeShell
from harness.knative.listeners import SAMPLER
from harness.observe.listeners import PROGRAM as SAMPLING

CONTAINER = "c" * 64
POD = "cf6dfa4f_f1b7_44dd_9321_ab691d856794"
GROUP = f"kubelet.slice/kubelet-kubepods-pod{POD}.slice/cri-containerd-{CONTAINER}.scope"
CGROUP = f"0::/{GROUP}\n"

NFT = """#!/bin/bash
[ -e "$TABLES/../refused" ] && { echo "Operation not permitted (you must be root)" >&2; exit 1; }
absent() { [ -e "$TABLES/$1" ] || { echo "Error: No such file or directory" >&2; exit 1; }; }
case "$*" in
  "-f -") text=$(cat); name=$(sed -n 's/^table inet \\([^ ]*\\) {.*/\\1/p' <<<"$text")
    [ ! -e "$TABLES/../another" ] || text=$(sed "$(<"$TABLES/../another")" <<<"$text")
    sed 's/counter /counter packets 3 bytes 180 /' <<<"$text" >"$TABLES/$name" ;;
  "list tables") for table in "$TABLES"/*; do echo "table inet ${table##*/}"; done ;;
  "list table inet "*) absent "$4"; cat "$TABLES/$4" ;;
  "-n list table inet "*) absent "$5"; sed -n '/^table .* {/,$p' "$TABLES/$5" ;;
  "delete table inet "*) absent "$4"; ! grep -q stuck "$TABLES/$4" && rm "$TABLES/$4" ;;
  *) exit 64 ;;
esac
"""

GREP = """#!/bin/bash
PATH=/usr/bin:/bin grep "$@"
found=$?
for pid in "$LATE"/[0-9]*; do [ -e "$pid" ] && mv "$pid" "$KNATIVE_CHAOS_PROC/"; done
exit $found
"""


@dataclass
class FakeNode:
    """Its /proc, its tables, its control groups, and the notes of what was changed there.

    run: starts a process in the container; True: it is found only at the second look.
    """

    proc: Path
    tables: Path
    cgroups: Path
    notes: Path
    start: Callable[[], NodeShell]
    run: Callable[[bool], subprocess.Popen[bytes]]

    def rules(self) -> list[str]:
        """The names of the tables."""
        return sorted(table.name for table in self.tables.iterdir())


def state(process: subprocess.Popen[bytes]) -> str:
    """As the kernel has it."""
    return Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][0]


def await_state(process: subprocess.Popen[bytes], *wanted: str) -> None:
    """A signal is delivered a little after it was sent."""
    wait_for("the state", lambda: Look(state(process) in wanted or None, state(process)), within_s=40, every_s=0.01)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[FakeNode]:
    """A node without anything of ours."""
    proc, tables, bin_, late, cgroups, run_ = (tmp_path / name for name in ("proc", "tables", "bin", "late", "cgroups", "run"))
    for place in (proc, tables, bin_, late, cgroups, run_):
        place.mkdir()
    (tables / "knative_chaos").write_text("not a fault's\n", encoding="utf-8")
    for name, text in (("nft", NFT), ("grep", GREP)):
        (bin_ / name).write_text(text, encoding="utf-8")
        (bin_ / name).chmod(0o755)
    for name in ("bash", "cat", "mkdir", "mv", "rm", "sed", "sleep", "wc"):  # and no nft of this host
        (bin_ / name).symlink_to(str(shutil.which(name)))
    env = {"KNATIVE_CHAOS_PROC": str(proc), "TABLES": str(tables), "LATE": str(late), "PATH": str(bin_)}
    env |= {"KNATIVE_CHAOS_CGROUPS": str(cgroups), "KNATIVE_CHAOS_RUN": str(run_), "KNATIVE_CHAOS_LOOKS": "5"}
    shells: list[NodeShell] = []
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> NodeShell:
        shells.append(NodeShell(["bash", "-c", PROGRAM], env, "node"))
        return shells[-1]

    def run(late_one: bool) -> subprocess.Popen[bytes]:
        processes.append(subprocess.Popen(["/bin/sleep", "600"]))
        place = (late if late_one else proc) / str(processes[-1].pid)
        place.mkdir()
        (place / "cgroup").write_text(CGROUP, encoding="utf-8")
        (place / "stat").symlink_to(f"/proc/{processes[-1].pid}/stat")
        (place / "net").mkdir()
        row = "   0: 00000000:1F90 00000000:0000 0A 00000000:0000001A 00:00000000 00000000     0        0 12345 1\n"
        (place / "net" / "tcp").write_text("  sl  local_address rem_address   st tx_queue rx_queue\n" + row, encoding="utf-8")
        return processes[-1]

    yield FakeNode(proc, tables, cgroups, run_ / "knative-chaos-changed", start, run)
    for one in shells:
        one.close()
    for process in processes:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_every_process_is_stopped_and_continued(node: FakeNode) -> None:
    """What it shows in between: how many there are, how many of them are stopped, and who waits to be accepted."""
    first, second = node.run(False), node.run(False)
    shell = node.start()
    assert json.loads(shell.ask("processes", CONTAINER)) == {"processes": 2, "stopped": 0, "accept_queue": 26}
    assert json.loads(shell.ask("send", CONTAINER, "STOP")) == {"signal": "STOP", "processes": 2}
    assert (state(first), state(second)) == ("T", "T")
    assert json.loads(shell.ask("processes", CONTAINER))["stopped"] == 2
    shell.ask("undo", POD, POD)
    await_state(first, "S")
    await_state(second, "S")


def test_a_process_that_was_forked_meanwhile_is_stopped_too(node: FakeNode) -> None:
    """It is found only when the processes are listed again; PID 1 alone leaves its children running."""
    node.run(False)
    child = node.run(True)
    assert json.loads(node.start().ask("send", CONTAINER, "STOP"))["processes"] == 2
    assert state(child) == "T"


def test_sigkill_ends_every_process(node: FakeNode) -> None:
    """One signal each."""
    process = node.run(False)
    node.start().ask("send", CONTAINER, "KILL")
    assert process.wait(40) == -signal.SIGKILL


def write(place: Path, **values: str) -> None:
    """Files of the kernel; "_" in a name stands for "."."""
    place.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (place / name.replace("_", ".")).write_text(f"{value}\n", encoding="utf-8")


def values(place: Path) -> dict[str, str]:
    """What its files hold."""
    return {file.name: file.read_text(encoding="utf-8").strip() for file in place.iterdir()}


def kernel(act: Callable[[], bool]) -> threading.Thread:
    """In place of the kernel: looks until it has something to do."""
    thread = threading.Thread(target=lambda: wait_for("work", lambda: Look(act() or None, ""), within_s=40, every_s=0.002))
    thread.start()
    return thread


def test_without_memory_the_kernel_ends_the_container(node: FakeNode) -> None:
    """Control groups of version 2: all or none of its processes, no swap, and no memory. What they were before comes back."""
    process, group = node.run(False), node.cgroups / GROUP
    write(group, memory_max="268435456", memory_swap_max="max", memory_oom_group="0")
    write(group.parent, memory_events="low 0\noom 7\noom_kill 4\noom_group_kill 0")
    seen: list[dict[str, str]] = []

    def kill() -> bool:
        if values(group)["memory.max"] != "0":
            return False
        seen.append(values(group))
        write(group.parent, memory_events="low 0\noom 8\noom_kill 6\noom_group_kill 1")
        process.kill()
        return True

    acting = kernel(kill)
    assert json.loads(node.start().ask("starve", CONTAINER)) == {"cgroup": 2, "oom_kills": 2, "processes": 1}
    acting.join()
    assert seen == [{"memory.max": "0", "memory.swap.max": "0", "memory.oom.group": "1"}]
    assert values(group) == {"memory.max": "268435456", "memory.swap.max": "max", "memory.oom.group": "0"}
    assert list(node.notes.iterdir()) == []


def of_version_1(node: FakeNode) -> tuple[subprocess.Popen[bytes], Path]:
    """A process of the container, and its control group of version 1; beside it is one of version 2 without memory."""
    process, group = node.run(False), node.cgroups / "memory" / GROUP
    (node.proc / str(process.pid) / "cgroup").write_text(f"4:memory:/{GROUP}\n1:cpu,cpuacct:/{GROUP}\n{CGROUP}", encoding="utf-8")
    (node.proc / str(process.pid) / "oom_score_adj").write_text("-997\n", encoding="utf-8")
    write(node.cgroups / GROUP, cgroup_procs="")
    write(group, memory_limit="", memory_usage="")
    for name, value in (("limit", "9223372036854771712"), ("usage", "1048576")):
        (group / f"memory.{name}_in_bytes").write_text(f"{value}\n", encoding="utf-8")
    (group / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", encoding="utf-8")
    return process, group


def test_of_version_1_a_process_of_ours_asks_for_the_memory(node: FakeNode) -> None:
    """In the group, whose limit is what is used by then; the container's processes are stopped, and the kernel's first choice."""
    process, group = of_version_1(node)
    os.mkfifo(group / "cgroup.procs")
    seen: list[tuple[str, str, str]] = []

    def kill() -> bool:
        ours = (group / "cgroup.procs").read_text(encoding="utf-8")  # opened by the process that enters
        adj = (node.proc / str(process.pid) / "oom_score_adj").read_text(encoding="utf-8").strip()
        seen.append((state(process), adj, values_of(group, "memory.limit_in_bytes")))
        process.kill()
        (group / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", encoding="utf-8")
        (group / "cgroup.procs").write_text(ours, encoding="utf-8")  # opened by its look at who is left
        return True

    acting = kernel(kill)
    assert json.loads(node.start().ask("starve", CONTAINER)) == {"cgroup": 1, "oom_kills": 1, "processes": 1}
    acting.join()
    assert seen == [("T", "1000", str(17 * 2**20))]
    assert values_of(group, "memory.limit_in_bytes") == "9223372036854771712"
    assert list(node.notes.iterdir()) == []


def values_of(place: Path, name: str) -> str:
    """What one file holds."""
    return (place / name).read_text(encoding="utf-8").strip()


def test_a_container_that_the_kernel_does_not_end_gets_everything_back(node: FakeNode) -> None:
    """Its limit, its place in the kernel's choice, and its processes go on."""
    process, group = of_version_1(node)
    with pytest.raises(FaultError, match="the kernel did not end the container"):
        node.start().ask("starve", CONTAINER)
    assert values_of(group, "memory.limit_in_bytes") == "9223372036854771712"
    assert values_of(node.proc / str(process.pid), "oom_score_adj") == "-997"
    await_state(process, "S")
    assert list(node.notes.iterdir()) == []


def test_a_container_without_a_memory_control_group_is_left_alone(node: FakeNode) -> None:
    """A kernel without that controller; and a container that has ended."""
    shell = node.start()
    with pytest.raises(FaultError, match="the container has no process"):
        shell.ask("starve", CONTAINER)
    node.run(False)
    with pytest.raises(FaultError, match="the container has no memory control group below"):
        shell.ask("starve", CONTAINER)


def test_a_limit_that_was_left_behind_is_found_and_put_back(node: FakeNode) -> None:
    """By its note, of one pod or of any; a group that is gone took its limit with it, and a process's number may be another's."""
    process, group = node.run(False), node.cgroups / GROUP
    write(node.notes, gone=f"{node.cgroups}/gone/memory.max max")
    score = node.proc / str(process.pid) / "oom_score_adj"
    score.write_text("5\n", encoding="utf-8")
    (node.notes / "other").write_text(f"{score} 0\n", encoding="utf-8")
    shell = node.start()
    for ask, answer in ((("undo", POD, POD), '{"rule": false}'), (("sweep",), f"memory limit of container {CONTAINER}; ")):
        write(group, memory_max="0")
        write(node.notes, **{CONTAINER: f"{group}/memory.max max\n{group}/memory.max 0"})
        assert shell.ask(*ask) == answer
        assert values(group) == {"memory.max": "max"}
    assert shell.ask("sweep") == ""
    assert list(node.notes.iterdir()) == []
    assert score.read_text(encoding="utf-8") == "5\n"


def test_a_container_without_processes_cannot_be_signalled(node: FakeNode) -> None:
    """It has ended by itself meanwhile."""
    with pytest.raises(FaultError, match="the container has no process"):
        node.start().ask("send", CONTAINER, "STOP")


def test_a_rule_is_counted_and_taken_away(node: FakeNode) -> None:
    """Twice too; its last count is the answer. The same rule again takes the place of the first."""
    shell = node.start()
    for _ in range(2):
        shell.ask("rule", POD, "ip", "10.244.0.9", 8080, "refuse", "ns/pod")
    assert node.rules() == ["knative_chaos", f"knative_chaos_fault_{POD}"]
    text = (node.tables / f"knative_chaos_fault_{POD}").read_text(encoding="utf-8")
    assert "ip daddr 10.244.0.9 tcp dport 8080 counter packets 3 bytes 180 reject with tcp reset" in text
    assert "hook output" in text
    assert json.loads(shell.ask("packets", POD)) == {"rule": True, "packets": 3}
    assert json.loads(shell.ask("undo", POD, POD)) == {"rule": True, "packets": 3}
    assert json.loads(shell.ask("undo", POD, POD)) == {"rule": False}
    assert node.rules() == ["knative_chaos"]


@pytest.mark.parametrize(
    ("family", "ip", "verdict"), [("ip", "10.244.0.9", "refuse"), ("ip6", "fd00::9", "drop")], ids=["refuse", "drop"]
)
def test_the_rule_is_read_back(node: FakeNode, family: str, ip: str, verdict: str) -> None:
    """Address, port and verdict, as nft lists them."""
    shell = node.start()
    shell.ask("rule", POD, family, ip, 8080, verdict, "ns/pod")
    assert json.loads(shell.ask("held", POD)) == {"ip": ip, "port": 8080, "verdict": verdict}


@pytest.mark.parametrize(
    "planted",
    [
        "s/hook output/hook input/",
        "/daddr/d",
        "/daddr/p",
        "s/dport/sport/",
        "s/daddr 10.244.0.9 //",
        "s/policy accept/policy drop/",
    ],
    ids=["hook", "none", "twice", "source port", "any address", "policy"],
)
def test_another_rule_than_was_made_is_noticed(node: FakeNode, planted: str) -> None:
    """The plant: nft keeps something else than it was given."""
    (node.tables.parent / "another").write_text(planted, encoding="utf-8")
    shell = node.start()
    shell.ask("rule", POD, "ip", "10.244.0.9", 8080, "refuse", "ns/pod")
    with pytest.raises(FaultError, match="nft holds another rule"):
        shell.ask("held", POD)


def test_what_is_dropped_gets_no_answer(node: FakeNode) -> None:
    """As from a host that is gone; an address of the other family too."""
    node.start().ask("rule", POD, "ip6", "fd00::9", 8080, "drop", "ns/pod")
    text = (node.tables / f"knative_chaos_fault_{POD}").read_text(encoding="utf-8")
    assert "ip6 daddr fd00::9 tcp dport 8080 counter packets 3 bytes 180 drop" in text


def test_when_its_input_ends_everything_is_undone(node: FakeNode) -> None:
    """As after a SIGKILL of the harness, of which the node notices only that."""
    process = node.run(False)
    shell = node.start()
    shell.ask("rule", POD, "ip", "10.244.0.9", 8080, "refuse", "ns/pod")
    shell.ask("send", CONTAINER, "STOP")
    assert state(process) == "T"
    shell.close()
    assert node.rules() == ["knative_chaos"]
    await_state(process, "S")


def test_what_an_earlier_run_left_behind_is_found(node: FakeNode) -> None:
    """Its rules and its stopped processes, each named; a second look finds nothing, and what is not ours stays."""
    process = node.run(False)
    (node.tables / "knative_chaos_fault_old").write_text("x\n", encoding="utf-8")
    process.send_signal(signal.SIGSTOP)
    await_state(process, "T")
    shell = node.start()
    assert shell.ask("sweep") == f"rule old; stopped process {process.pid}; "
    await_state(process, "S")
    assert shell.ask("sweep") == ""
    assert node.rules() == ["knative_chaos"]


@pytest.mark.parametrize("command", [f"{SAMPLER}\0", f"bash\0-c\0{PROGRAM}\0"], ids=["sampler", "shell"])
def test_a_program_of_ours_that_was_stopped_is_ended(node: FakeNode, command: str) -> None:
    """It cannot notice that its harness is gone. One that runs is some run's; and a container's process may have any name."""
    stopped, runs, container = node.run(False), node.run(False), node.run(False)
    for process in (stopped, runs):
        (node.proc / str(process.pid) / "cgroup").write_text("0::/init.scope\n", encoding="utf-8")
        (node.proc / str(process.pid) / "cmdline").write_text(command, encoding="utf-8")
    (node.proc / str(container.pid) / "cmdline").write_text(f"of {SAMPLER}\0", encoding="utf-8")
    stopped.send_signal(signal.SIGSTOP)
    await_state(stopped, "T")
    shell = node.start()
    assert shell.ask("sweep") == f"stopped program {stopped.pid}; "
    assert stopped.wait(40) == -signal.SIGKILL
    assert shell.ask("sweep") == ""
    assert (runs.poll(), container.poll()) == (None, None)


def test_the_sampler_has_the_title_by_which_it_is_found() -> None:
    """What one program calls itself and the other looks for is one name, in two languages that do not share a constant."""
    assert f"\n$0 = '{SAMPLER}';\n" in SAMPLING
    assert f"grep -l -a -e '^{SAMPLER}' " in PROGRAM


def test_a_rule_that_cannot_be_deleted_is_an_error_each_time(node: FakeNode) -> None:
    """When it is to be taken back, and when what is left is looked for; the processes go on all the same."""
    process = node.run(False)
    shell = node.start()
    shell.ask("send", CONTAINER, "STOP")
    stuck = node.tables / f"knative_chaos_fault_{POD}"
    stuck.write_text("stuck: counter packets 3 bytes 180\n", encoding="utf-8")
    with pytest.raises(FaultError, match=r"failed on the node: .* the rule is still there"):
        shell.ask("undo", POD, POD)
    await_state(process, "S")
    with pytest.raises(FaultError, match=f"`sweep` failed on the node: .*cannot be deleted: knative_chaos_fault_{POD}"):
        shell.ask("sweep")
    stuck.unlink()
    assert shell.ask("sweep") == ""


def test_an_nft_that_fails_leaves_it_open_whether_a_rule_is_there(node: FakeNode) -> None:
    """Neither a look, nor an end of the fault, nor a sweep says that there is none; the processes go on, the rule goes later."""
    process = node.run(False)
    shell = node.start()
    shell.ask("rule", POD, "ip", "10.244.0.9", 8080, "refuse", "ns/pod")
    shell.ask("send", CONTAINER, "STOP")
    refused = node.tables.parent / "refused"
    refused.touch()
    for command in (("packets", POD), ("undo", POD, POD), ("sweep",)):
        with pytest.raises(FaultError, match=r"failed on the node: .*Operation not permitted"):
            shell.ask(*command)
    await_state(process, "S")
    with pytest.raises(FaultError, match="it is not known whether the rule is still there: Operation not permitted"):
        shell.ask("undo", POD, POD)
    refused.unlink()
    assert shell.ask("sweep") == f"rule {POD}; "


def test_a_node_without_nft_has_no_rule_of_ours(node: FakeNode) -> None:
    """What is not installed has made none, and nor has a kernel without nf_tables; faults that need no rule end all the same."""
    nft = node.tables.parent / "bin" / "nft"
    for words in ("", "Unable to initialize Netlink socket: Protocol not supported"):
        nft.write_text(f"#!/bin/bash\necho '{words}' >&2; exit 1\n", encoding="utf-8")
        if not words:
            nft.unlink()
        shell = node.start()
        assert shell.ask("packets", POD) == '{"rule": false}'
        assert shell.ask("undo", POD, POD) == '{"rule": false}'
        assert shell.ask("sweep") == ""
        nft.touch(0o755)


def test_a_limit_that_cannot_be_put_back_is_an_error_until_it_is(node: FakeNode) -> None:
    """The note of it stays while the control group is there, so that the next one who looks can do it."""
    process, group = of_version_1(node)
    shell, stuck = node.start(), group / "memory.limit_in_bytes"
    stuck.unlink()
    stuck.mkdir()  # a write fails, whoever writes
    write(node.notes, **{CONTAINER: f"{stuck} max"})
    for command in (("undo", POD, POD), ("sweep",), ("undo", POD, POD)):
        with pytest.raises(FaultError, match=f"the memory limit of container {CONTAINER} is not put back"):
            shell.ask(*command)
        assert [note.name for note in node.notes.iterdir()] == [CONTAINER]
    stuck.rmdir()
    stuck.touch()
    assert shell.ask("sweep") == f"memory limit of container {CONTAINER}; "
    assert values_of(group, "memory.limit_in_bytes") == "max"
    assert list(node.notes.iterdir()) == []
    assert process.poll() is None


def test_a_container_that_ended_under_a_limit_that_stays_is_not_done(node: FakeNode) -> None:
    """The kernel did its part; that the limit is not back is an error of the injection, too."""
    process, group = node.run(False), node.cgroups / GROUP
    write(group, memory_max="268435456")
    write(group.parent, memory_events="oom_kill 4")

    def kill() -> bool:
        if values_of(group, "memory.max") != "0":
            return False
        (group / "memory.max").unlink()
        (group / "memory.max").mkdir()
        process.kill()
        return True

    acting = kernel(kill)
    with pytest.raises(FaultError, match=f"the memory limit of container {CONTAINER} is not put back"):
        node.start().ask("starve", CONTAINER)
    acting.join()
    assert [note.name for note in node.notes.iterdir()] == [CONTAINER]


def test_a_failed_command_says_why_and_the_next_one_works(node: FakeNode) -> None:
    """Nothing but the commands that there are is carried out."""
    shell = node.start()
    with pytest.raises(FaultError, match="no such command"):
        shell.ask("rm", "-rf", "x")
    assert shell.ask("packets", POD) == '{"rule": false}'


def test_an_interrupted_command_leaves_no_answer_to_be_mistaken(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell ends and undoes what was done; what is asked afterwards needs another one."""
    shell = node.start()
    shell.ask("rule", POD, "ip", "10.244.0.9", 8080, "refuse", "ns/pod")

    def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(select, "select", interrupted)
        with pytest.raises(KeyboardInterrupt):
            shell.ask("packets", POD)
    assert not shell.alive
    assert node.rules() == ["knative_chaos"]
    assert node.start().ask("packets", POD) == '{"rule": false}'


def test_a_shell_that_ended_says_so(node: FakeNode) -> None:
    """And is known not to be alive, so that another one is started."""
    shell = node.start()
    shell.close()
    assert not shell.alive
    with pytest.raises(FaultError, match="has ended"):
        shell.ask("packets", POD)


def test_a_silent_node_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended: a late answer would be taken for that of the next command."""
    monkeypatch.setattr(room, "ANSWERS_WITHIN_S", 0.2)
    with pytest.raises(FaultError, match="was not answered by the node"):
        NodeShell(["sleep", "600"], {}, "node")
