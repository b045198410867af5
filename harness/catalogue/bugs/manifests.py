"""Services of the corpus as YAML, in the words that a user writes. The image "toggle" is the toggle app's."""

from __future__ import annotations

_SERVICE = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata:
  name: {name}
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/{scale}
        autoscaling.knative.dev/max-scale: "1"
    spec:
      timeoutSeconds: 60
      containers:
"""

_USER = """\
        - name: user-container
          image: toggle
          ports: [{containerPort: 8080}]
          resources: {requests: {cpu: 50m}}
"""

_SIDECAR = """\
        - name: sidecar
          image: toggle
          env:
            - {name: PORT, value: "8090"}
            - {name: TOGGLE_CONTROL_PORT, value: "8098"}
          resources: {requests: {cpu: 20m}}
"""


def service(name: str, user: str = "", sidecar: str | None = None, *, sidecar_env: str = "", from_zero: bool = False) -> str:
    """A Service of one pod, or of none to begin with.

    user, sidecar: further lines of the two containers; sidecar None: there is none. sidecar_env: a further variable of it.
    """
    text = _SERVICE.format(name=name, scale='initial-scale: "0"' if from_zero else 'min-scale: "1"') + _USER + _indented(user)
    if sidecar is None:
        return text
    env = f"            {sidecar_env}\n" if sidecar_env else ""
    head, resources = _SIDECAR.split("          resources")
    return text + head + env + "          resources" + resources + _indented(sidecar)


def _indented(lines: str) -> str:
    return "".join(f"          {line}\n" for line in lines.strip("\n").splitlines())
