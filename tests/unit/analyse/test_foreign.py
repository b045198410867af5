"""A program that says nothing of itself: the cluster, its users and its listening sockets decide."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.judge import judge
from harness.model import AppSpec, Expectation, Fact, Gap, Hop, LoadPlan, Observed, Outcome, Route, Ruling, Stream
from tests.unit.analyse.sampled import sampled
from tests.unit.analyse.story import BAD, CLOSED_S, LISTENING_S, Story, at, claim, open_questions, restarts, stamp

CLAIMS = (claim("requests-do-not-fail", Expectation.BROKEN), claim("container-restarts-once", Expectation.HOLDS))
THROUGH = Route("users", "127.0.0.1", 1, "h", (Hop.INGRESS, Hop.QUEUE_PROXY, Hop.USER_CONTAINER))


def foreign(cycles: int = 2) -> Story:
    """The restarts of the toggle app as a program of somebody else's would show them: no boots, nothing in its log.

    Its fault is one that needs nothing of it.
    """
    story = restarts(cycles, claims=CLAIMS)
    service = replace(story.meta.spec.service, app=AppSpec(0.0, image="shop:1"))
    story.spec(service=service, fault=replace(story.meta.spec.fault, kind="liveness-blocked"))
    story.meta = replace(story.meta, routes=(THROUGH,))
    story.faults = [
        replace(one, kind="liveness-blocked", boot="", params={"verdict": "refuse", "persistent": False}, answer="{}")
        for one in story.faults
    ]
    story.cycles = [replace(one, boot="") for one in story.cycles]
    story.observations = [one for one in story.observations if one.stream is not Stream.APP]
    for one in story.faults:
        story.see(Stream.NODE, one.pod, one.sent_ns + 2_000_000_000, {"rule": True, "packets": 3})
    for row in story.answers:
        row["headers"] = json.dumps({name: text for name, text in json.loads(row["headers"]).items() if "toggle" not in name})
    return story


def test_what_the_cluster_and_the_users_tell_is_decided() -> None:
    """Landing, ledger, restarts: each of them without a word of the program."""
    history = foreign().history()
    findings = analyse(history)
    assert findings.doubts == ()
    assert (findings.ledger.unattributed, findings.ledger.unmatched) == (0, 0)
    assert judge(history.meta.spec, findings).ruling is Ruling.PASS


LISTENING = claim("failures-only-while-not-listening", Expectation.HOLDS)


def test_its_sockets_show_when_it_listens() -> None:
    """In place of the log that it does not write, whatever it prints: the claim holds, and one failure outside breaks it."""
    story = sampled(foreign())
    story.spec(claims=(*CLAIMS, LISTENING))
    story.see(Stream.APP, "pod-0", at(0, 1), {"event": "listening", "t_ns": at(0, 1), "boot": "x"})
    history = story.history()
    findings = analyse(history)
    assert [cycle.unknown for cycle in findings.cycles] == [{}, {}]
    assert judge(history.meta.spec, findings).ruling is Ruling.PASS
    story.request(0, at(0, 12.0105), Outcome.HTTP_ERROR, status=502, answer=BAD)
    story.refused_line("pod-0", at(0, 12.0115))
    verdict = judge(history.meta.spec, analyse(story.history()))
    assert [one.observed for one in verdict.claims if one.claim is LISTENING] == [Observed.BROKEN]


def test_without_its_sockets_nothing_shows_when_it_listens() -> None:
    """On a cluster whose node is not ours, and in a recording of an earlier release; and in a cycle with a gap in the samples."""
    unsampled, holed = foreign(), sampled(foreign())
    holed.gaps.append(Gap(Stream.LISTENERS, "pod-0", at(0, 8), at(0, 9.5), "planted"))
    sampling = "the listening sockets were not sampled"
    for story, cycles, said in ((unsampled, [0, 1], sampling), (holed, [0], "listeners has a gap of 1.5 s: planted")):
        story.spec(claims=(*CLAIMS, LISTENING))
        history = story.history()
        findings = analyse(history)
        assert [cycle.index for cycle in findings.cycles if cycle.unknown] == cycles
        assert said in findings.cycles[0].unknown[Fact.LISTENER.value]
        verdict = judge(history.meta.spec, findings)
        assert verdict.ruling is Ruling.INCONCLUSIVE
        assert [one.observed for one in verdict.claims].count(Observed.UNDECIDED) == 1


def test_the_edges_of_its_listener_are_those_that_its_users_saw() -> None:
    """Between the last good and the first refused request, and between the last refused and the first good one."""
    for index, cycle in enumerate(analyse(foreign().history()).cycles):
        closed, listening = cycle.anatomy["listener-closed"], cycle.anatomy["listening"]
        assert closed.lo_ns <= at(index, CLOSED_S) <= closed.hi_ns
        assert listening.lo_ns <= at(index, LISTENING_S) <= listening.hi_ns + 3_000_000
        assert (cycle.missing, cycle.disputes) == ((), ())


def test_a_good_answer_of_the_ingress_is_not_the_programs() -> None:
    """Where 404 is expected, a route that is gone would look well."""
    story = foreign()
    story.spec(load=replace(story.meta.spec.load, expect=(200, 404)))
    ours = story.answer(0, 404, "", server="envoy", x_envoy_upstream_service_time="present")
    theirs = story.answer(0, 404, "", server="envoy")
    story.request(0, at(0, 12.0), status=404, answer=ours)
    assert open_questions(analyse(story.history())) == open_questions(analyse(foreign().history()))
    story.request(0, at(0, 12.1), status=404, answer=theirs)
    assert "cycle 0: 1 good answers are the ingress's own, not those of a pod" in analyse(story.history()).doubts


UNSERVED = 'Error getting active endpoint: revision.serving.knative.dev "toggle-00001" not found'


def test_a_404_of_the_activator_is_not_the_programs() -> None:
    """Where 404 is expected: a failure of the cause activator with its line; recorded as good, as once, it is a doubt."""
    for outcome, cause in ((Outcome.HTTP_ERROR, 1), (Outcome.OK, 0)):
        story = foreign()
        story.spec(load=replace(story.meta.spec.load, expect=(200, 404)))
        theirs = story.answer(0, 404, f"{UNSERVED}\n", server="envoy", x_envoy_upstream_service_time="present")
        story.request(0, at(0, 12.0), outcome, status=404, answer=theirs)
        error = UNSERVED.removeprefix("Error getting active endpoint: ")
        line = {"severity": "ERROR", "timestamp": stamp(at(0, 12.001)), "logger": "activator", "message": "m", "error": error}
        story.see(Stream.ACTIVATOR, "activator-x", at(0, 12.001), line, resolution_ns=1_000_000)
        findings = analyse(story.history())
        assert findings.cycles[0].by_cause.get("activator", 0) == cause
        doubt = "cycle 0: 1 good answers are the activator's own, which did not find the revision"
        assert findings.doubts == (() if cause else (doubt,))


@pytest.mark.parametrize("expect", [(), (200,)])
def test_a_good_status_that_nobody_expects_is_a_doubt(expect: tuple[int, ...]) -> None:
    """As in the toggle app's runs."""
    story = foreign()
    story.spec(load=replace(story.meta.spec.load or LoadPlan(), expect=expect))
    moved = story.answer(0, 302, "", server="envoy", x_envoy_upstream_service_time="present")
    story.request(0, at(0, 12.0), status=302, answer=moved)
    assert any("neither good nor errors: status 302" in text for text in analyse(story.history()).doubts)


def test_an_error_of_its_own_has_no_cause() -> None:
    """Only an app that names itself in its answers can be told from a proxy."""
    story = foreign()
    broken = story.answer(0, 500, "no database", server="envoy", x_envoy_upstream_service_time="present")
    story.requests[10].update(outcome="http-error", status=500, answer=broken)
    assert analyse(story.history()).ledger.unattributed == 1


@pytest.mark.parametrize(
    ("headers", "cause"),
    [
        ({"x_envoy_upstream_service_time": "present", "server": "envoy"}, "app"),
        ({"server": "envoy"}, "ingress"),
        ({}, "unknown"),
    ],
)
def test_a_status_in_the_trailers_is_the_programs_or_the_ingress(headers: dict[str, str], cause: str) -> None:
    """Queue-proxy and the activator answer a call by an HTTP status."""
    story = foreign()
    failed = story.answer(0, 200, "", **headers, grpc_status="14")
    story.requests[10].update(outcome="grpc-error", status=200, answer=failed)
    assert analyse(story.history()).cycles[0].by_cause[cause] == 1
