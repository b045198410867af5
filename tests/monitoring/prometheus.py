"""A real Prometheus on this host that scrapes a cluster of ours through its API server, and what it knows in the end.

It listens on loopback. Its files, the credentials among them, lie in the state directory of the cluster: `down` ends it and removes
them whatever became of the test.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from harness.adapters.documents import Obj
from harness.adapters.files import write_json
from harness.adapters.process import end_group, tail_of
from harness.adapters.wait import Look, wait_for
from harness.cluster.strays import PROMETHEUS_DATA, end, find, is_prometheus
from harness.errors import HostError
from harness.knative.metrics import KUBELET, PATH
from harness.knative.names import ACTIVATOR, AUTOSCALER_METRICS_PORT, REVISION_LABEL, SYSTEM_NAMESPACE, USER_METRICS_PORT

EVERY_S = 2
"""Between two scrapes, and between two evaluations of the rules."""

POD_JOBS = ("queue-proxy", "activator")
KUBELET_PATHS = ("", "/probes", "/cadvisor")
"""Below the kubelet's PATH."""

DIRECTORY = "monitoring"
"""Below the directory of the cluster."""


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy of the environment leads back to this host."""


@dataclass(frozen=True, slots=True)
class Api:
    """How the API server of a kubeconfig's context is reached. address: "127.0.0.1:6443"; the three are PEM."""

    address: str
    ca: bytes
    cert: bytes
    key: bytes

    @staticmethod
    def of(kubeconfig: Path, context: str) -> Api:
        """From one file and one named context. Raises KeyError for one that has its credentials elsewhere."""
        known = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))

        def named(kind: str, name: str) -> dict[str, Any]:
            return next(dict(one[kind]) for one in known[f"{kind}s"] if one["name"] == name)

        chosen = named("context", context)
        cluster, user = named("cluster", chosen["cluster"]), named("user", chosen["user"])
        return Api(
            urllib.parse.urlsplit(cluster["server"]).netloc,
            *(
                base64.b64decode(part)
                for part in (cluster["certificate-authority-data"], user["client-certificate-data"], user["client-key-data"])
            ),
        )


def configuration(address: str, nodes: Sequence[str], rules: Sequence[Path], place: Path) -> dict[str, Any]:
    """What Prometheus is told: every scrape goes through the API server's proxies, so it needs no way into the cluster's network.

    The targets of pods come from files in `place`, for Debian's Prometheus cannot ask Kubernetes. Of the kubelet only the metrics
    of the tables are kept.
    """
    tls = {name: str(place / f"{name.removesuffix('_file')}.pem") for name in ("ca_file", "cert_file", "key_file")}
    kept = [{"action": "keep", "source_labels": ["__name__"], "regex": "|".join(KUBELET)}]
    jobs: list[dict[str, Any]] = [
        {"job_name": job, "file_sd_configs": [{"files": [str(place / f"{job}.json")], "refresh_interval": "5s"}]}
        for job in POD_JOBS
    ]
    jobs += [
        {
            "job_name": f"kubelet{below.replace('/', '-')}",
            "static_configs": [_target(address, f"/api/v1/nodes/{node}/proxy{PATH}{below}", instance=node) for node in nodes],
            "metric_relabel_configs": kept,
        }
        for below in KUBELET_PATHS
    ]
    return {
        "global": {"scrape_interval": f"{EVERY_S}s", "scrape_timeout": f"{EVERY_S}s", "evaluation_interval": f"{EVERY_S}s"},
        "rule_files": [str(path) for path in rules],
        "scrape_configs": [{**job, "scheme": "https", "tls_config": tls} for job in jobs],
    }


def targets(address: str, pods: Iterable[Obj]) -> dict[str, list[dict[str, Any]]]:
    """The targets of each job among these pods, as a file of targets has them: those that run and are not about to go."""
    found: dict[str, list[dict[str, Any]]] = {job: [] for job in POD_JOBS}
    for pod in pods:
        metadata, labels = pod["metadata"], pod["metadata"].get("labels") or {}
        if (pod.get("status") or {}).get("phase") != "Running" or metadata.get("deletionTimestamp"):
            continue
        if REVISION_LABEL in labels:
            job, port = "queue-proxy", USER_METRICS_PORT
        elif (metadata["namespace"], labels.get("app")) == (SYSTEM_NAMESPACE, ACTIVATOR):
            job, port = "activator", AUTOSCALER_METRICS_PORT
        else:
            continue
        space, name = metadata["namespace"], metadata["name"]
        path = f"/api/v1/namespaces/{space}/pods/{name}:{port}/proxy{PATH}"
        found[job].append(_target(address, path, instance=f"{space}/{name}", namespace=space, pod=name))
    return found


def _target(address: str, path: str, **labels: str) -> dict[str, Any]:
    return {"targets": [address], "labels": {"__metrics_path__": path, **labels}}


class Targets(threading.Thread):
    """Keeps the files of targets as the cluster's pods are, looking each second.

    Prometheus takes over a changed file within 5 s: that is how long its discovery gathers changes.
    """

    def __init__(self, pods: Callable[[], Iterable[Obj]], address: str, place: Path) -> None:
        super().__init__(name="targets of Prometheus", daemon=True)
        self._pods, self._address, self._place = pods, address, place
        self._ended = threading.Event()
        self._written: dict[str, list[dict[str, Any]]] = {}
        self.failed = ""
        """Why the last look failed, "" if it did not."""

    def run(self) -> None:
        """Until `end`. A look that fails changes nothing."""
        while not self._ended.is_set():
            try:
                self.look()
                self.failed = ""
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may work; a scrape that is missing is seen
                self.failed = f"{type(error).__name__}: {error}"
            self._ended.wait(1.0)

    def look(self) -> None:
        """Once."""
        for job, found in targets(self._address, self._pods()).items():
            if self._written.get(job) != found:
                write_json(self._place / f"{job}.json", found)
                self._written[job] = found

    def end(self) -> None:
        """Returns when no file is written any more."""
        self._ended.set()
        self.join(30)


class Prometheus:
    """One running Prometheus. Use it as a context manager: leaving the block ends it and removes its files."""

    def __init__(
        self,
        program: Path,
        home: Path,
        port: int,
        api: Api,
        rules: Sequence[Path],
        nodes: Sequence[str],
        pods: Callable[[], Iterable[Obj]],
    ) -> None:
        """home: the directory of the cluster in the state directory. pods: those of the whole cluster, asked each second.

        Starts it and returns at once; see `wait_ready`.
        """
        end(find(is_prometheus(home)))  # of a test that was killed
        self._place = home / DIRECTORY
        shutil.rmtree(self._place, ignore_errors=True)
        self._place.mkdir(parents=True, mode=0o700)
        for name, pem in (("ca", api.ca), ("cert", api.cert), ("key", api.key)):
            private = os.open(self._place / f"{name}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(private, "wb") as out:
                out.write(pem)
        config = self._place / "prometheus.yml"
        config.write_text(yaml.safe_dump(configuration(api.address, nodes, rules, self._place)), encoding="utf-8")
        self._targets = Targets(pods, api.address, self._place)
        self.url = f"http://127.0.0.1:{port}"
        self.log = self._place / "prometheus.log"
        with self.log.open("wb") as log:
            # It takes what CPU the load, the observers and the cluster leave, on one core at a time.
            self._child = subprocess.Popen(
                [
                    *["nice", "-n", "10", str(program), f"--config.file={config}", f"{PROMETHEUS_DATA}{self._place}/data"],
                    *[f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=6h", "--log.level=warn"],
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
                env={**os.environ, "GOMAXPROCS": "1"},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            self._targets.start()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End it, whatever state it is in. Its log's end is in the error of a failed start; nothing else of it is kept."""
        end_group(self._child)
        if self._targets.is_alive():
            self._targets.end()
        shutil.rmtree(self._place, ignore_errors=True)

    def wait_ready(self, within_s: float = 60.0) -> None:
        """Until it answers. Raises HostError when it ends first, WaitTimeout."""

        def look() -> Look[bool]:
            if self._child.poll() is not None:
                raise HostError(f"Prometheus ended with {self._child.returncode}: {tail_of(self.log)}")
            with _DIRECT.open(f"{self.url}/-/ready", timeout=5) as answer:
                return Look(answer.status == 200 or None, str(answer.status))

        wait_for("Prometheus is ready", look, within_s=within_s, tolerate=(OSError,))

    def asked(self, path: str, **query: str) -> Any:
        """The data of an answer of its HTTP API. Raises HostError with its words when it refuses."""
        body = urllib.parse.urlencode(query).encode() if query else None
        with _DIRECT.open(f"{self.url}/api/v1/{path}", data=body, timeout=30) as answer:
            said = json.loads(answer.read())
        if said["status"] != "success":
            raise HostError(f"Prometheus refuses {path}: {said}")
        return said["data"]

    def samples(self, selector: str, at_ns: int) -> list[tuple[dict[str, str], list[tuple[int, float]]]]:
        """(labels, [(ns, value), ...]) of each series of a range selector such as `ALERTS[10m]`, as they were stored."""
        found = self.asked("query", query=selector, time=f"{at_ns / 1e9:.3f}")["result"]
        return [(one["metric"], [(round(at * 1e9), float(value)) for at, value in one["values"]]) for one in found]

    def value(self, expr: str, at_ns: int) -> float:
        """Of an expression with one result or none, which is 0."""
        found = self.asked("query", query=expr, time=f"{at_ns / 1e9:.3f}")["result"]
        return sum(float(one["value"][1]) for one in found)

    def seen(self, job: str) -> set[str]:
        """The names of all series that a job has had."""
        found = self.asked("series", **{"match[]": f'{{job="{job}"}}'})
        return {str(one["__name__"]) for one in found}


@dataclass(frozen=True, slots=True)
class Fired:
    """One time that an alert fired: the evaluations at which it did first and last. labels: of the alert, without its state."""

    alert: str
    labels: Mapping[str, str]
    first_ns: int
    last_ns: int


def fired(samples: Sequence[tuple[Mapping[str, str], Sequence[tuple[int, float]]]], *, every_s: float = EVERY_S) -> list[Fired]:
    """Each time an alert fired, of the samples of `ALERTS{alertstate="firing"}`, by their beginning.

    Two samples that are more than two and a half evaluations apart belong to two times.
    """
    found = []
    for labels, points in samples:
        kept = {key: value for key, value in labels.items() if key not in {"__name__", "alertname", "alertstate"}}
        times = sorted(at for at, _ in points)
        first = 0
        for index in range(1, len(times) + 1):
            if index == len(times) or times[index] - times[index - 1] > 2.5 * every_s * 1e9:
                found.append(Fired(labels["alertname"], kept, times[first], times[index - 1]))
                first = index
    return sorted(found, key=lambda one: (one.first_ns, one.alert))
