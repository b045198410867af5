"""The queue-proxies of testapps do what the tests with them rest on: their own Go tests, without Serving and without a network."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.adapters import gotool
from harness.adapters.files import State
from harness.adapters.gotool import GoTool
from harness.images import pins

PLACE = Path(__file__).parents[3] / "testapps" / "queue-proxies"


def test_the_transports_hold_and_refuse_as_they_say(tmp_path: Path) -> None:
    """Whole bodies, bounds, ends, nothing sent again that may have been processed, and the planted second of refusals."""
    found = gotool._candidates()
    if not found:
        pytest.skip("no Go on this machine; the cluster suite builds and measures them")
    shutil.copytree(PLACE / "transport", tmp_path / "transport")
    (tmp_path / "go.mod").write_text("module example.org/queue-proxies\n\ngo 1.25.0\n", encoding="utf-8")
    env = {**GoTool(found[0], "", State.default().go).env(), "GOPROXY": "off", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [found[0], "test", "./..."], cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok  \texample.org/queue-proxies/transport" in done.stdout


def test_they_are_built_on_the_pinned_version() -> None:
    """Else `run S1 --queue-proxy path:...` of the documentation would be refused."""
    assert f"require knative.dev/serving {pins().knative}" in (PLACE / "go.mod").read_text(encoding="utf-8").splitlines()
