"""Objects into the API server: the order, what is tried again, what is final."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.adapters.documents import Obj
from harness.adapters.objects import ApiRefused, NoSuchKind, Ref
from harness.adapters.progress import QUIET
from harness.errors import InstallError, WaitTimeout
from harness.install.apply import apply_all, established, not_yet, parsed, rolled_out
from tests.unit.install.fake import FakeObjects
from tests.unit.install.manifests import deployment, provision

pytestmark = pytest.mark.usefixtures("quick_looks")

HOOK = 'Internal error occurred: failed calling webhook "w": failed to call webhook: Post "https://w": '


def test_configuration_comes_before_what_reads_it_and_webhooks_last() -> None:
    """Whatever order the manifests have."""
    crds, rest = parsed(provision())
    kinds = [obj["kind"] for obj in rest]
    assert [obj["kind"] for obj in crds] == ["CustomResourceDefinition"]
    assert kinds[:2] == ["Namespace", "Namespace"]
    assert kinds[-1] == "MutatingWebhookConfiguration"
    assert max(i for i, kind in enumerate(kinds) if kind == "ConfigMap") < kinds.index("Deployment")


def test_an_object_given_twice_counts_once() -> None:
    """The core manifest of a release repeats the CRDs; the later one counts."""
    given = provision()
    twice = replace(given, manifests=(*given.manifests, ("again", deployment("controller", "300m"))))
    _, rest = parsed(twice)
    found = [obj for obj in rest if obj["metadata"]["name"] == "controller"]
    assert len(found) == 1
    assert found[0]["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "300m"


@pytest.mark.parametrize("text", ["a: [", "kind: X\n", "- 1\n"])
def test_what_is_no_manifest_is_named(text: str) -> None:
    """By the file it came in."""
    given = provision()
    with pytest.raises(InstallError, match="The manifest broken"):
        parsed(replace(given, manifests=(*given.manifests, ("broken", text))))


def test_references_left_over_are_refused() -> None:
    """Before anything is applied: no image of that name can be pulled."""
    with pytest.raises(InstallError, match=r"not made: ko://knative\.dev/serving/cmd/controller"):
        parsed(provision(image="ko://knative.dev/serving/cmd/controller"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ApiRefused("x", status=500, said=HOOK + "dial tcp 10.96.1.1:443: connect: connection refused"), "does not listen"),
        (ApiRefused("x", status=500, said=HOOK + 'no endpoints available for service "webhook"'), "no endpoints"),
        (ApiRefused("x", status=500, said=HOOK + "x509: certificate signed by unknown authority"), "certificate"),
        (ApiRefused("x", status=500, said=HOOK + "context deadline exceeded"), "does not answer"),
        (ApiRefused("x", status=503, said="try later"), "busy"),
        (ApiRefused("x", status=0, said="ConnectionRefusedError"), "busy"),
        (NoSuchKind("a/v1", "B"), "not served yet"),
    ],
)
def test_what_passes_by_itself_is_tried_again(error: ApiRefused | NoSuchKind, reason: str) -> None:
    """Each by its name, shown while waiting."""
    said = not_yet(error)
    assert said is not None
    assert reason in said


@pytest.mark.parametrize(
    "error",
    [
        ApiRefused("x", status=400, said='admission webhook "validation.w" denied the request: missing field(s)'),
        ApiRefused("x", status=403, said="forbidden"),
        ApiRefused("x", status=422, said="invalid"),
        ApiRefused("x", status=500, said="something else: connection refused"),
    ],
)
def test_what_does_not_pass_is_final(error: ApiRefused) -> None:
    """A refusal with a reason is not waited for."""
    assert not_yet(error) is None


def test_only_what_was_not_taken_is_sent_again() -> None:
    """The webhook is away twice; nothing is applied more than once."""
    away = [2]

    def refuse(ref: Ref) -> None:
        if ref.kind == "ConfigMap" and away[0]:
            away[0] -= 1
            raise ApiRefused("PATCH", status=500, said=HOOK + "connection refused")

    objects = FakeObjects(refuse)
    _, rest = parsed(provision())
    apply_all(objects, rest, what="manifests", within_s=20)
    assert sorted(map(str, objects.applied)) == sorted(str(Ref.of(obj)) for obj in rest)


def test_a_refusal_ends_it_and_names_the_object() -> None:
    """At once, without waiting for the deadline."""

    def refuse(ref: Ref) -> None:
        if ref.name == "kourier":
            raise ApiRefused("PATCH", status=422, said="port is taken")

    _, rest = parsed(provision())
    with pytest.raises(InstallError, match=r"Service kourier-system/kourier was refused: .*port is taken"):
        apply_all(FakeObjects(refuse), rest, what="manifests", within_s=1000)


def test_a_webhook_that_never_comes_is_said_with_the_reason() -> None:
    """How many are left, and why."""

    def refuse(_ref: Ref) -> None:
        raise ApiRefused("PATCH", status=500, said=HOOK + "connection refused")

    with pytest.raises(WaitTimeout, match=r"1 of 1 objects to go; ConfigMap n/x: the webhook's pod does not listen yet"):
        apply_all(FakeObjects(refuse), [_config()], what="manifests", within_s=0.1)


def test_established_waits_for_each_kind() -> None:
    """One that is not yet is named with its conditions."""
    crds, _ = parsed(provision())
    objects = FakeObjects()
    for crd in crds:
        objects.apply(crd)
    established(objects, crds, within_s=1)
    objects.stored[Ref.of(crds[0])]["status"]["conditions"][0]["status"] = "False"
    with pytest.raises(WaitTimeout, match=r"services\.serving\.knative\.dev: Established=False"):
        established(objects, crds, within_s=0.1)


@pytest.mark.parametrize("broken", [{"replicas": 2}, {"availableReplicas": 0}, {"updatedReplicas": 0}, {"observedGeneration": 0}])
def test_rolled_out_means_the_new_ones_and_no_old_ones(broken: dict[str, int]) -> None:
    """Otherwise it says which pods keep it."""
    _, rest = parsed(provision())
    objects = FakeObjects()
    for obj in rest:
        objects.apply(obj)
    refs = [Ref.of(obj) for obj in rest if obj["kind"] == "Deployment"]
    rolled_out(objects, refs, within_s=1, progress=QUIET)
    objects.stored[refs[0]]["status"].update(broken)
    waiting = {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    objects.stored[Ref("v1", "Pod", f"{refs[0].name}-1", refs[0].namespace)] = {
        "metadata": {"name": f"{refs[0].name}-1"},
        "status": {"phase": "Pending", "containerStatuses": [waiting]},
    }
    with pytest.raises(WaitTimeout, match=f"pod {refs[0].name}-1 Pending c ImagePullBackOff"):
        rolled_out(objects, refs, within_s=0.1, progress=QUIET)


def _config() -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "n"}}
