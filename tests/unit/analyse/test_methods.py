"""Failures by method: of the users' requests, in the runs whose numbers somebody asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analyse import analyse
from harness.model import Bounds, Lane, OfMethod
from tests.unit.analyse.story import S1_CLAIMS, Story, restarts

OTHERS = (Lane.POST_KEEPALIVE, Lane.GET_NEW, Lane.GRPC, Lane.GET_POD)


def asked(*, experiment: str = "", bounds: bool = False) -> Story:
    """S1 for a cycle, with requests of all methods and of a route past the users'."""
    claims = tuple(replace(one, bounds=Bounds(0, 1) if bounds else None) for one in S1_CLAIMS)
    story = restarts(1, claims=claims)
    for number, row in enumerate(story.requests):
        row["lane"] = [Lane.GET_KEEPALIVE, *OTHERS][number % 5].value
    story.meta = replace(story.meta, experiment=experiment)
    return story


@pytest.mark.parametrize("given", [{"experiment": "0123"}, {"bounds": True}], ids=["block", "number"])
def test_each_method_has_its_requests_and_its_failures(given: dict[str, bool | str]) -> None:
    """New and kept connections ask by GET alike; a request past the users' route is not theirs."""
    story = asked(**given)  # type: ignore[arg-type]
    (found,) = analyse(story.history()).cycles
    wanted = {}
    for method, lanes in {"GET": {"get-keepalive", "get-new-connection"}, "POST": {"post-keepalive"}, "GRPC": {"grpc"}}.items():
        rows = [row for row in story.requests if row["lane"] in lanes]
        wanted[method] = OfMethod(len(rows), sum(row["outcome"] != "ok" for row in rows))
    assert found.by_method == wanted
    assert sum(one.sent for one in wanted.values()) == found.sent < len(story.requests)
    assert sum(one.failed for one in wanted.values()) == sum(found.by_cause.values()) > 0


def test_the_summary_of_any_other_run_is_as_it_was() -> None:
    """Nobody asked for a number of it."""
    (found,) = analyse(asked().history()).cycles
    assert found.by_method is None
