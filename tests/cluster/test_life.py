"""How runs end: interrupted, killed, side by side. Nothing measured is lost, nothing is left that the next run cannot cope with."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.adapters.documents import dumped
from harness.adapters.files import State
from harness.adapters.kube import Kube
from harness.adapters.objects import Objects
from harness.adapters.wait import Look, wait_for
from harness.deploy.manifest import render
from harness.errors import ExitCode
from harness.install import sidecar_probes
from harness.knative.listeners import SAMPLER
from harness.knative.names import MULTI_CONTAINER_PROBING
from harness.model import RUN_LABEL, Probe, ServiceSpec
from harness.run import World

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]


class Command:
    """`knative-chaos` in a process of its own, on the session's cluster."""

    def __init__(self, world: World, artifacts: Path, *args: str) -> None:
        self.said = artifacts.parent / f"said-{len(list(artifacts.parent.glob('said-*')))}"
        options = ["--kn-cluster", world.handle.name, "--kn-source", world.provision.source, "--kn-artifacts", str(artifacts)]
        # A shell starts what it puts into the background with SIGINT ignored, and a child inherits that: it must heed Ctrl-C.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with self.said.open("w", encoding="utf-8") as out:
                self.child = subprocess.Popen(
                    [sys.executable, "-m", "harness", *args, *options], cwd=ROOT, stdout=out, stderr=out, start_new_session=True
                )
        finally:
            signal.signal(signal.SIGINT, before)

    def await_requests(self, artifacts: Path) -> Path:
        """Until its generator has records; returns the run's directory."""

        def look() -> Look[Path]:
            assert self.child.poll() is None, self.said.read_text(encoding="utf-8")
            found = [path for path in artifacts.glob("*/*/load/*/generator.json") if json.loads(path.read_text())["sent"] > 50]
            return Look(found[0].parents[2] if found else None, f"{len(found)} generators with 50 requests")

        return wait_for("requests of the run", look, within_s=600, tolerate=(ValueError, OSError))  # another run may measure first

    def ended(self, within_s: float = 180) -> tuple[int, str]:
        """Its exit code and what it said."""
        return self.child.wait(within_s), self.said.read_text(encoding="utf-8")


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """A directory of runs of the test's own."""
    place = tmp_path / "artifacts"
    place.mkdir()
    return place


def generators() -> list[str]:
    """Command lines of the load generators that run on this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "harness.load" in words:
            found.append(" ".join(words))
    return found


def stands(world: World, run: Path) -> bool:
    """Whether the namespace of the run in this directory still stands; those of others may do so meanwhile."""
    listed: list[Any] = Kube.of(world.handle).core.list_namespace(label_selector=RUN_LABEL, _request_timeout=10).items
    standing = [space.metadata.name for space in listed if space.metadata.deletion_timestamp is None]
    return f"knative-chaos-{run.name.rpartition('-')[2]}" in standing


@pytest.mark.ci
def test_ctrl_c_in_a_cycle_keeps_and_reports_what_was_measured(world: World, artifacts: Path) -> None:
    """Exit code 2, a verdict that says interrupted, every request so far in the history, nothing left running."""
    command = Command(world, artifacts, "run", "S1", "--kn-cycles", "3")
    run = command.await_requests(artifacts)
    os.kill(command.child.pid, signal.SIGINT)
    code, said = command.ended()
    assert code == ExitCode.INCONCLUSIVE, said
    assert "Traceback" not in said
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert summary["verdict"] == "inconclusive"
    assert any("interrupted" in reason for reason in summary["reasons"])
    assert (run / "report.html").stat().st_size > 10_000
    assert (run / "requests.parquet").exists()
    assert not [line for line in generators() if str(artifacts) in line]
    assert not stands(world, run)


def test_a_killed_run_can_be_analysed_and_the_next_one_passes(world: World, artifacts: Path) -> None:
    """After SIGKILL in a cycle: the generator is gone, the files say what they know, the next run sweeps and passes."""
    command = Command(world, artifacts, "run", "S1", "--kn-cycles", "3")
    run = command.await_requests(artifacts)
    os.killpg(command.child.pid, signal.SIGKILL)
    command.child.wait(30)

    def gone() -> Look[bool]:
        left = [line for line in generators() if str(artifacts) in line]
        return Look(None if left else True, str(left))

    wait_for("the generator's end", gone, within_s=20)
    assert stands(world, run), "the killed run left no namespace: there is nothing to sweep"
    again = subprocess.run(
        [sys.executable, "-m", "harness", "analyze", str(run)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert again.returncode == ExitCode.INCONCLUSIVE, again.stdout + again.stderr
    assert "never closed" in re.sub(r"\s+", " ", again.stdout)
    code, said = Command(world, artifacts, "run", "N1", "--kn-cycles", "1").ended(900)
    assert code == ExitCode.PASS, said
    assert not stands(world, run)


def namespaces(world: World) -> set[str]:
    """Those of runs, on their way out or not."""
    listed: list[Any] = Kube.of(world.handle).core.list_namespace(label_selector=RUN_LABEL, _request_timeout=10).items
    return {space.metadata.name for space in listed}


def test_a_program_that_ends_at_once_is_one_clear_error(world: World, artifacts: Path) -> None:
    """Exit code 3 with the program's own last words, before any load; its namespace is gone.

    Red where the wait for the pod does not look for refusals (`RefusalWatch`), or an error before the first cycle keeps the
    session from clearing up.
    """
    service = render(ServiceSpec(liveness=Probe()))
    container = service["spec"]["template"]["spec"]["containers"][0]
    container.update(image=world.provision.app_image, command=["python3", "-c", "raise SystemExit('no database')"])
    file = artifacts.parent / "service.yaml"
    file.write_text(dumped([service]), encoding="utf-8")
    before = namespaces(world)
    code, said = Command(world, artifacts, "run", "liveness-blocked", "--service", str(file)).ended(900)
    assert code == ExitCode.BAD_INPUT_OR_HOST, said
    words = re.sub(r"\s+", " ", said)
    assert "exit code 1" in words and "no database" in words and "Traceback" not in words, said
    assert namespaces(world) <= before


def test_a_run_killed_while_it_had_changed_knative_is_cleared_up_by_up(world: World, artifacts: Path) -> None:
    """SIGKILL while probes of sidecars are permitted: `up` gives the permission back and removes the namespace.

    Red where `up` does not give back (`install.give_back`), does not look for namespaces of dead runs, or the sampler of
    listening sockets goes on without its harness.
    """
    config = sidecar_probes.PERMISSION.scoped

    def permitted() -> tuple[object, object]:
        found = Objects(Kube.of(world.handle)).get(config.ref) or {}
        key = (found.get("data") or {}).get(MULTI_CONTAINER_PROBING)
        return key, (found["metadata"].get("annotations") or {}).get(config.annotation)

    before = permitted()
    command = Command(world, artifacts, "run", "S25", "--kn-cycles", "1")
    run = command.await_requests(artifacts)
    os.killpg(command.child.pid, signal.SIGKILL)
    command.child.wait(30)
    on, mark = permitted()
    assert (on, bool(mark)) == ("enabled", True), "the killed run left nothing: there is nothing to give back"
    assert stands(world, run)
    options = ["--kn-cluster", world.handle.name, "--kn-source", world.provision.source]
    up = [sys.executable, "-m", "harness", "up", *options]
    done = subprocess.run(up, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert permitted() == before == (before[0], None)
    assert not stands(world, run)

    def ended() -> Look[bool]:
        found = world.engine.exec(world.handle.node, ["pgrep", "-f", f"^{SAMPLER}"], check=False).stdout.split()
        return Look(None if found else True, f"processes {found}")

    wait_for("the sampler's end", ended, within_s=30)


def test_two_workers_share_one_cluster_and_take_turns(world: World, tmp_path: Path) -> None:
    """`pytest -n 2`: both scenarios pass, on the cluster that is there, and their measured times do not overlap."""
    artifacts = tmp_path / "artifacts"
    options = ["--kn-cluster", world.handle.name, "--kn-source", world.provision.source, "--kn-artifacts", str(artifacts)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/scenarios", "-m", "scenario", "-n", "2", "--kn-cycles", "1", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    spans = []
    for path in artifacts.glob("*/*/summary.json"):
        if path.parent.parent.name == "latest":
            continue
        head = json.loads((path.parent / "run.json").read_text(encoding="utf-8"))["meta"]
        phases = json.loads(path.read_text(encoding="utf-8"))["phases"]
        own = [phase["seconds"] for phase in phases if re.match(r"(4|5|6-10) ", phase["name"])]
        spans.append((head["anchor_utc_ns"], head["anchor_utc_ns"] + int(sum(own) * 1e9)))
    assert len(spans) == 2
    (_, first_end), (second_start, _) = sorted(spans)
    assert first_end <= second_start
    assert (State.default().root / "clusters" / world.handle.name).is_dir()
