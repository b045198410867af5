"""The names of metrics by version, and the rules and the dashboard that are written with them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.knative.metrics import (
    GENERATIONS,
    KUBE_STATE_METRICS,
    KUBELET,
    PROMETHEUS,
    SETTINGS,
    Generation,
    Kind,
    Metric,
    generation_of,
    series,
)
from harness.model import KnativeVersion, VersionRange

ROOT = Path(__file__).parents[3]
RULES = sorted((ROOT / "monitoring" / "rules").glob("*.yaml"))
DASHBOARD = ROOT / "monitoring" / "dashboard.json"
PAGE = ROOT / "docs" / "monitoring.md"

SCRAPES = sorted((ROOT / "tests" / "monitoring" / "scrapes").glob("*.txt"))
"""Of real queue-proxies; see tests/monitoring/record.py."""

STATUS = "http_response_status_code"

ANYWHERE = {"job", "instance"}
"""Labels that Prometheus gives every series."""

MADE = {"namespace"}
"""Labels that a rule makes itself with label_replace."""

ALWAYS: Mapping[str, tuple[str, ...]] = {**KUBELET, **KUBE_STATE_METRICS, **PROMETHEUS}
LISTS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right) \(([^()]*)\)")
SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\{([^{}]*)\}")
WORDS = {"and", "or", "unless", "offset", "bool", "by", "on", "group_left"}


def selected(expr: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(metric, labels that are compared) of each selector in an expression, those without braces too."""
    bare = re.sub(r'"[^"]*"', '""', expr)
    for name, matchers in SELECTOR.findall(bare):
        yield name, tuple(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
    rest = LISTS.sub("", SELECTOR.sub("", bare))
    for found in re.finditer(r"(?<![\w$.\[])([a-zA-Z_:][\w:]*)(?!\w)(?!\s*\()", re.sub(r"\[[^\]]*\]|(?<![\w:])\d+\w*", "", rest)):
        if found[1] not in WORDS and '"' not in found[1]:
            yield found[1], ()


def grouped(expr: str) -> set[str]:
    """The labels by which an expression sums or joins."""
    return {label.strip() for labels in LISTS.findall(expr) for label in labels.split(",")}


def unknown(expr: str, known: Mapping[str, tuple[str, ...]]) -> set[str]:
    """The metrics, and the labels as "metric.label", that the tables do not have."""
    found: set[str] = set()
    metrics = {"", *(label for labels in known.values() for label in labels), *ANYWHERE, *MADE}
    for name, labels in selected(expr):
        if name not in known:
            found.add(name)
        else:
            found.update(f"{name}.{label}" for label in labels if label not in {*known[name], *ANYWHERE})
    return found | (grouped(expr) - metrics)


def versions_of(rules: Path) -> VersionRange:
    """The versions of Serving that a file says it is for."""
    stated = re.search(r"^# versions: (.+)$", rules.read_text(encoding="utf-8"), re.MULTILINE)
    assert stated is not None
    return VersionRange.parse(stated[1])


def rules_of(path: Path) -> list[dict[str, Any]]:
    """All rules of a file, in order."""
    return [rule for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_each_rule_is_written_with_names_that_every_version_of_its_file_has(path: Path) -> None:
    """A name that one of the generations does not have would never fire there, and nobody would notice."""
    rules = rules_of(path)
    assert rules
    recorded = {rule["record"]: ("http_response_status_code", "response_code") for rule in rules if "record" in rule}
    generations = [one for one in GENERATIONS if one.versions.overlaps(versions_of(path))]
    assert generations
    for generation in generations:
        for rule in rules:
            assert unknown(rule["expr"], {**ALWAYS, **generation.series(), **recorded}) == set(), rule


def test_a_renamed_metric_and_a_renamed_label_are_found() -> None:
    """The check above can fail; what it would not read it must not pass over."""
    known = generation_of(KnativeVersion.parse("1.23")).series()
    right = 'sum by (kn_revision_name) (rate(http_server_request_duration_seconds_count{kn_route_tag!=""}[2m])) / 2 > bool 0.01'
    assert unknown(right, known) == set()
    assert unknown(right.replace("_seconds_count", "_milliseconds_count"), known) == {
        "http_server_request_duration_milliseconds_count"
    }
    assert unknown(right.replace("kn_route_tag", "route_tag"), known) == {"http_server_request_duration_seconds_count.route_tag"}
    assert unknown(right.replace("kn_revision_name", "revision"), known) == {"revision"}
    assert unknown("increase(revision_request_count[2m]) unless target_info offset 2m", known) == {"revision_request_count"}


def test_the_dashboard_is_written_with_names_of_the_tables() -> None:
    """Each query has those of one generation: another cluster shows nothing for it. The panels cover both."""
    everything: dict[str, tuple[str, ...]] = {**ALWAYS, "ALERTS": ("alertname", "alertstate", "namespace")}
    for generation in GENERATIONS:
        everything |= generation.series()
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert {expr: wrong for expr in asked if (wrong := unknown(expr, everything))} == {}
    for generation in GENERATIONS:
        own = set(generation.series()) - set(ALWAYS)
        assert any({name for name, _ in selected(expr)} & own for expr in asked), generation.name
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_the_page_has_every_name_and_alert() -> None:
    """Who looks for a metric's name finds it there, and what an alert means."""
    text = PAGE.read_text(encoding="utf-8")
    names = {metric.instrument for one in GENERATIONS for metric in (*one.queue_proxy, *one.activator)}
    alerts = {rule["alert"] for path in RULES for rule in rules_of(path) if "alert" in rule}
    assert {name for name in (*names, *alerts, *KUBELET) if f"`{name}`" not in text} == set()


def scrape(path: Path) -> list[tuple[str, dict[str, str], float]]:
    """(series, labels that are not empty, value) of each line."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r"(\w+)\{(.*)\} (\S+)", line)
        assert found, line
        labels = {key: value for key, value in re.findall(r'(\w+)="([^"]*)"', found[2]) if value}
        lines.append((found[1], labels, float(found[3])))
    return lines


@pytest.mark.parametrize("path", SCRAPES, ids=lambda path: path.stem)
def test_a_real_queue_proxy_serves_what_the_tables_say(path: Path) -> None:
    """Each series, and each label on at least one of its lines. `error_type` came with 1.23."""
    version = KnativeVersion.parse(path.stem)
    generation = generation_of(version)
    wanted = {name: metric.labels for metric in generation.queue_proxy for name in names_in(generation, metric)}
    seen: dict[str, set[str]] = {}
    for name, labels, _ in scrape(path):
        seen.setdefault(name, set()).update(labels)
    assert set(wanted) <= set(seen)
    absent = {(name, label) for name, labels in wanted.items() for label in labels if label not in seen[name]}
    later = {(name, "error_type") for name in wanted if name.startswith("http_client")}
    assert absent == (later if KnativeVersion.parse("1.19") <= version < KnativeVersion.parse("1.23") else set())


def names_in(generation: Generation, metric: Metric) -> tuple[str, ...]:
    """Of a metric of queue-proxy."""
    return series(metric, generation.prefixes[1], braced=generation.braced)


@pytest.mark.parametrize("path", SCRAPES, ids=lambda path: path.stem)
def test_the_rules_count_what_a_real_queue_proxy_was_asked(path: Path) -> None:
    """Ten refused, three answered 502 by the container, two dropped by it, two whose client went away.

    Up to 1.19 the latter count as answered with 502 too, and up to 1.22 as without an answer.
    """
    version, lines = KnativeVersion.parse(path.stem), scrape(path)
    census = not generation_of(version).settings
    total, code = ("revision_request_count", "response_code") if census else ("http_server_request_duration_seconds_count", STATUS)
    counted = sum(value for name, labels, value in lines if name == total and labels.get(code) == "502")
    assert counted == (17 if version < KnativeVersion.parse("1.20") else 15)
    if not census:
        client = [(labels, value) for name, labels, value in lines if name == "http_client_request_duration_seconds_count"]
        failed = sum(v for one, v in client if STATUS not in one and one.get("error_type", "") in {"", "net.OpError"})
        assert failed == (10 if version >= KnativeVersion.parse("1.23") else 14)
        assert sum(value for labels, value in client if labels.get(STATUS) == "502") == 3


@pytest.mark.parametrize(
    ("version", "name", "served"),
    [
        ("1.1", "revision_request_count", True),
        ("1.18.1", "revision_request_count", True),
        ("1.18.1", "kn_serving_invocation_duration_seconds_count", False),
        ("1.19", "kn_queueproxy_app_duration_seconds_count", True),
        ("1.19.7", "kn_queueproxy_depth__item_", True),
        ("1.19.7", "kn_queueproxy_depth", False),
        ("1.20.0", "kn_queueproxy_depth", True),
        ("1.20.1", "kn_queueproxy_depth", False),
        ("1.20.1", "kn_serving_invocation_duration_seconds_count", True),
        ("1.23", "kn_serving_queue_depth", True),
    ],
)
def test_each_version_has_the_names_read_in_its_module(version: str, name: str, served: bool) -> None:
    """v0.46.7 and v0.47.0 have the first names of OpenTelemetry, v0.47.1 and v0.48.0 the others."""
    assert (name in generation_of(KnativeVersion.parse(version)).series()) is served


def test_every_version_is_of_one_generation_alone() -> None:
    """No gap and no overlap between two rows of the table."""
    for minor in range(25, 52):
        for patch in range(10):
            version = KnativeVersion(minor, patch)
            assert [one.name for one in GENERATIONS if one.versions.contains(version)] == [generation_of(version).name]


def test_only_the_later_generations_have_to_be_switched_on() -> None:
    """Up to 1.18 the keys mean nothing."""
    assert generation_of(KnativeVersion.parse("1.18")).settings == {}
    assert generation_of(KnativeVersion.parse("1.19")).settings == SETTINGS


@pytest.mark.parametrize(
    ("metric", "prefix", "expected"),
    [
        (Metric("kn.revision.request.queued", Kind.GAUGE, "{request}"), "", ("kn_revision_request_queued",)),
        (Metric("a.b", Kind.HISTOGRAM, "s"), "", ("a_b_seconds_bucket", "a_b_seconds_count", "a_b_seconds_sum")),
        (Metric("a.b", Kind.COUNTER, "By"), "", ("a_b_bytes_total",)),
        (Metric("request_count", Kind.COUNTER), "revision", ("revision_request_count",)),
        (Metric("l", Kind.HISTOGRAM), "activator", ("activator_l_bucket", "activator_l_count", "activator_l_sum")),
    ],
)
def test_the_names_prometheus_reads(metric: Metric, prefix: str, expected: tuple[str, ...]) -> None:
    """Unit and parts of a histogram are appended."""
    assert series(metric, prefix) == expected


def test_a_metric_that_came_later_is_not_expected_before() -> None:
    """The activator counts queued requests since 1.22."""
    queued = next(one for one in GENERATIONS[-1].activator if one.instrument == "kn.revision.request.queued")
    assert not queued.served_by(KnativeVersion.parse("1.21.2"))
    assert queued.served_by(KnativeVersion.parse("1.22"))
