"""`knative-chaos versions`: which Knative versions can be measured here, and how they differ."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from harness import images, sources
from harness.adapters.files import State
from harness.model import KnativeVersion
from harness.run import installed_before

UNKNOWN = "-"


def versions(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the Knative versions that can be had, and which of them were built and installed here; fetches nothing."""
    rows = rows_of(State.default())
    if as_json:
        typer.echo(json.dumps({"versions": rows}, indent=2, sort_keys=True))
        return
    table = Table(box=None, pad_edge=False, header_style="")
    for title in ("version", "module", "built with", "served a request here", "queue-proxy's request metric", "objects left out"):
        table.add_column(title, no_wrap=True)
    for row in rows:
        dialect = row["dialect"] or {}
        seen = row["installed"]
        when = f"{datetime.fromtimestamp(seen['at_ns'] / 1e9, UTC):%Y-%m-%d} on {seen['kubernetes']}" if seen else UNKNOWN
        left_out = str(len(dialect["removed"])) if dialect else UNKNOWN
        metric = dialect.get("request_metric") or UNKNOWN
        table.add_row(row["version"], row["module"], row["toolchain"] or UNKNOWN, when, metric, left_out)
    Console(width=200, highlight=False, markup=False).print(table)
    typer.echo(
        "Other versions are tried when asked for. The last two columns are read from the source of a version that was fetched:"
    )
    typer.echo("the objects left out are those whose API is gone from this Kubernetes (--json names them).")


def rows_of(state: State) -> list[dict[str, Any]]:
    """One for each version that is known, built or installed, oldest first. dialect, installed: null where nothing is known."""
    built = images.built(state, sources.SERVING)
    before = installed_before(state)
    texts = {one.text for one in sources.KNOWN} | {KnativeVersion.parse(text).text for text in built} | set(before)
    rows = []
    for version in sorted(KnativeVersion.parse(text) for text in texts):
        place = sources.fetched(state, version)
        rows.append(
            {
                "version": version.text,
                "module": version.module,
                "known": version in sources.KNOWN,
                "toolchain": built.get(version.module, ""),
                "installed": asdict(before[version.text]) if version.text in before else None,
                "dialect": asdict(sources.dialect_of(place)) if place else None,
            }
        )
    return rows
