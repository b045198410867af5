"""Runs that are stored: whether a scenario has been measured already, and which run of it the index shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

from harness import history as history_room
from harness.errors import HistoryError
from harness.history.layout import RUN
from harness.model import KnativeVersion, RunMeta, RunSpec
from harness.report import Summary
from harness.report.scenarios import Entry
from harness.run.analysis import Run, analyse_again

SUMMARY = "summary.json"


def measured_before(artifacts: Path, spec: RunSpec, version: KnativeVersion) -> Run | None:
    """The newest stored run of exactly this spec (claims and their predictions included) on this version, analysed again.

    None if there is none that is complete: ended in order, nothing planted, no program or queue-proxy of a user's own, and not
    inconclusive because of the machine alone. Any other inconclusive run is complete: a second try would choose its outcome.
    """
    for directory, meta in _runs(artifacts, spec.scenario):
        if meta.spec != replace(spec, max_replacements=spec.replacements) or meta.interrupted or not _is_plain(meta, version):
            continue
        run = analyse_again(directory)
        if not run.verdict.machine_alone:
            return run
    return None


def entries(artifacts: Path, specs: Iterable[RunSpec], version: KnativeVersion) -> list[Entry]:
    """For each spec the run that the index shows, from the summaries that are stored.

    The newest run with these claims and as many cycles; else the newest with these claims; else the newest. No interrupted one.
    """
    return [_entry(artifacts, spec, version) for spec in specs]


def _entry(artifacts: Path, spec: RunSpec, version: KnativeVersion) -> Entry:
    entry = Entry(spec.scenario, spec.title, spec.claims, spec.cycles)
    best: tuple[tuple[bool, bool], Summary] | None = None
    for directory, meta in _runs(artifacts, spec.scenario):
        if meta.interrupted or not _is_plain(meta, version) or (summary := _summary(directory)) is None:
            continue
        current = _of_any_length(meta.spec) == _of_any_length(spec)
        rank = current, current and meta.spec.cycles >= spec.cycles
        if best is None or rank > best[0]:
            best = rank, summary
    return entry if best is None else replace(entry, summary=best[1], current=best[0][0])


def _runs(artifacts: Path, scenario: str) -> Iterator[tuple[Path, RunMeta]]:
    """The run directories of this scenario, the newest first; those that cannot be read are left out."""
    for place in sorted((one.parent for one in (artifacts / scenario).glob(f"*/{RUN}")), reverse=True):
        try:
            yield place, history_room.read_meta(place)
        except HistoryError:
            continue


def _of_any_length(spec: RunSpec) -> RunSpec:
    return replace(spec, cycles=0, max_replacements=None)


def _is_plain(meta: RunMeta, version: KnativeVersion) -> bool:
    """Whether it measured the harness's own program on this version as it is."""
    if meta.host.get("planted") or meta.host.get("manifest") or meta.experiment:
        return False
    # A checkout, or a queue-proxy, of a user's own is named in the same text.
    return meta.versions.get("knative", "") in {version.text, f"{version.text} (module {version.module})"}


def _summary(directory: Path) -> Summary | None:
    try:
        return cast("Summary", json.loads((directory / SUMMARY).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
