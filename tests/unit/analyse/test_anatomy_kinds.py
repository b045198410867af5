"""Faults other than a failing HTTP liveness probe, and probes other than that: what must be seen, and what need not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.apps.toggle import app_events
from harness.apps.toggle_probes import hits
from harness.model import AppSpec, Handler, Probe, ServiceSpec, Stream
from tests.unit.analyse.dissection import dissected, of_kind, span
from tests.unit.analyse.story import CLOSED_S, FAILED_S, FAULT_S, GONE_S, LISTENING_S, Story, at, restarts

TCP = Probe(Handler.TCP)
EXEC = Probe(Handler.EXEC, path="liveness")


def tcp_probe(story: Story, boot: str, seconds: float, peer: str = "", held_s: float = 0.001) -> None:
    """A connection without a word, logged when it was closed."""
    more = {"peer": peer} if peer else {}
    closed_ns = at(0, seconds) + round(held_s * 1e9)
    story.app(
        "pod-0", boot, closed_ns, "probe", which="tcp-probe", via="tcp", ok=True, status=0, accepted_ns=at(0, seconds), **more
    )


def asked(story: Story, boot: str, seconds: float, which: str, via: str = "http", *, ok: bool = True, peer: str = "") -> None:
    """A probe that was answered."""
    more = {"peer": peer} if peer else {}
    story.app("pod-0", boot, at(0, seconds), "probe", which=which, via=via, ok=ok, status=200 if ok else 503, **more)


def test_an_exit() -> None:
    """No probe fails, nothing is killed; the rest is a restart's."""
    shown = dissected(of_kind("exit"))
    assert (shown.missing, shown.disputes) == ((), ())
    assert not {"first-failed-probe", "killing", "sigterm"} & set(shown.edges)
    assert span(shown.edges["process-gone"]) == pytest.approx((CLOSED_S, GONE_S), abs=1e-6)


def test_an_exit_that_was_not_seen() -> None:
    """Each edge of the restart is missed by name."""
    story = of_kind("exit")
    story.drop(lambda one: True)
    story.requests = []
    assert dissected(story).missing == (
        "listener-closed", "process-gone", "container-created", "container-started", "listening", "first-ok",
    )  # fmt: skip


def test_a_persistent_exit_need_not_listen_again() -> None:
    """Each later start ends at the moment it would listen."""
    story = of_kind("exit", persistent=True)
    story.drop(lambda one: '"listening"' in one.payload and one.at_ns > at(0, 0))
    story.requests = []
    assert dissected(story).missing == ()


def hung(story: Story, which: str = "liveness") -> None:
    """Probes that were left without an answer, in place of those that failed."""
    story.drop(lambda one: '"ok": false' in one.payload)
    for second in range(3):
        story.app("pod-0", "old0", at(0, FAILED_S + second), "hang", which=which, via="http")


def test_a_hang_that_the_liveness_probe_ends() -> None:
    """The first probe left hanging is the first failed one; then all is as for a liveness failure."""
    story = restarts(1)
    story.faults = [replace(fault, kind="hang") for fault in story.faults]
    hung(story)
    shown = dissected(story)
    assert (shown.missing, shown.disputes) == ((), ())
    assert span(shown.edges["first-failed-probe"]) == pytest.approx((FAILED_S - 1, FAILED_S))
    assert shown.edges["first-failed-probe"].evidence.endswith("the first liveness probe left hanging")
    assert shown.edges["killing"].lo_ns == at(0, FAILED_S + 2)


def test_a_persistent_hang_answers_nobody_again() -> None:
    """The next container listens, and hangs."""
    story = restarts(1)
    story.faults = [replace(fault, kind="hang", params={"persistent": True}) for fault in story.faults]
    hung(story)
    story.drop(lambda one: '"new0"' in one.payload and '"probe"' in one.payload)
    story.requests = []
    assert dissected(story).missing == ()


def test_a_hang_without_a_liveness_probe_must_show_nothing_but_itself() -> None:
    """TCP readiness goes on accepting: nobody restarts it."""
    story = of_kind("hang")
    story.drop(lambda one: one.seen_ns > at(0, FAULT_S))
    story.requests = []
    shown = dissected(story)
    assert (shown.missing, set(shown.edges)) == ((), {"fault"})


def test_a_readiness_failure() -> None:
    """It restarts nothing; the pod, its endpoint and queue-proxy must become unready once there was time for it."""
    story = of_kind("readiness", readiness=Probe(path="/readyz"))
    story.drop(lambda one: one.at_ns > at(0, FAULT_S))
    for seconds, ok in ((3.5, True), (4.5, False), (5.5, False), (6.5, False)):
        asked(story, "old0", seconds, "readiness", ok=ok)
    shown = dissected(story)
    assert span(shown.edges["first-failed-probe"]) == pytest.approx((3.5, 4.5))
    assert shown.missing == ("queue-proxy-unready", "pod-unready", "endpoint-unready")
    containers = {"user-container": {"restarts": 0, "ready": True}, "queue-proxy": {"restarts": 0, "ready": True}}
    story.see(Stream.PODS, "pod-0", at(0, 4), {"ready": True, "containers": containers})
    unready = {**containers, "queue-proxy": {"restarts": 0, "ready": False}}
    story.see(Stream.PODS, "pod-0", at(0, 6.6), {"ready": False, "containers": unready})
    listed = [{"ip": "10.244.0.9", "pod": "pod-0", "ready": False, "serving": False, "terminating": False}]
    story.see(Stream.ENDPOINTS, "", at(0, 6.7), {"slice": "s", "service": "toggle-00001-private", "endpoints": listed})
    asked(story, "old0", 9, "readiness")
    shown = dissected(story)
    assert (shown.missing, shown.disputes) == ((), ())
    assert span(shown.edges["first-good-readiness-probe"]) == pytest.approx((6.5, 9))


def test_a_readiness_failure_that_ends_too_early_misses_nothing_of_its_consequences() -> None:
    """The threshold was not reached by the end of the cycle."""
    story = of_kind("readiness", readiness=Probe(path="/readyz", period_s=10))
    story.drop(lambda one: one.at_ns > at(0, FAULT_S))
    asked(story, "old0", 4.5, "readiness", ok=False)
    assert dissected(story).missing == ()


def test_a_readiness_failure_with_a_tcp_probe_must_do_nothing() -> None:
    """Only whether somebody listens is asked."""
    story = of_kind("readiness")
    story.drop(lambda one: one.at_ns > at(0, FAULT_S))
    assert dissected(story).missing == ()


def test_a_failure_of_liveness_that_nobody_asks_for() -> None:
    """With a TCP liveness probe, or none, a 503 on /healthz restarts nothing."""
    for liveness in (TCP, None):
        story = of_kind("liveness", liveness=liveness)
        story.drop(lambda one: one.seen_ns > at(0, FAULT_S) or '"probe"' in one.payload)
        story.requests = []
        assert dissected(story).missing == ()


@pytest.mark.parametrize("peers", [("10.244.0.1", "127.0.0.1"), ("10.244.0.1", "::1")])
def test_tcp_probes_are_told_apart_by_who_connects(peers: tuple[str, str]) -> None:
    """The kubelet comes from the node, queue-proxy from the pod's loopback; a spare connection is neither."""
    node, loopback = peers
    story = of_kind("exit", liveness=TCP)
    story.drop(lambda one: '"probe"' in one.payload)
    tcp_probe(story, "new0", LISTENING_S + 0.1, peer=node, held_s=60)
    tcp_probe(story, "new0", LISTENING_S + 0.2, peer=loopback)
    tcp_probe(story, "new0", LISTENING_S + 0.5, peer=node)
    seen = dissected(story).edges
    assert seen["first-good-readiness-probe"].hi_ns == at(0, LISTENING_S + 0.2)
    assert seen["first-good-probe"].hi_ns == at(0, LISTENING_S + 0.5)


def test_tcp_probes_of_an_app_that_does_not_name_them_count_as_both() -> None:
    """What cannot be told apart is not guessed to be one of them."""
    story = of_kind("exit", liveness=TCP)
    tcp_probe(story, "new0", LISTENING_S + 0.2)
    seen = dissected(story).edges
    assert seen["first-good-readiness-probe"].hi_ns == seen["first-good-probe"].hi_ns == at(0, LISTENING_S + 0.2)


def test_exec_probes() -> None:
    """They come over the control port, by the name in their command, and may fail before the app listens."""
    story = of_kind("liveness", liveness=EXEC, readiness=Probe(Handler.EXEC, path="readiness"))
    story.drop(lambda one: '"probe"' in one.payload)
    for seconds, ok in ((3.3, True), (4.3, False), (6.3, False)):
        asked(story, "old0", seconds, "liveness", "exec", ok=ok, peer="127.0.0.1")
    asked(story, "new0", 9.5, "liveness", "exec", ok=False)
    asked(story, "new0", 10.5, "liveness", "exec")
    asked(story, "new0", 10.2, "readiness", "exec")
    shown = dissected(story)
    assert span(shown.edges["first-failed-probe"]) == pytest.approx((3.3, 4.3))
    assert span(shown.edges["first-good-probe"]) == pytest.approx((LISTENING_S, 10.5))
    assert span(shown.edges["first-good-readiness-probe"]) == pytest.approx((LISTENING_S, 10.2))
    assert shown.disputes == ()


def test_the_same_check_for_both_probes_is_told_apart_by_who_asks() -> None:
    """Readiness of the same path comes from queue-proxy."""
    story = of_kind("liveness", liveness=Probe(), readiness=Probe())
    story.drop(lambda one: '"probe"' in one.payload)
    for who in ("10.244.0.1", "127.0.0.1"):
        asked(story, "old0", FAILED_S, "liveness", ok=False, peer=who)
    asked(story, "new0", 10.2, "liveness", peer="127.0.0.1")
    asked(story, "new0", 10.7, "liveness", peer="10.244.0.1")
    seen = dissected(story).edges
    assert seen["first-good-readiness-probe"].hi_ns == at(0, 10.2)
    assert seen["first-good-probe"].hi_ns == at(0, 10.7)


def test_a_startup_probe_of_the_liveness_probes_path_comes_first() -> None:
    """No liveness probe before it did well, no startup probe after."""
    service = ServiceSpec(startup=Probe(failure_threshold=30), liveness=Probe())
    story = of_kind("liveness", startup=service.startup, liveness=service.liveness)
    story.drop(lambda one: '"probe"' in one.payload and '"new0"' in one.payload)
    for seconds in (10.3, 11.3, 12.3):
        asked(story, "new0", seconds, "liveness")
    shown = dissected(story)
    assert shown.edges["first-good-startup-probe"].hi_ns == at(0, 10.3)
    assert shown.edges["first-good-probe"].hi_ns == at(0, 11.3)
    assert shown.disputes == ()
    told = app_events(one for one in story.observations if one.pod == "pod-0")
    of_startup, of_liveness = hits("startup", service, told), hits("liveness", service, told)
    assert [hit.boot for hit in of_startup if hit.well] == ["old0", "new0"]
    assert not {hit.t_ns for hit in of_startup} & {hit.t_ns for hit in of_liveness}


def test_a_startup_probe_of_a_path_of_its_own() -> None:
    """The app calls it another one's; only its path tells."""
    story = of_kind("liveness", startup=Probe(path="/started"), liveness=Probe())
    asked(story, "new0", 10.4, "other")
    seen = dissected(story).edges
    assert seen["first-good-startup-probe"].hi_ns == at(0, 10.4)
    assert seen["first-good-probe"].hi_ns == at(0, 11)


def test_good_probes_are_missed_only_once_they_were_due() -> None:
    """A period, a timeout and two seconds after they could have been: else the cycle was just short."""
    quiet = of_kind("liveness", liveness=Probe(), readiness=Probe(path="/readyz"), startup=Probe(path="/started"))
    quiet.drop(lambda one: '"new0"' in one.payload and '"probe"' in one.payload)
    assert dissected(quiet).missing == ()
    longer = [replace(mark, ended_ns=at(0, LISTENING_S + 10)) for mark in quiet.cycles]
    quiet.cycles = longer
    assert dissected(quiet).missing == ("first-good-startup-probe", "first-good-probe", "first-good-readiness-probe")
    slow = ServiceSpec(liveness=Probe(initial_delay_s=30), readiness=Probe(path="/readyz", period_s=10))
    assert dissected(quiet, service=slow).missing == ()
    quiet.faults = [replace(fault, params={"persistent": True}) for fault in quiet.faults]
    assert dissected(quiet).missing == ("first-good-startup-probe", "first-good-readiness-probe")


def test_a_users_own_manifest_is_known_by_what_the_app_told() -> None:
    """Its probes stand nowhere in the spec; the app told of liveness probes, so there are some."""
    shown = dissected(restarts(1), service=ServiceSpec())
    assert (shown.missing, shown.disputes) == ((), ())
    assert "first-good-probe" in shown.edges


def test_an_app_that_ignores_sigterm_keeps_its_listener_to_the_end() -> None:
    """SIGTERM comes long before the end, which closes what the app did not."""
    story = of_kind("liveness", liveness=Probe())
    story.spec(service=ServiceSpec(app=AppSpec(sigterm="ignore"), liveness=Probe()))
    story.drop(lambda one: any(f'"{event}"' in one.payload for event in ("closed", "exit")) and one.stream is Stream.APP)
    shown = dissected(story)
    assert (shown.missing, shown.disputes) == ((), ())
    assert shown.edges["listener-closed"].hi_ns <= at(0, GONE_S)
