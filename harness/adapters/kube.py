"""The Kubernetes API, always by an explicit kubeconfig and context.

The generated client is loaded where one is made: a command that asks no cluster does not pay for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml
from urllib3.exceptions import HTTPError

from harness.errors import BadInput, ClusterError
from harness.model import ClusterHandle

if TYPE_CHECKING:
    from kubernetes import client

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Where no proxy leads back to."""


class Kube:
    """Typed doors to the API groups the harness uses. One instance a thread is not needed: calls share a pool.

    Every call carries a request timeout: a hung API server must become an error that says so.
    """

    def __init__(self, api: client.ApiClient) -> None:
        from kubernetes import client  # noqa: PLC0415 - see above

        self.api = api
        self.core = client.CoreV1Api(api)
        self.discovery = client.DiscoveryV1Api(api)
        self.version = client.VersionApi(api)

    @staticmethod
    def of(cluster: ClusterHandle, *, pool: int = 32) -> Kube:
        """A client for this cluster. Raises BadInput when the context is not in its kubeconfig."""
        return Kube.from_file(Path(cluster.kubeconfig), cluster.context, pool=pool)

    @staticmethod
    def from_file(kubeconfig: Path, context: str, *, pool: int = 32) -> Kube:
        """A client from one file and one named context; the ambient ones are never looked at."""
        from kubernetes import client, config  # noqa: PLC0415 - see above

        if not kubeconfig.is_file():
            raise BadInput(f"There is no kubeconfig at {kubeconfig}.", fix="make up")
        try:
            known = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
            names = [entry["name"] for entry in (known or {}).get("contexts") or []]
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"{kubeconfig} is not a kubeconfig: {error}.", fix="Name a kubeconfig file.") from error
        if context not in names:
            raise BadInput(
                f"The context {context!r} is not in {kubeconfig}; it has: {', '.join(names) or 'none'}.",
                fix="make up",
            )
        settings = client.Configuration()
        try:
            config.load_kube_config(config_file=str(kubeconfig), context=context, client_configuration=settings)  # type: ignore[no-untyped-call]
        except config.ConfigException as error:
            raise BadInput(f"{kubeconfig} cannot be used: {error}.") from error
        if urlsplit(str(settings.host)).hostname in LOOPBACK:
            settings.proxy = None  # the client takes the environment's, also for this very machine
        settings.connection_pool_maxsize = pool
        settings.retries = 0
        return Kube(client.ApiClient(settings))

    def server_version(self) -> str:
        """Such as "v1.34.4". Raises ClusterError when the API does not answer."""
        try:
            return str(self.version.get_code(_request_timeout=5).git_version)
        except Exception as error:
            raise ClusterError(f"The API server does not answer: {type(error).__name__}: {error}"[:300], fix="make up") from error

    def through_pod(
        self,
        namespace: str,
        pod: str,
        port: int,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float = 10,
    ) -> tuple[int, str]:
        """Ask a port of one pod through the API server: (status, body text). Sent once, never again by itself.

        The generated client has no way to give such a request a body, so it goes through its connection pool. A status may be
        the API server's own (404: no such pod, 502 or 503: the pod does not answer). Raises ClusterError when nothing came back.
        """
        settings = self.api.configuration
        sent = dict(headers or {})
        for auth in settings.auth_settings().values():
            sent[auth["key"]] = auth["value"]
        url = f"{settings.host}/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}"
        try:
            answer = self.api.rest_client.pool_manager.request(
                method, url, headers=sent, body=body, timeout=timeout_s, retries=False, redirect=False
            )
        except HTTPError as error:
            raise ClusterError(
                f"The API server gave no answer for {method} {path} of pod {pod}: {type(error).__name__}: {error}"[:400],
                where=f"{namespace}/{pod}:{port}",
            ) from error
        return int(answer.status), answer.data.decode(errors="replace")

    def plain(self, obj: Any) -> Any:
        """A client object as plain JSON values, with the API's own key names."""
        return self.api.sanitize_for_serialization(obj)  # type: ignore[no-untyped-call]
