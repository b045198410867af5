"""The proof that Knative serves: a small Service of our own, asked through the ingress until its app answers, then removed."""

from __future__ import annotations

from urllib.parse import urlsplit

from harness.adapters.documents import Obj
from harness.adapters.ingress import Reply, ask, served
from harness.adapters.objects import ApiRefused, NoSuchKind, Objects, Ref, conditions
from harness.adapters.progress import Progress
from harness.adapters.wait import Look, wait_for
from harness.apps.toggle import STARTUP_DELAY_ENV
from harness.errors import InstallError, WaitTimeout
from harness.install.apply import apply_all, not_yet
from harness.knative.names import MAX_SCALE, MIN_SCALE, SERVING_API, USER_PORT
from harness.model import RUN_LABEL, HostPorts

NAMESPACE = "knative-chaos-proof"
SERVICE = "proof"
LABELS = {RUN_LABEL: "proof"}


def manifest(app_image: str) -> Obj:
    """The Service. timeoutSeconds is short because it is also the pod's termination grace."""
    return {
        "apiVersion": SERVING_API,
        "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": NAMESPACE, "labels": LABELS},
        "spec": {
            "template": {
                "metadata": {
                    "labels": LABELS,
                    "annotations": {MIN_SCALE: "1", MAX_SCALE: "1"},
                },
                "spec": {
                    "timeoutSeconds": 10,
                    "containers": [
                        {
                            "image": app_image,
                            "imagePullPolicy": "IfNotPresent",
                            "ports": [{"containerPort": USER_PORT}],
                            "env": [{"name": STARTUP_DELAY_ENV, "value": "0"}],
                            "resources": {"requests": {"cpu": "10m"}},
                        }
                    ],
                },
            }
        },
    }


def prove(objects: Objects, app_image: str, ports: HostPorts, *, within_s: float, progress: Progress, work: str = "") -> str:
    """Deploy, ask, remove; answers with the request in words. Raises InstallError with what was last seen."""
    space: Obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": LABELS}}
    with progress.step("prove that Knative serves a request", work=work):
        try:
            _gone(objects, within_s=within_s)
            apply_all(objects, [space, manifest(app_image)], what="the proof's Service is accepted", within_s=within_s)
            host, reply = _answered(objects, ports, within_s)
        except WaitTimeout as timeout:
            raise InstallError(
                f"Knative is installed but serves no request: {timeout.what}", fix="make down && make up", where=_events(objects)
            ) from timeout
        finally:
            _remove(objects)
        _pods_gone(objects, within_s=within_s)
    return f"GET http://{host}/ through 127.0.0.1:{ports.ingress}: {reply}"


def _answered(objects: Objects, ports: HostPorts, within_s: float) -> tuple[str, Reply]:
    ref = Ref(SERVING_API, "Service", SERVICE, NAMESPACE)

    def once() -> Look[tuple[str, Reply]]:
        seen = objects.get(ref)
        host = urlsplit(str(((seen or {}).get("status") or {}).get("url") or "")).hostname
        if not host:
            return Look(None, f"no address yet: {conditions(seen)}")
        look = served(ask("127.0.0.1", ports.ingress, host))
        return Look(None if look.value is None else (host, look.value), f"{look.seen}; {conditions(seen)}")

    return wait_for("a request is answered by the app", once, within_s=within_s, every_s=0.3)


def _remove(objects: Objects) -> None:
    """Ask for the removal of everything of the proof; what is still there is said by the next wait, not here."""
    try:
        objects.delete(Ref(SERVING_API, "Service", SERVICE, NAMESPACE))
        for pod in objects.find("v1", "Pod", namespace=NAMESPACE):
            objects.delete(Ref.of(pod), grace_s=1)
        objects.delete(Ref("v1", "Namespace", NAMESPACE))
    except (ApiRefused, NoSuchKind) as error:
        if isinstance(error, ApiRefused) and not_yet(error) is None:
            raise InstallError(f"The proof's Service could not be removed: {error.what}", fix="make down && make up") from error


def _gone(objects: Objects, *, within_s: float) -> None:
    """A namespace left by a cut installation: it must have ended before a new one can begin."""
    ref = Ref("v1", "Namespace", NAMESPACE)
    if objects.get(ref) is None:
        return
    _remove(objects)
    wait_for(
        "the proof's namespace of before is gone",
        lambda: Look(True if (seen := objects.get(ref)) is None else None, conditions(seen)),
        within_s=within_s,
    )


def _pods_gone(objects: Objects, *, within_s: float) -> None:
    """Nothing of the proof may run beside a measurement."""

    def once() -> Look[bool]:
        left = [pod["metadata"]["name"] for pod in objects.find("v1", "Pod", namespace=NAMESPACE)]
        return Look(None if left else True, ", ".join(left) or "none")

    wait_for("the proof's pods are gone", once, within_s=within_s, every_s=0.3, fix="make down && make up")


def _events(objects: Objects) -> str:
    """The last warnings of the proof's namespace, in a line."""
    try:
        found = objects.find("v1", "Event", namespace=NAMESPACE)
    except (ApiRefused, NoSuchKind):
        return ""
    warned = [f"{one.get('reason')}: {str(one.get('message'))[:160]}" for one in found if one.get("type") == "Warning"]
    return "; ".join(dict.fromkeys(warned[-4:]))
