"""Manifests from the field: each is read as Knative would read it, or refused with its line and what to write instead."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.catalogue import SCENARIOS
from harness.deploy import knative_service, plain_deployment, require_room, spec_of, workload_of
from harness.deploy.own import own_service
from harness.deploy.reading import missing, planned, problems, read, read_all
from harness.deploy.workload import applied, objects_of
from harness.errors import BadInput
from harness.knative.manifest.settings import NEWEST, Settings
from harness.model import ServiceSpec, WorkloadKind

HEAD = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: shop}
spec:
  template:
"""
POD = f"""\
{HEAD}    spec:
      containers:
        - image: toggle
"""
SCALE = "    metadata:\n      annotations:\n"
SETTINGS = Settings(NEWEST)
LIVENESS = "          livenessProbe: {httpGet: {path: /healthz}, periodSeconds: 1}\n"


def said(text: str) -> BadInput:
    """The refusal of a Service that was to be measured."""
    with pytest.raises(BadInput) as caught:
        own_service(text, where="mine.yaml")
    assert caught.value.fix
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "what", "fix"),
    [
        pytest.param(
            f"{POD}          ports: [{{containerPort: 8012}}]\n",
            9,
            "8012 is a port of queue-proxy",
            "Choose another port than 8008",
            id="K6",
        ),
        pytest.param(
            f"{POD}          readinessProbe:\n            httpGet: {{path: /x}}\n            failureThreshold: 1\n",
            11,
            "failureThreshold: it is refused while periodSeconds is 0",
            "Write periodSeconds",
            id="K7 threshold",
        ),
        pytest.param(
            f"{POD}          readinessProbe: {{httpGet: {{path: /x}}, timeoutSeconds: 1}}\n",
            9,
            "timeoutSeconds: it is refused while",
            "Write periodSeconds",
            id="K7 timeout",
        ),
        pytest.param(
            HEAD.replace("shop", "{ .Values.name }}").replace("{name: {", "{name: {{"), 3, "template: line 3", "Render it", id="K10"
        ),
        pytest.param(POD.replace("toggle", "own:${TAG}"), 8, "is not a valid image name", "Render it first", id="K10 image"),
        pytest.param(
            f"{POD}          ports: [{{containerPort: ${{PORT}}}}]\n".replace("${PORT}", "'${PORT}'"),
            9,
            "not a whole number",
            "Render it first",
            id="K10 port",
        ),
        pytest.param(
            f"{POD}  traffic:\n    - {{percent: 10}}\n    - {{revisionName: shop-00007, percent: 90}}\n",
            11,
            "spec.traffic[1].revisionName is shop-00007",
            "Leave out spec.traffic",
            id="K12",
        ),
        pytest.param(
            f"{POD}          env: [{{name: A, valueFrom: {{secretKeyRef: {{name: db, key: k}}}}}}]\n",
            9,
            "needs Secret db (line 9)",
            "Add it to the file",
            id="K13",
        ),
        pytest.param(
            f"{HEAD}    spec:\n      containers:\n        image: toggle\n",
            7,
            "which is not a list",
            "begin it with `- image:`",
            id="K15",
        ),
        pytest.param(
            f"{HEAD}    spec:\n      restartPolicy: Always\n      containers: [{{image: toggle}}]\n",
            7,
            "restartPolicy: there is no such field",
            "Leave it out",
            id="K16 pod",
        ),
        pytest.param(
            f"{POD}          lifecycle: {{preStop: {{exec: {{command: [sleep]}}}}}}\n",
            9,
            "lifecycle",
            "its own preStop",
            id="K16 container",
        ),
        pytest.param(
            f"{HEAD}    spec:\n      terminationGracePeriodSeconds: 60\n      containers: [{{image: toggle}}]\n",
            7,
            "no such field",
            "timeoutSeconds",
            id="K16 grace",
        ),
        pytest.param(
            f"{POD}          livenessProbe: {{httpGet: {{path: /x}}, terminationGracePeriodSeconds: 5}}\n",
            9,
            "terminationGracePeriodSeconds: there is no such field",
            "timeoutSeconds",
            id="K16 probe",
        ),
        pytest.param(
            f"{POD}          ports: [{{name: http, containerPort: 80}}]\n", 9, "may not be named 'http'", "http1", id="K17 port"
        ),
        pytest.param(
            f"{POD}          ports: [{{name: http, containerPort: 80}}]\n          livenessProbe: {{httpGet: {{port: http}}}}\n",
            9,
            "may not be named 'http'",
            "Leave the name out of the probes too",
            id="K17 both",
        ),
        pytest.param(
            f"{POD}          livenessProbe: {{tcpSocket: {{port: metrics}}}}\n",
            9,
            "not the name of the served port",
            "Leave port out",
            id="K17",
        ),
        pytest.param(
            f"{POD}          ports: [{{name: http1, containerPort: 80}}]\n          startupProbe: {{tcpSocket: {{port: http1}}}}\n",
            10,
            "names the port user-port",
            "the port's number",
            id="K17 startup",
        ),
        pytest.param(
            f"{POD}          livenessProbe: {{grpc: {{}}}}\n", 9, "livenessProbe.grpc.port is missing", "grpc.health.v1", id="K19"
        ),
        pytest.param(
            f"{POD}          livenessProbe: {{grpc: {{port: 8080}}}}\n",
            9,
            "asks by gRPC, which the toggle app",
            "httpGet",
            id="K19 toggle",
        ),
        pytest.param(
            f"{POD}          startupProbe: {{httpGet: {{path: /x}}}}\n", 9, "startupProbe.httpGet.port", "port's number", id="B16"
        ),
        pytest.param(f"{POD}          livenessProbe: {{periodSeconds: 1}}\n", 9, "expected exactly one", "httpGet", id="K20 none"),
        pytest.param(
            f"{POD}          startupProbe: {{periodSeconds: 1}}\n", 9, "expected exactly one", "httpGet", id="K20 startup"
        ),
        pytest.param(
            f"{POD}          livenessProbe: {{httpGet: {{}}, exec: {{command: [a]}}}}\n",
            9,
            "has httpGet and exec",
            "Keep",
            id="K20 two",
        ),
        pytest.param(
            f"{POD}          livenessProbe: {{tcpSocket: {{}}, failureTreshold: 1}}\n",
            9,
            "no such field",
            "`failureThreshold`",
            id="K21",
        ),
        pytest.param(POD.replace("image:", "imgae:"), 8, "no such field", "`image`", id="K21 image"),
        pytest.param(
            POD.replace("    spec:\n", "    metadata: {anotations: {a: b}}\n    spec:\n"),
            6,
            "Knative drops it",
            "`annotations`",
            id="K21 metadata",
        ),
        pytest.param(
            POD.replace("    spec:\n", "    metadata: {annotations: {autoscaling.knative.dev/minscale: '1'}}\n    spec:\n"),
            6,
            "read by no autoscaler",
            "/min-scale",
            id="K21 annotation",
        ),
        pytest.param(
            f"{POD}          ports: [{{containerPort: ${{PORT}}}}]\n", 9, "template: line 9 holds", "envsubst", id="K10 flow"
        ),
        pytest.param(
            f"{POD}          livenessProbe: {{tcpSocket: {{port: '8080'}}}}\n",
            9,
            "not the name of the served port",
            "out of its quotes",
            id="K17 quotes",
        ),
        pytest.param(
            f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata: {{a: b}}\n---\n{POD}"
            "          env: [{name: A, valueFrom: {configMapKeyRef: {name: m, key: k}}}]\n",
            14,
            "the key 'k' of ConfigMap m, which has a",
            "Write the key",
            id="K13 key",
        ),
        pytest.param(
            f"{POD}          env: []\n          args: []\n          env: []\n", 11, "in lines 9 and 11", "Keep one", id="K22"
        ),
        pytest.param(f"{POD}{LIVENESS}metadata: {{name: other}}\n", 10, "metadata in lines 3 and 10", "Keep one", id="K22 top"),
        pytest.param(
            f"{POD}          env: [{{name: TOGGLE_STARTUP_DELAY, value: '180'}}]\n", 9, "not ready before 180 s", "Lower", id="K24"
        ),
        pytest.param(
            f"{HEAD}    spec:\n      initContainers: [{{name: a, image: b}}]\n      containers: [{{image: toggle}}]\n",
            7,
            "podspec-init-containers",
            "Leave it out",
            id="K43 init",
        ),
        pytest.param(
            f"{HEAD}    spec:\n      nodeSelector: {{disk: fast}}\n      containers: [{{image: toggle}}]\n",
            7,
            "podspec-nodeselector",
            "Leave it out",
            id="K43 selector",
        ),
        pytest.param(f"{POD}          ports: [{{name: h2c, containerPort: 80}}]\n", 9, "speaks HTTP/1.1", "http1", id="K3"),
        pytest.param(
            f"{POD}          env: [{{name: TOGGLE_SIGTERM, value: stop}}]\n",
            9,
            "TOGGLE_SIGTERM is 'stop'",
            "ignore",
            id="K44 wrong",
        ),
    ],
)
def test_it_is_refused_before_anything_is_built(text: str, line: int, what: str, fix: str) -> None:
    """With file and line, and what to write."""
    error = said(text)
    assert what in error.what
    assert fix in error.fix
    assert error.where == f"mine.yaml:{line}"


def test_each_problem_is_told_with_its_line() -> None:
    """`probes` shows all of them; K16 has three."""
    leftovers = "        - image: toggle\n          lifecycle: {}\n          stdin: true\n"
    text = f"{HEAD}    spec:\n      restartPolicy: Always\n      containers:\n{leftovers}"
    found = problems(read(text), SETTINGS)
    assert [(one.number, one.problem.at[-1]) for one in found] == [(7, "restartPolicy"), (10, "lifecycle"), (11, "stdin")]


def test_a_key_that_is_there_twice_hides_no_other_problem() -> None:
    """K22: its own values are in doubt; what stands elsewhere is not."""
    ports = "          ports: [{containerPort: 8012}]\n"
    found = problems(read(f"{POD}{ports}          stdin: true\n{ports}"), SETTINGS)
    assert [(one.number, one.problem.at[-1]) for one in found] == [(10, "stdin"), (11, "ports")]


def test_a_key_twice_in_another_object_of_the_file() -> None:
    """It is found in the file of the Service, with its line."""
    found = problems(read(f"{POD}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata: {{}}\ndata: {{}}\n"), SETTINGS)
    assert [(one.number, one.problem.fix) for one in found] == [(14, "Keep one of them.")]


@pytest.mark.parametrize(
    ("minimum", "maximum"),
    [("min-scale", "max-scale"), ("minScale", "maxScale"), ("min-scale", "maxScale")],
)
def test_scale_is_read_in_every_spelling(minimum: str, maximum: str) -> None:
    """K8: most public manifests write the older one; and containerConcurrency is not lost."""
    notes = f"        autoscaling.knative.dev/{minimum}: '1'\n        autoscaling.knative.dev/{maximum}: '2'\n"
    text = POD.replace("    spec:\n      containers", f"{SCALE}{notes}    spec:\n      containerConcurrency: 80\n      containers")
    seen = spec_of(workload_of(text), base=ServiceSpec(min_scale=9, max_scale=9))
    assert (seen.min_scale, seen.max_scale, seen.container_concurrency) == (1, 2, 80)


def test_of_two_spellings_the_hyphenated_one_wins() -> None:
    """As KeyPriority has it; also for burst capacity and the initial scale."""
    group = "        autoscaling.knative.dev/"
    notes = f"{group}min-scale: '3'\n{group}minScale: '1'\n{group}targetBurstCapacity: '-1'\n{group}initialScale: '4'\n"
    seen = spec_of(workload_of(POD.replace("    spec:\n      cont", f"{SCALE}{notes}    spec:\n      cont")), base=ServiceSpec())
    assert (seen.min_scale, seen.target_burst_capacity, seen.initial_scale) == (3, -1, 4)


def test_what_the_app_does_on_sigterm_is_read() -> None:
    """K44: the grace of a restart is then timeoutSeconds."""
    text = (
        POD.replace("    spec:\n", "    spec:\n      timeoutSeconds: 60\n")
        + "          env: [{name: TOGGLE_SIGTERM, value: ignore}]\n"
    )
    seen = spec_of(workload_of(text), base=ServiceSpec())
    assert (seen.app.sigterm, seen.timeout_s) == ("ignore", 60)


ANCHORED = f"""\
{POD}          livenessProbe: &check
            httpGet: {{path: /healthz}}
            periodSeconds: 1
            failureThreshold: 3
          readinessProbe:
            <<: *check
            failureThreshold: 1
"""


@pytest.mark.parametrize(
    "text",
    [
        ANCHORED,
        f"\ufeff{POD}",
        POD.replace("\n", "\r\n"),
        f"---\n{POD}",
        f"{POD}---\n",
        f"# first\n---\n{POD}...\n",
        f"---\n# nothing\n---\n{POD}",
        json.dumps(read(POD).obj),
        json.dumps(read(POD).obj, indent=2),
        json.dumps({"apiVersion": "v1", "kind": "List", "items": [read(POD).obj]}),
    ],
    ids=["anchors", "BOM", "CRLF", "leading", "trailing", "ended", "empty", "JSON", "JSON lines", "List"],
)
def test_what_must_stay_accepted(text: str) -> None:
    """Whatever YAML and kubectl accept."""
    (obj,) = objects_of(workload_of(text))
    assert obj["metadata"]["name"] == "shop"


def test_a_merged_value_stands_where_it_was_written() -> None:
    """The anchor's line for what it brings, its own for what is overridden."""
    manifest = read(ANCHORED)
    place = ("spec", "template", "spec", "containers", 0, "readinessProbe")
    assert manifest.obj["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["periodSeconds"] == 1
    assert (manifest.line((*place, "periodSeconds")), manifest.line((*place, "failureThreshold"))) == (11, 15)
    assert manifest.line((*place, "nowhere")) == 13


SITE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: site}\ndata: {region: north}\n"
WITH_SITE = f"{POD}          envFrom: [{{configMapRef: {{name: site}}}}]\n"


@pytest.mark.parametrize("form", ["documents", "list"])
def test_objects_beside_the_service_are_deployed_if_they_are_needed(form: str) -> None:
    """K13: the Service first, then its ConfigMap; an object that nobody needs stays away."""
    other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n"
    text = f"{SITE}---\n{other}---\n{WITH_SITE}"
    if form == "list":
        items = [read(WITH_SITE).obj, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "site"}}]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    workload = workload_of(text)
    assert [(one["kind"], one["metadata"]["name"]) for one in objects_of(workload)] == [("Service", "shop"), ("ConfigMap", "site")]
    made = applied(workload, namespace="ns", images={"toggle": "i"}, token="t", run_id="r")
    assert [one["metadata"]["namespace"] for one in made] == ["ns", "ns"]


def test_all_that_is_missing_is_listed() -> None:
    """K13: kinds and lines; what is optional is not needed."""
    pod = "      serviceAccountName: runner\n      imagePullSecrets: [{name: pull}]\n"
    pod += "      volumes: [{name: v, secret: {secretName: tls}}]\n"
    text = POD.replace("    spec:\n", f"    spec:\n{pod}")
    text += "          volumeMounts: [{name: v, mountPath: /v}]\n"
    text += "          env: [{name: A, valueFrom: {configMapKeyRef: {name: maybe, key: k, optional: true}}}]\n"
    assert "ServiceAccount runner (line 7), Secret pull (line 8), Secret tls (line 9)" in said(text).what
    manifest = read(text)
    assert [str(one) for one in missing(manifest, planned(manifest, SETTINGS).needs)] == [
        "ServiceAccount runner",
        "Secret pull",
        "Secret tls",
    ]


def test_of_several_services_one_is_named() -> None:
    """Without a name all are read, and one alone is refused with the names and lines of all."""
    text = f"{POD}---\n{POD.replace('name: shop', 'name: cart')}"
    assert "2 Knative Services: shop (line 1), cart (line 10)" in said(text).what
    assert [one.name for one in read_all(text)] == ["shop", "cart"]
    assert read(text, name="cart").line(("metadata", "name")) == 12
    assert own_service(text, name="shop").name == "shop"
    with pytest.raises(BadInput, match=r"no 'card' but 2 Knative Services: shop \(line 1\), cart \(line 10\)"):
        read(text, name="card")


def test_more_than_the_machine_has_is_said_before_the_build() -> None:
    """K43: requests count, or the limits that stand for them."""
    workload = workload_of(f"{POD}          resources: {{limits: {{cpu: '4'}}}}\n")
    require_room(workload, cores=4, memory=0)
    with pytest.raises(BadInput, match="asks for 4 CPUs, and this machine has 2"):
        require_room(workload, cores=2, memory=0)
    workload = workload_of(f"{POD}          resources: {{requests: {{memory: 8Gi}}, limits: {{memory: 9Gi}}}}\n")
    with pytest.raises(BadInput, match="asks for 8 GiB of memory, and this machine has 4"):
        require_room(workload, cores=1, memory=4 << 30)


def test_a_deployment_is_planned_and_not_measured_as_ones_own() -> None:
    """`probes` takes it; `run` wants a Service."""
    deployment: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "a", "image": "own:1"}]}}},
    }
    manifest = read(json.dumps(deployment))
    assert manifest.kind is WorkloadKind.DEPLOYMENT
    assert planned(manifest, SETTINGS).probes == ()
    assert "Deployment" in said(json.dumps(deployment)).what


def test_a_version_that_is_not_known_is_refused_by_probes_alone() -> None:
    """Its rules are not here; a run takes the nearest ones."""
    old = Settings(type(NEWEST).parse("0.26"))
    with pytest.raises(BadInput, match="is not known here"):
        planned(read(POD), old)
    assert own_service(POD, version=old.version).obj


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_of_the_catalogue_is_accepted(name: str) -> None:
    """What the harness itself deploys is what the tables call right; as a plain Deployment, too."""
    service = knative_service(SCENARIOS[name].service)
    assert problems(read(service.documents), Settings(NEWEST, probing=True, from_zero=True)) == ()
    if SCENARIOS[name].service.initial_scale != 0:
        deployment, _node_port = plain_deployment(service).documents.split("---\n")
        assert problems(read(deployment), SETTINGS) == ()
