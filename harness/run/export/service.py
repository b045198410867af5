"""The Namespace and the Knative Service of an exported reproduction: the scenario's own, on a public image. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from harness.adapters.documents import Obj
from harness.apps.public import STARTUP_DELAY_ENV
from harness.apps.toggle import PROBE_PATHS
from harness.deploy.manifest import render
from harness.knative.names import USER_CONTAINER, USER_PORT
from harness.model import Handler, Probe, ServiceSpec

PROGRAM = Path(__file__).with_name("program.py")

_ASK = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}{path}', timeout={timeout})"
"""An exec probe: it fails where the path answers 503, or nobody does."""


def documents(spec: ServiceSpec, *, namespace: str, image: str) -> tuple[Obj, Obj]:
    """The two objects. The container runs the program of `program.py`, which stands in its arguments."""
    service = render(spec)
    service["metadata"]["namespace"] = namespace
    (container,) = service["spec"]["template"]["spec"]["containers"]
    container |= {
        "name": USER_CONTAINER,
        "image": image,
        "command": ["python3", "-u", "-c"],
        "args": [PROGRAM.read_text(encoding="utf-8")],
        "env": [{"name": STARTUP_DELAY_ENV, "value": f"{spec.app.startup_delay_s:g}"}],
    }
    for name, probe in (("liveness", spec.liveness), ("readiness", spec.readiness), ("startup", spec.startup)):
        if probe is not None and probe.handler is Handler.EXEC:
            container[f"{name}Probe"]["exec"] = {"command": ["python3", "-c", _asked(name, probe)]}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, service


def _asked(name: str, probe: Probe) -> str:
    """What an exec probe runs: the path that its HTTP sibling asks."""
    of_app = probe.path if probe.path in PROBE_PATHS.values() else name
    path = next((path for path, which in PROBE_PATHS.items() if which == of_app), "/healthz")
    return _ASK.format(port=USER_PORT, path=path, timeout=probe.timeout_s)


class _Dumper(yaml.SafeDumper):
    """A text of several lines as a literal block."""


def _text(dumper: _Dumper, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def dumped(objects: tuple[Obj, ...]) -> str:
    """The objects as YAML for people, the program readable."""
    return "---\n".join(yaml.dump(one, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=100) for one in objects)
