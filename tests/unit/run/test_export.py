"""An exported scenario: what it holds, what it cannot do, and that its script and its program do what they say."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from harness.adapters.documents import documents
from harness.adapters.ports import free_ports
from harness.adapters.wait import Look, wait_for
from harness.catalogue import SCENARIOS, resolve
from harness.errors import BadInput
from harness.faults import FAULTS
from harness.model import AppSpec, Expectation, FaultSpec, KnativeVersion, ResolvedClaim, RunSpec
from harness.run.export import PUBLIC_IMAGE, SCRIPT, SERVICE, export, write
from harness.run.export.service import PROGRAM

VERSION = KnativeVersion.parse("1.23")
EXPORTED = {"S1", "N1", "S2", "S6", "S7", "S10", "S12", "S15", "S20", "S23", "S30A", "S31", "S34", "N2", "N5", "S30C"} | {
    *("S3", "S5", "S5B", "S8", "S8B", "S9", "S13", "S24", "S33A", "S33B"),
}


def spec(name: str) -> RunSpec:
    """A scenario of the catalogue on VERSION."""
    return resolve(SCENARIOS[name], VERSION)


def files(name: str, **how: str) -> dict[str, str]:
    """What is exported of it."""
    return dict(export(spec(name), VERSION, **how).files)


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_kubectl_can_do_is_exported_and_the_rest_says_why_not(name: str) -> None:
    """One clear line."""
    if name in EXPORTED:
        assert set(files(name)) == {SERVICE, SCRIPT}
        return
    with pytest.raises(BadInput, match=rf"^{name} cannot be exported: it") as told:
        files(name)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("S1B", "done through the node"),
        ("S14A", "the first pod in the activator's order"),
        ("S16A", "send a failed request again"),
        ("S21", "survives restarts"),
        ("N4A", "plain Deployment"),
        ("S28A", "course is from-zero"),
        ("S30B", "course is scale-down"),
    ],
)
def test_why_not(name: str, why: str) -> None:
    """By what is different about it."""
    with pytest.raises(BadInput, match=why):
        files(name)
    with pytest.raises(BadInput, match="does not exit on SIGTERM"):
        export(replace(spec("S1"), service=replace(spec("S1").service, app=AppSpec(sigterm="ignore"))), VERSION)
    with pytest.raises(BadInput, match="listens before it is ready"):
        export(replace(spec("S1"), service=replace(spec("S1").service, app=AppSpec(ready_delay_s=5.0))), VERSION)


@pytest.mark.parametrize("name", sorted(EXPORTED))
def test_the_script_is_one_that_a_shell_reads(name: str, tmp_path: Path) -> None:
    """Its syntax, and no line of it that was made of somebody's text."""
    write(export(spec(name), VERSION), tmp_path)
    subprocess.run(["/bin/sh", "-n", str(tmp_path / SCRIPT)], check=True, capture_output=True)
    assert os.access(tmp_path / SCRIPT, os.X_OK)
    text = (tmp_path / SCRIPT).read_text(encoding="utf-8")
    assert "set -eu\n" in text
    assert FAULTS[spec(name).fault.kind].done in text


def test_the_same_arguments_give_the_same_bytes() -> None:
    """Nothing of the day or the machine is in it."""
    assert files("S1") == files("S1")


@pytest.mark.parametrize("name", sorted(EXPORTED))
def test_the_service_is_the_scenarios(name: str) -> None:
    """Its probes and scale, on a public image, in a namespace of its own."""
    namespace, service = (one.value for one in documents(files(name)[SERVICE]))
    assert service["metadata"]["namespace"] == namespace["metadata"]["name"] == f"knative-chaos-{name.lower()}"
    (container,) = service["spec"]["template"]["spec"]["containers"]
    assert container["image"] == PUBLIC_IMAGE
    assert container["args"] == [PROGRAM.read_text(encoding="utf-8")]
    asked = spec(name).service
    for kind, probe in (("liveness", asked.liveness), ("readiness", asked.readiness)):
        assert (probe is not None) is (f"{kind}Probe" in container)
        assert probe is None or container[f"{kind}Probe"]["periodSeconds"] == probe.period_s
    assert "toggle.py" not in files(name)[SERVICE]


def test_another_image() -> None:
    """Where the public one cannot be pulled."""
    assert "image: dev.local/python:1\n" in files("S1", image="dev.local/python:1")[SERVICE]
    with pytest.raises(BadInput, match="names no image"):
        files("S1", image="a b")


HOSTILE = "'; rm -rf / #\n$(reboot) `id` \"\\ {{ 7777*7777 }} \x1b[31m"


def test_what_somebody_wrote_is_text(tmp_path: Path) -> None:
    """A title, a statement and a source are printed as they are, whatever they hold."""
    claim = ResolvedClaim("c", "no-restart", HOSTILE, Expectation.HOLDS, HOSTILE)
    asked = replace(spec("N1"), title=HOSTILE, scenario="S1\n$(id)", claims=(claim,))
    write(export(asked, VERSION), tmp_path)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"- HOLDS: {' '.join(HOSTILE.split())} ({' '.join(HOSTILE.split())})" in done.stdout
    assert str(7777 * 7777) not in done.stdout
    heading = (tmp_path / SCRIPT).read_text(encoding="utf-8").splitlines()[1]
    assert heading.startswith("# S1 $(id) on Knative 1.23.0: '; rm")
    assert "\x1b" not in heading


KUBECTL = """\
case "$*" in
  *"logs -f"*) for n in 1 2 3; do echo 'dial tcp 127.0.0.1:8080: connect: connection refused'; done
    echo logs >> calls; exec /bin/sleep 60 ;;
  *status.url*) printf "${SCHEME:-http}://toggle.x.example" ;;
  "config current-context") printf kind-mine ;;
  *"exec pod"*) [ ! -e refusing ] || exit 1 ;;
  *"items[*]"*) printf 'pod-0 pod-1' ;;
  *"items[0]"*) printf pod-0 ;;
  *"apply -f -"*) cat > applied.yaml ;;
esac
echo "kubectl $*" >> calls
"""
CURL = """\
echo "curl $*" >> calls
status=200; [ ! -e failing ] || status=502
while [ $# -gt 0 ]; do
  case "$1" in -w) printf '%s\\n' "$2" | sed -e "s/%{http_code}/$status/" -e 's/\\\\n//'; shift ;; esac
  shift
done
[ ! -e unreachable ] || exit 60
"""
SLEEP = """\
[ "$1" != 0.1 ] || exec /bin/sleep 0.02
until grep -q '^curl' calls && grep -q '^logs' calls; do /bin/sleep 0.02; done
"""


def test_it_says_first_to_which_cluster_it_applies(tmp_path: Path) -> None:
    """And asks the Service's URL."""
    write(export(spec("S1"), VERSION), tmp_path)
    done = run(tmp_path, SCHEME="https")
    assert done.stdout.splitlines()[0] == "kubectl context: kind-mine"
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert calls[0] == "kubectl config current-context"
    asked = [line for line in calls if "https://" in line]
    assert asked
    assert all(line.endswith("-o /dev/null https://toggle.x.example/") for line in asked)


def test_an_ingress_is_where_curl_connects_and_nothing_else(tmp_path: Path) -> None:
    """The URL stays, so that TLS asks for the Service's name and not for an address."""
    write(export(spec("S1"), VERSION), tmp_path)
    run(tmp_path, SCHEME="https", INGRESS="127.0.0.1:8443")
    asked = [line for line in (tmp_path / "calls").read_text(encoding="utf-8").splitlines() if "https://" in line]
    assert asked
    assert all(line.endswith("--connect-to ::127.0.0.1:8443 https://toggle.x.example/") for line in asked)


def test_a_service_that_cannot_be_reached_ends_it_before_the_load(tmp_path: Path) -> None:
    """Such as a certificate that curl does not know: the way out is named, and nothing is injected."""
    write(export(spec("S1"), VERSION), tmp_path)
    (tmp_path / "unreachable").touch()
    done = run(tmp_path, SCHEME="https", INGRESS="127.0.0.1:8443")
    assert done.returncode == 1
    assert "https://toggle.x.example gave no answer at 127.0.0.1:8443." in done.stderr
    assert "CURL_CA_BUNDLE" in done.stderr
    assert "exec pod" not in (tmp_path / "calls").read_text(encoding="utf-8")


def test_a_script_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """The plant: the fault cannot be injected. A load or a log that went on would keep the pipe of its errors open."""
    write(export(spec("S1"), VERSION), tmp_path)
    (tmp_path / "refusing").touch()
    (tmp_path / "scratch").mkdir()
    done = run(tmp_path, TMPDIR=str(tmp_path / "scratch"))
    assert done.returncode == 1
    assert "requests by status" not in done.stdout
    assert list((tmp_path / "scratch").iterdir()) == []


def run(place: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """The script with stand-ins for kubectl, curl and sleep; `calls` says how they were called."""
    bin_dir = place / "bin"
    bin_dir.mkdir()
    for name, text in (("kubectl", KUBECTL), ("curl", CURL), ("sleep", SLEEP)):
        (bin_dir / name).write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
        (bin_dir / name).chmod(0o755)
    return subprocess.run(
        ["/bin/sh", SCRIPT],
        cwd=place,
        env={"PATH": f"{bin_dir}:/usr/bin:/bin", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


@pytest.mark.parametrize("failing", [True, False])
def test_the_script_counts_what_the_clients_saw(tmp_path: Path, failing: bool) -> None:
    """Requests by status, refused lines, and what was expected."""
    write(export(spec("S1"), VERSION), tmp_path)
    if failing:
        (tmp_path / "failing").touch()
    done = run(tmp_path, INGRESS="127.0.0.1:1234")
    assert done.returncode == 0, done.stderr
    assert ("502" in done.stdout.partition("first and last")[0]) is failing
    assert "lines of queue-proxy with 'connection refused': 3" in done.stdout
    assert "- BROKEN: While its pod is Ready, no request is refused by the container's port." in done.stdout
    calls = (tmp_path / "calls").read_text(encoding="utf-8")
    assert "--connect-to ::127.0.0.1:1234 http://toggle.x.example/" in calls
    assert "exec pod-0 -c user-container -- python3 -c open('/dev/shm/liveness', 'w').write('')" in calls
    assert (tmp_path / "applied.yaml").read_text(encoding="utf-8") == files("S1")[SERVICE]


def test_a_fault_of_all_pods_and_one_that_is_taken_back(tmp_path: Path) -> None:
    """Each pod is told once, and told to stop once."""
    asked = replace(spec("N2"), fault=FaultSpec("readiness", pods="all"))
    write(export(asked, VERSION), tmp_path)
    assert run(tmp_path).returncode == 0
    calls = (tmp_path / "calls").read_text(encoding="utf-8")
    for pod in ("pod-0", "pod-1"):
        assert calls.count(f"exec {pod} -c user-container -- python3 -c open('/dev/shm/readiness'") == 1
        assert calls.count(f"exec {pod} -c user-container -- python3 -c import os; os.remove('/dev/shm/readiness')") == 1


# --- the program that stands in the manifest ---


@contextmanager
def program(state: Path, delay: str = "0") -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The program, with this directory in place of the pod's shared memory; (process, URL)."""
    (port,) = free_ports(1)
    text = PROGRAM.read_text(encoding="utf-8").replace('"/dev/shm"', repr(str(state)))
    env = {"PORT": str(port), "STARTUP_DELAY": delay, "HOSTNAME": "pod-0"}
    with subprocess.Popen([sys.executable, "-u", "-c", text], env=env) as process:
        try:
            listening(port)
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def listening(port: int) -> None:
    """Wait for it."""

    def look() -> Look[bool]:
        with socket.socket() as door:
            return Look(True if door.connect_ex(("127.0.0.1", port)) == 0 else None, "refused")

    wait_for("the program listens", look, within_s=60, every_s=0.02)


def test_the_program_fails_the_probe_that_it_is_told_to(tmp_path: Path) -> None:
    """And answers everything else, POST included, on one connection."""
    with program(tmp_path) as (process, url), httpx.Client() as client:
        assert client.get(f"{url}/healthz").status_code == 200
        assert client.post(url, content=b"body").text == "pod-0\n"
        (tmp_path / "liveness").touch()
        assert [client.get(f"{url}{path}").status_code for path in ("/healthz", "/readyz", "/")] == [503, 200, 200]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert (tmp_path / "liveness").exists()
    with program(tmp_path) as (_, url):
        assert httpx.get(f"{url}/healthz").status_code == 200
    (tmp_path / "liveness").write_text("persistent", encoding="utf-8")
    with program(tmp_path) as (_, url):
        assert httpx.get(f"{url}/healthz").status_code == 503


def test_the_program_exits_and_hangs_as_it_is_told(tmp_path: Path) -> None:
    """A probe is left hanging with everybody else, or alone; the exit code is the one in the file."""
    with program(tmp_path) as (process, url):
        (tmp_path / "hang").write_text("probes", encoding="utf-8")
        assert httpx.get(url).status_code == 200
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{url}/healthz", timeout=0.3)
        (tmp_path / "hang").write_text("all", encoding="utf-8")
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(url, timeout=0.3)
        (tmp_path / "hang").unlink()
        assert httpx.get(url).status_code == 200
        (tmp_path / "exit").write_text("3", encoding="utf-8")
        assert process.wait(60) == 3


def test_an_exec_probe_asks_the_program(tmp_path: Path) -> None:
    """Its command, as it is in the manifest, fails where the HTTP probe of that name would."""
    (service,) = [one.value for one in documents(files("S31")[SERVICE]) if one.kind == "Service"]
    (container,) = service["spec"]["template"]["spec"]["containers"]
    python, *rest = container["readinessProbe"]["exec"]["command"]
    assert python == "python3"
    with program(tmp_path) as (_, url):
        command = [sys.executable, *(word.replace("http://127.0.0.1:8080", url) for word in rest)]
        assert subprocess.run(command, check=False, capture_output=True).returncode == 0
        (tmp_path / "readiness").touch()
        assert subprocess.run(command, check=False, capture_output=True).returncode == 1
