"""`knative-chaos scenarios`: what can be measured."""

from __future__ import annotations

import typer

from harness.catalogue import SCENARIOS


def scenarios() -> None:
    """List the scenarios of the catalogue, each with what it does; docs/predictions.md says what each will show."""
    width = max(map(len, SCENARIOS))
    for name, entry in SCENARIOS.items():
        typer.echo(f"{name:<{width}}  {entry.title}")
