"""Manifests by a seed: Knative Services, some of them right, the others wrong in ways in which people are wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from harness.knative.manifest.places import Obj
from harness.model import KnativeVersion

Draw = random.Random
GROUP = "autoscaling.knative.dev"


def manifests(seed: int, count: int, version: KnativeVersion) -> Iterator[tuple[Obj, bool]]:
    """So many Services, each with whether multi-container-probing is on. version: few have fields that it does not know."""
    for index in range(count):
        draw = random.Random(f"{seed}/{index}")  # noqa: S311 - a seeded generator, no secret
        yield _Maker(draw, version).service(), draw.random() < 0.35


def _typo(draw: Draw, word: str) -> str:
    spot = draw.randrange(1, len(word) - 1)
    return word[:spot] + word[spot + 1 :]


class _Maker:
    """One Service. `wrong` is how likely each of its values is drawn among wrong ones: 0 for half of the Services."""

    def __init__(self, draw: Draw, version: KnativeVersion) -> None:
        self.draw = draw
        self.startup = 1.0 if version >= KnativeVersion.parse("1.15") else 0.03
        self.grpc = ["grpc"] if version >= KnativeVersion.parse("1.12") else ["tcpSocket"]
        self.wrong = draw.choice((0.0, 0.0, 0.0, 0.02, 0.05))

    def one(self, good: tuple[Any, ...], bad: tuple[Any, ...]) -> Any:
        return self.draw.choice(bad if self.draw.random() < self.wrong else good)

    def chance(self, share: float) -> bool:
        return self.draw.random() < share

    def service(self) -> Obj:
        count = 1 if self.chance(0.7) else self.draw.choice((2, 2, 3))
        served = self.draw.randrange(count)
        containers = [self.container(index, served=index == served, alone=count == 1) for index in range(count)]
        pod: Obj = {"containers": containers}
        self.maybe(pod, 0.3, "timeoutSeconds", (1, 10, 60, 300, 600, 0), (601, -1, "60", 1.5))
        self.maybe(pod, 0.3, "containerConcurrency", (0, 1, 10, 1000), (-1, 1001, "ten"))
        self.maybe(pod, 0.1, "responseStartTimeoutSeconds", (10, 60), ("10",))
        self.maybe(pod, 0.1, "idleTimeoutSeconds", (10, 60), (2**70,))
        self.maybe(pod, 0.1, "serviceAccountName", ("runner", "a.b"), ("Runner", "a_b"))
        self.maybe(
            pod,
            0.1,
            "imagePullSecrets",
            ([{"name": "pull"}], [{"name": "pull"}, {"name": "other"}]),
            ([{"name": "a"}, {"name": "a"}],),
        )
        self.maybe(pod, 0.1, "enableServiceLinks", (True, False), ("no",))
        self.maybe(pod, 0.05, "automountServiceAccountToken", (False,), (True,))
        for name, value in (
            ("nodeSelector", {"disk": "fast"}),
            ("restartPolicy", "Always"),
            ("terminationGracePeriodSeconds", 60),
            ("initContainers", [{"name": "fetch", "image": "fetch:1"}]),
            ("tolerations", [{"operator": "Exists"}]),
            ("priorityClassName", "high"),
            ("dnsPolicy", "Default"),
            ("hostNetwork", True),
            ("hostNetwork", False),
            ("shareProcessNamespace", True),
            ("securityContext", {"runAsUser": 1}),
            ("affinity", {"nodeAffinity": {}}),
            ("replicas", 2),
            ("initContainers", []),
            ("schedulerName", ""),
            ("runtimeClassName", ""),
            ("hostAliases", []),
            ("dnsConfig", {}),
            ("topologySpreadConstraints", []),
            ("volumes", []),
            ("imagePullSecrets", []),
            ("hostIPC", False),
            ("containers", []),
            ("containers", None),
        ):
            if self.chance(self.wrong / 6):
                pod[name] = value
        if pod["containers"]:
            self.volumes(pod)
        template: Obj = {"spec": pod}
        notes = self.notes()
        if notes or self.chance(0.3):
            template["metadata"] = {"annotations": notes}
        if self.chance(0.1):
            template.setdefault("metadata", {})["labels"] = {"app": self.one(("a", "x.y_z"), ("a b", "-", 3))}
        if self.chance(0.1):
            template.setdefault("metadata", {})["name"] = self.one(("shop-one", "shop-00001"), ("other-one", "Shop-1", "shop"))
        if self.chance(self.wrong / 2):
            template.setdefault("metadata", {})[self.draw.choice(("anotations", "replicas"))] = {}
        metadata: Obj = {"name": self.one(("shop",), ("Shop", "9shop", "", "a" * 64, None, "sh.op"))}
        if self.chance(0.05):
            metadata["labels"] = {self.one(("app", "a.b/c"), ("a b", "/x")): "x"}
        if self.chance(0.1):
            key = self.one(("serving.knative.dev/rollout-duration", "serving.knative.dev/rolloutDuration"), (f"{GROUP}/min-scale",))
            metadata["annotations"] = {key: self.one(("120s", "0s", "2m", ""), ("1.5s", "-2s", "two"))}
        spec: Obj = {"template": template}
        if self.chance(0.15):
            spec["traffic"] = self.traffic()
        if self.chance(self.wrong / 2):
            spec[self.draw.choice(("replicas", "templates", "selector"))] = {}
        return {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": metadata, "spec": spec}

    def maybe(self, target: Obj, share: float, key: str, good: tuple[Any, ...], bad: tuple[Any, ...]) -> None:
        if self.chance(share):
            target[key] = self.one(good, bad)

    def container(self, index: int, *, served: bool = True, alone: bool = True) -> Obj:
        made: Obj = {
            "image": self.one(
                ("toggle", "own:1", "example.com/a/b:v1", "host:5000/a@sha256:" + "a" * 64), ("", "A:1", "a", None, "a b")
            )
        }
        if self.chance(0.3):
            made["name"] = self.one((f"part-{index}", "a"), ("queue-proxy", "Part", "a b", "user-container-0", "part-0"))
        if (served and (not alone or self.chance(0.5))) or self.chance(self.wrong):
            port: Obj = {"containerPort": self.one((8080, 80, 3000, 9000, 0, 65535), (8012, 9090, 8022, 70000, -1, "8080", None))}
            self.maybe(port, 0.3, "name", ("http1", "h2c", ""), ("http", "grpc", "metrics"))
            self.maybe(port, 0.2, "protocol", ("TCP",), ("UDP", "HTTP"))
            made["ports"] = [port]
            if self.chance(self.wrong):
                made["ports"].append({"containerPort": 9999})
            if self.chance(self.wrong / 3):
                made["ports"] = port
            if self.chance(self.wrong / 3):
                port["hostPort"] = 80
            if self.chance(0.05):
                port.pop("containerPort")
        probing = 0.6 if served else 0.25
        for kind, share in (("livenessProbe", probing), ("readinessProbe", probing), ("startupProbe", probing / 2 * self.startup)):
            if self.chance(share):
                made[kind] = self.probe(kind, served=served)
        self.environment(made)
        if self.chance(0.2):
            made["resources"] = self.resources()
        self.maybe(made, 0.1, "imagePullPolicy", ("Always", "IfNotPresent", "Never"), ("Sometimes",))
        self.maybe(made, 0.1, "command", (["run"], []), ("run", [1]))
        self.maybe(made, 0.05, "terminationMessagePolicy", ("File", "FallbackToLogsOnError"), ("Loud",))
        self.maybe(made, 0.05, "workingDir", ("/app",), (1,))
        self.maybe(
            made,
            0.1,
            "securityContext",
            ({"runAsUser": 1000}, {"runAsNonRoot": True}, {"capabilities": {"drop": ["ALL"]}}, {"readOnlyRootFilesystem": True}),
            (
                {"capabilities": {"add": ["NET_ADMIN"]}},
                {"capabilities": {"add": []}},
                {"capabilities": {}},
                {"privileged": True},
                {"runAsUser": -1},
                {"runAsUser": "root"},
            ),
        )
        for name, value in (("lifecycle", {}), ("stdin", True), ("tty", True), ("volumeDevices", []), ("restartPolicy", "Always")):
            if self.chance(self.wrong / 5):
                made[name] = value
        return made

    def probe(self, kind: str, *, served: bool) -> Obj:
        made: Obj = {}
        for name in self.handlers(kind):
            made[name] = self.handler(name, served=served)
        startup = kind == "startupProbe"
        for name, good, bad in (
            ("periodSeconds", (1, 2, 5, 10, 0), (-1, "1", 1.5, 2**40)),
            ("failureThreshold", (1, 3, 30), (-1, "3")),
            ("timeoutSeconds", (1, 2, 5), (-2, True)),
            ("initialDelaySeconds", (0, 5, 20), (-5,)),
            ("successThreshold", (1, 2) if kind == "readinessProbe" else (1, 0), (2, 0, -1)),
        ):
            if self.chance(0.5 if startup else 0.4):
                made[name] = self.one(good, bad)
        if kind == "readinessProbe" and not made.get("periodSeconds") and self.chance(0.9 - self.wrong * 4):
            made.pop("failureThreshold", None)
            made.pop("timeoutSeconds", None)
        if made and self.chance(self.wrong):
            word = self.draw.choice(sorted(made))
            made[_typo(self.draw, word)] = made.pop(word)
        if self.chance(self.wrong / 3):
            made["terminationGracePeriodSeconds"] = 5
        if self.chance(self.wrong / 2):
            made[self.draw.choice(sorted(made) or ["httpGet"])] = None
        return made

    def handlers(self, kind: str) -> list[str]:
        good: tuple[list[str], ...] = (["httpGet"], ["httpGet"], ["httpGet"], ["tcpSocket"], ["exec"], self.grpc)
        if kind == "readinessProbe":
            good = (*good, [])
        found: list[str] = self.one(good, ([], ["httpGet", "tcpSocket"], ["exec", "grpc"], ["grpc", "httpGet"]))
        return found

    def handler(self, name: str, *, served: bool) -> Any:
        if name == "exec":
            return self.one(
                ({"command": ["test", "-e", "/run/x"]}, {"command": ["x"]}), ({}, {"command": []}, {"command": "x"}, None)
            )
        made: Obj = {}
        share = 0.5 if served else 0.9
        if name == "grpc":
            self.maybe(made, 0.8, "port", (8080, 9000, 50051), (0, 70000, "8080", -1))
            self.maybe(made, 0.3, "service", ("greeter", ""), (1,))
            return made
        good: tuple[Any, ...] = (8080, 8081, 3000, 0) if served else (8081, 9000, "8081x")
        self.maybe(made, share, "port", good, ("http", "http1", "h2c", "8080", 70000, -1, "", "user-port", 8080.0, True))
        if name == "httpGet":
            self.maybe(made, 0.8, "path", ("/healthz", "/", "", "healthz"), (1,))
            self.maybe(made, 0.1, "scheme", ("HTTP", "HTTPS"), ("http", "FTP"))
            self.maybe(made, 0.1, "host", ("localhost", ""), (1,))
            self.maybe(
                made,
                0.1,
                "httpHeaders",
                ([{"name": "X-A", "value": "b"}], []),
                ([{"name": "a b", "value": "c"}], [{"name": "X"}], [{"value": "y"}], {"X": "y"}),
            )
        return made

    def environment(self, made: Obj) -> None:
        if self.chance(0.2):
            good: tuple[Obj, ...] = (
                {"name": "A", "value": "1"},
                {"name": "B"},
                {"name": "C.d-e", "value": ""},
                {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                {"name": "M", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k.x", "optional": True}}},
            )
            bad: tuple[Obj, ...] = (
                {"name": "A", "value": 1},
                {"name": "PORT", "value": "1"},
                {"name": "K_SERVICE", "value": "x"},
                {"name": "", "value": "x"},
                {"value": "x"},
                {"name": "A=B", "value": "x"},
                {"name": "D", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "E", "valueFrom": {}},
                {"name": "F", "value": "x", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                {"name": "G", "valueFrom": {"secretKeyRef": {"name": "S_", "key": "k"}}},
                {"name": "H", "valueFrom": {"secretKeyRef": {"name": "s"}}},
                {"name": "I", "valueFrom": {"secretKeyRef": {"key": "k"}}},
            )
            made["env"] = [self.one(good, bad) for _ in range(self.draw.choice((1, 1, 2)))]
            if len({entry.get("name") for entry in made["env"]}) < len(made["env"]) and not self.wrong:
                made["env"].pop()
        if self.chance(0.1):
            made["envFrom"] = [
                self.one(
                    ({"configMapRef": {"name": "m"}}, {"secretRef": {"name": "s"}, "prefix": "X_"}),
                    (
                        {},
                        {"configMapRef": {"name": "m"}, "secretRef": {"name": "s"}},
                        {"configMapRef": {"name": "M"}},
                        {"prefix": "A"},
                    ),
                )
            ]

    def resources(self) -> Obj:
        made: Obj = {}
        good, bad = ("100m", "1", 1, 0.5, "64Mi", "2e3", "0"), ("lots", "1 Gi", "-1", "", True, "5Q")
        for bound, more in (("requests", 1), ("limits", 2)):
            if self.chance(0.6):
                made[bound] = {"memory": self.one((f"{64 * more}Mi", f"{more}Gi", 10**9 * more), bad)}
                if bound == "limits" and self.chance(self.wrong):
                    made[bound]["memory"] = "1Mi"
        if self.chance(0.5):
            made.setdefault("requests", {})["cpu"] = self.one(good, bad)
        if self.chance(self.wrong):
            made.setdefault("limits", {})["gold"] = "1"
        return made

    def volumes(self, pod: Obj) -> None:
        if not self.chance(0.12):
            return
        kind: Obj = self.one(
            ({"configMap": {"name": "m"}}, {"secret": {"secretName": "s"}}, {"emptyDir": {}}),
            (
                {"persistentVolumeClaim": {"claimName": "c"}},
                {"hostPath": {"path": "/x"}},
                {},
                {"configMap": {"name": "m"}, "secret": {"secretName": "s"}},
            ),
        )
        name = self.one(("data", "a"), ("Data", "a.b", ""))
        pod["volumes"] = [{"name": name, **kind}]
        if self.chance(self.wrong):
            pod["volumes"][0].pop("name")
        if self.chance(0.2) and kind.get("configMap"):
            kind["configMap"]["items"] = [
                self.one(({"key": "k", "path": "p"},), ({"key": "k"}, {"path": "p"}, {"key": "", "path": "p"}))
            ]
        mount = {"name": name, "mountPath": self.one(("/data", "/x/y"), ("data", "/", "/dev", "/var/log", "/dev/", ""))}
        if self.chance(0.3):
            mount["readOnly"] = True
        if not self.chance(self.wrong):
            pod["containers"][0]["volumeMounts"] = [mount]
        if self.chance(self.wrong):
            pod["volumes"].append(dict(pod["volumes"][0]))

    def notes(self) -> Obj:
        made: Obj = {}
        pools: tuple[tuple[str, float, tuple[Any, ...], tuple[Any, ...]], ...] = (
            ("min-scale", 0.4, ("0", "1", "3"), ("-1", "one", "1.0", 1, "", "99999999999")),
            ("minScale", 0.15, ("1", "2"), ("x",)),
            ("max-scale", 0.4, ("0", "3", "5", "10"), ("1", "-1", "max")),
            ("maxScale", 0.15, ("3", "5"), ("-2",)),
            ("initial-scale", 0.15, ("1", "3"), ("0", "-1", "two", "")),
            ("initialScale", 0.1, ("2",), ("0",)),
            ("activation-scale", 0.05, ("3",), ("1", "x", "100")),
            ("target", 0.15, ("10", "0.5", "1e2"), ("0", "ten", "-1")),
            ("metric", 0.15, ("concurrency", "rps"), ("cpu", "memory", "RPS", "")),
            ("class", 0.05, ("kpa.autoscaling.knative.dev", "own.example.com"), ("x.autoscaling.knative.dev",)),
            ("class", 0.03, ("hpa.autoscaling.knative.dev",), ("",)),
            ("window", 0.15, ("6s", "60s", "1m30s", "1h"), ("5s", "2h", "6.5s", "60", "soon", "")),
            ("target-burst-capacity", 0.15, ("-1", "0", "200", "70.5"), ("-2", "x")),
            ("targetBurstCapacity", 0.1, ("-1", "100"), ("-0.5",)),
            ("target-utilization-percentage", 0.1, ("70", "1", "100"), ("0", "101", "x")),
            ("scale-down-delay", 0.1, ("0s", "15m", "1h"), ("2h", "1.5s", "-1s", "x")),
            ("scale-to-zero-pod-retention-period", 0.1, ("0s", "1.5s", "42s"), ("-1s", "2h", "x")),
            ("panic-window-percentage", 0.05, ("10", "1"), ("0.5", "101", "x")),
            ("panic-threshold-percentage", 0.05, ("200", "110.5"), ("100", "1001", "x")),
            ("metric-aggregation-algorithm", 0.05, ("linear", "weighted-exponential"), ("cubic",)),
        )
        for key, share, good, bad in pools:
            if self.chance(share / 2):
                made[f"{GROUP}/{key}"] = self.one(good, bad)
        if self.chance(0.08):
            made["serving.knative.dev/progress-deadline"] = self.one(("60s", "10m", ""), ("0.5s", "-1s", "x"))
        if self.chance(0.05):
            made["queue.sidecar.serving.knative.dev/cpu-resource-request"] = self.one(("100m", "1"), ("x", ""))
        if self.chance(0.05):
            made["queue.sidecar.serving.knative.dev/resource-percentage"] = self.one(("10", "0.1"), ("0", "101", "x"))
        if self.chance(self.wrong):
            made[self.draw.choice(("networking.knative.dev/unknown", "a b", "networking.knative.dev/ingress-class"))] = "x"
        return made

    def traffic(self) -> list[Obj]:
        good: tuple[list[Obj], ...] = (
            [{"latestRevision": True, "percent": 100}],
            [{"percent": 90}, {"revisionName": "shop-00001", "percent": 10}],
            [{"percent": 100}, {"revisionName": "shop-00001", "tag": "old"}],
            [{"latestRevision": False, "revisionName": "shop-00002", "percent": 100}],
        )
        bad: tuple[list[Obj], ...] = (
            [{"percent": 50}],
            [{"latestRevision": True, "revisionName": "shop-1", "percent": 100}],
            [{"latestRevision": False, "percent": 100}],
            [{"percent": 110}, {"percent": -10}],
            [{"percent": 100, "tag": "Old"}],
            [{"percent": 50, "tag": "a"}, {"percent": 50, "tag": "a"}],
            [{"configurationName": "shop", "percent": 100}],
            [{"percent": 100, "url": "x"}],
            [{"percent": 100, "weight": 1}],
        )
        found: list[Obj] = self.one(good, bad)
        return found
