"""A cluster that somebody else made: always a named file and a named context, never the ambient ones."""

from __future__ import annotations

from pathlib import Path

from harness.adapters.kube import Kube
from harness.errors import BadInput
from harness.model import ClusterHandle, HostPorts


def given(kubeconfig: Path | str, context: str, ingress: str) -> ClusterHandle:
    """A handle of a running cluster; ingress: "HOST:PORT" at which its ingress is reached from here.

    Its node is "" (nothing can be run in it, no images loaded), and its other ports are 0: there are no such arms.
    Raises BadInput when one of the three is not named or cannot be used, ClusterError when the API does not answer.
    """
    unnamed = [
        option
        for option, value in (("--kubeconfig", str(kubeconfig)), ("--context", context), ("--ingress", ingress))
        if value in ("", ".")
    ]
    if unnamed:
        raise BadInput(
            f"A cluster that is not ours is used only when it is named in full; missing: {', '.join(unnamed)}.",
            fix="--kubeconfig FILE --context NAME --ingress HOST:PORT",
        )
    host, _, port = ingress.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadInput(f"{ingress!r} is not HOST:PORT.", fix="--ingress 127.0.0.1:31080")
    path = Path(kubeconfig).expanduser().resolve()
    kube = Kube.from_file(path, context, pool=1)
    try:
        version = kube.server_version()
    finally:
        kube.api.close()  # type: ignore[no-untyped-call]
    return ClusterHandle(
        name=context,
        context=context,
        kubeconfig=str(path),
        ports=HostPorts(ingress=int(port), direct=0, control=0, api=0),
        node="",
        engine="",
        node_image="",
        kubernetes_version=version,
        created=False,
        address=host.strip("[]"),
    )
