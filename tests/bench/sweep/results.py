"""The results in docs/sweep.md: table, picture, fitted constants, and the check on what was held back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.advise.data import CONSTANTS, Constant, Model, model
from tests.bench.page import table as rows_of
from tests.bench.restarts.intervals import summed
from tests.bench.restarts.measuring import Kept
from tests.bench.sweep import check, design, fit, table
from tests.bench.sweep.check import Checked

PAGE = Path(__file__).parents[3] / "docs" / "sweep.md"
MEASURED = Path(__file__).with_name("measured.json")
"""What the page's numbers are made of."""

HEAD = "## Results\n"


def model_of(kept: Kept) -> tuple[Model, fit.Values]:
    """(the model fitted on the part `fit`, what its cycles showed)."""
    start, settings = model(fit.START), design.settings_of(design.FIT)
    shown = fit.values(settings, [cost for cost in kept.costs if cost.name in settings], start)
    return fit.fitted(shown, start, f"the sweep of {_date(kept.runs)} (docs/sweep.md)"), shown


def checked(kept: Kept, made: Model) -> Checked | None:
    """On the held-back part; None if nothing of it was measured."""
    settings = design.settings_of(design.CHECK)
    if not any(cost.name in settings for cost in kept.costs):
        return None
    return check.checked(settings, {one.name: one.cycles for one in design.committed().configurations}, kept.costs, made)


def text(kept: Kept, made: Model, shown: fit.Values, found: Checked | None) -> str:
    """Everything below HEAD."""
    configurations = design.committed().configurations
    measured = {cost.name for cost in kept.costs}
    count = f"{len(kept.costs)} cycles of {len(measured)} of {len(configurations)} configurations"
    about = f"The constants of the window model, in seconds. One that fewer than {fit.LEAST} cycles show is as before."
    stacks = "; ".join(sorted({cost.stack for cost in kept.costs}))
    parts = (
        f"Measured on {_date(kept.runs)}, {stacks}: {count}.",
        "![Refused requests and added latency of one restart, by configuration](sweep.svg)",
        table.markdown(configurations, summed(kept.costs)),
        "### The fitted model",
        about,
        rows_of(("step", "before", "fitted", "cycles"), [_constant(name, made, len(shown[name])) for name in CONSTANTS]),
        "### The check on what was held back",
        "Nothing was measured of it." if found is None else check.markdown(found),
        used(found),
        *_before(kept),
    )
    return "\n\n".join(parts) + "\n"


def used(found: Checked | None) -> str:
    """Which model `knative-chaos advise` uses: the fitted one only if it keeps every limit."""
    if found is not None and found.holds:
        return "So `knative-chaos advise` uses the fitted model (`harness/advise/model.toml`)."
    return "So `knative-chaos advise` keeps the model of before the sweep (`harness/advise/model.toml`)."


def _before(kept: Kept) -> tuple[str, ...]:
    found = checked(kept, model(fit.START))
    if found is None:
        return ()
    about = (
        "The model of before the sweep on the same cycles. It was fixed before the first of them; that it would be checked too was "
        "decided when parts of the results were known."
    )
    return "### The model of before the sweep", about, check.markdown(found)


def page(before: str, results: str) -> str:
    """The page with these results. Raises ValueError for one without the heading."""
    head, found, _ = before.partition(HEAD)
    if not found:
        raise ValueError(f"the page has no {HEAD.strip()!r}")
    return f"{head}{HEAD}\n{results}"


def _constant(name: str, made: Model, cycles: int) -> tuple[str, ...]:
    before, after = (_span(getattr(one, name)) for one in (model(fit.START), made))
    return name, before, after if cycles >= fit.LEAST else "-", str(cycles)


def _span(one: Constant) -> str:
    return f"{one.lo:.3f} to {one.hi:.3f}"


def _date(runs: Iterable[str]) -> str:
    """Of the first run, from the name of its directory."""
    first = min(runs)
    return f"{first[:4]}-{first[4:6]}-{first[6:8]}"
