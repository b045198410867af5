"""docs/benchmarks.md from what a bench found: a pure function, so that the same numbers give the same text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.bench.machine import BACKGROUND_LIMIT
from tests.bench.measures import linearity
from tests.bench.results import Client, Comparison, Price, Side, Size
from tests.bench.subjects import OURS

Cells = Sequence[str]

NONE = "-"


def page(comparison: Comparison, sizes: Sequence[Size], price: Price) -> str:
    """The whole page."""
    parts = (
        _head(comparison),
        _goals(comparison, sizes),
        _ratios(comparison),
        _failures(comparison),
        _how(comparison),
        _sizes(sizes),
        _price(price),
    )
    return "\n\n".join(parts) + "\n"


def table(head: Cells, rows: Sequence[Cells]) -> str:
    """Markdown; every column but the first is for numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def number(value: float | None) -> str:
    """Three significant digits, thousands apart; "-" for None."""
    if value is None:
        return NONE
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value else "0"


def ratio(value: float | None, of: float | None) -> str:
    """Value over `of`; "-" where either is not there, "0" for none at all."""
    if value is None or not of:
        return NONE
    part = value / of
    return "1" if part == 1 else f"{part:,.0f}" if part >= 100 else f"{part:.2g}" if part < 10 else f"{part:.0f}"


def _head(comparison: Comparison) -> str:
    machine = ", ".join(
        (
            f"{comparison.machine['cores']} cores ({comparison.machine['cpu']}), {comparison.machine['memory']}",
            f"Linux {comparison.machine['kernel']}",
            f"Python {comparison.machine['python']}",
        )
    )
    tools = ", ".join(f"{one.name} {one.version}" for one in comparison.clients if one.version)
    missing = "".join(f"\n\nNot measured here: {name} ({said})." for name, said in sorted(comparison.missing.items()))
    quick = "" if comparison.mode == "full" else f"\n\nThis is a {comparison.mode} run: for trying, not for quoting."
    busy = f"\n\nBefore it began others used {comparison.background:.0%} of the machine's CPU time"
    busy += ": **too much for these numbers to be quoted**." if comparison.background > BACKGROUND_LIMIT else "."
    return (
        "# Benchmarks\n\n"
        "Written by `make bench`; the numbers behind it lie in the artifacts, under bench. `make bench BENCH=quick` tries it "
        "in two "
        "minutes and leaves this page alone.\n\n"
        f"Machine: {machine}.\nClients: ours, {tools}.{busy}{missing}{quick}"
    )


# --- our goals ------------------------------------------------------------------------------------------------------------


def _goals(comparison: Comparison, sizes: Sequence[Size]) -> str:
    ours, own = _ours(comparison), comparison.own
    vegeta = next((one for one in comparison.clients if one.name == "vegeta"), None)
    rows: list[tuple[str, str, float | None, Callable[[float], bool]]] = [
        ("arrival pacing error p99 at 500 rps, the server's core idle, us", "<= 250", ours.pacing_p99_us, lambda is_: is_ <= 250),
        ("the same with every core busy, us", "<= 1,000", ours.busy_p99_us, lambda is_: is_ <= 1_000),
        ("rps of one core, arrival p99 < 1 ms, all 200", ">= 20,000", ours.gate_rps, lambda is_: is_ >= 20_000),
        (
            "CPU a request at 500 rps, of vegeta's",
            "<= 1",
            ours.cpu_us / vegeta.cpu_us if ours.cpu_us and vegeta and vegeta.cpu_us else None,
            lambda is_: is_ <= 1,
        ),
        (
            f"ms from the end of a {comparison.stall_s:g} s stall at 1,000 rps to arrival p99 < 1 ms",
            "<= 100",
            own.recovery_ms,
            lambda is_: is_ <= 100,
        ),
        (
            "requests of that stall not accounted for",
            "0",
            float(own.stall_planned - own.stall_accounted) if own.stall_planned else None,
            lambda is_: is_ == 0,
        ),
        ("MiB of memory for 100,000 requests", "<= 5", own.memory_mib, lambda is_: is_ <= 5),
        ("MiB of disk for 100,000 requests", "<= 5", own.disk_mib, lambda is_: is_ <= 5),
        (
            "failures hidden from the user, server kills each second request of a connection",
            "0",
            _hidden(ours),
            lambda is_: is_ == 0,
        ),
    ]
    if sizes:
        largest = sizes[-1]
        if largest.requests >= 1_000_000:
            rows += [
                ("s to analyse and judge 1,000,000 requests", "<= 3", largest.analyse_s + largest.judge_s, lambda is_: is_ <= 3),
                ("MiB of memory for that at most", "<= 1,024", largest.peak_mib, lambda is_: is_ <= 1_024),
            ]
    shown = [
        (what, goal, number(is_), "not measured" if is_ is None else "yes" if met(is_) else "**missed**")
        for what, goal, is_, met in rows
    ]
    return "## Our goals\n\n" + table(("", "goal", "is", "met"), shown)


def _ours(comparison: Comparison) -> Client:
    return next(one for one in comparison.clients if one.name == OURS)


def _hidden(client: Client) -> float | None:
    if client.killed is None or client.reported is None:
        return None
    return float(max(0, client.killed - client.reported))


# --- side by side ---------------------------------------------------------------------------------------------------------


def _ratios(comparison: Comparison) -> str:
    ours = _ours(comparison)
    others = [one for one in comparison.clients if one.name != OURS]
    measured: tuple[tuple[str, Callable[[Client], float | None]], ...] = (
        (f"pacing error p50 at {comparison.rate} rps, us", lambda one: one.pacing_p50_us),
        (f"pacing error p99 at {comparison.rate} rps, us", lambda one: one.pacing_p99_us),
        ("the same when the server's program has read it, us", lambda one: one.read_p99_us),
        ("pacing error p99, every core busy, us", lambda one: one.busy_p99_us),
        (f"CPU a request at {comparison.rate} rps, us", lambda one: one.cpu_us),
        ("rps with arrival p99 < 1 ms, all 200", lambda one: one.gate_rps),
        ("rps with arrival p99 < 2 ms, all 200", lambda one: one.wide_gate_rps),
    )
    rows = [(what, number(get(ours)), "1", *(ratio(get(one), get(ours)) for one in others)) for what, get in measured]
    head = ("", "ours, absolute", "ours", *(one.name for one in others))
    return (
        "## Side by side, as ratios\n\n"
        "Each column in units of ours: 2 in a row of us is twice as late or twice as costly, 2 in a row of rps twice as fast.\n\n"
        + table(head, rows)
    )


def _failures(comparison: Comparison) -> str:
    def outage(reported: float | None, true: float | None) -> str:
        return NONE if true is None else f"{true:.0f} / {'not told' if reported is None else f'{reported:,.0f}'}"

    rows = [
        ("outage of 502s: server's ms / client's ms", *(outage(one.outage_502_ms, one.true_502_ms) for one in comparison.clients)),
        (
            "outage of refusals: server's ms / client's ms",
            *(outage(one.outage_refuse_ms, one.true_refuse_ms) for one in comparison.clients),
        ),
        (
            "requests killed / reported as failed",
            *(NONE if one.killed is None else f"{one.killed:,} / {one.reported:,}" for one in comparison.clients),
        ),
        ("failures hidden", *(number(_hidden(one)) for one in comparison.clients)),
        (
            f"requests sent into a stall of 1 s, of {comparison.rate} due",
            *(number(None if one.stalled is None else float(one.stalled)) for one in comparison.clients),
        ),
    ]
    head = ("", *(one.name for one in comparison.clients))
    return "## What they say of failures\n\n" + table(head, rows)


def _how(comparison: Comparison) -> str:
    limit = (
        f"it answers {comparison.server_rps:,.0f} rps of wrk's closed loop, where it would become the limit itself"
        if comparison.server_rps
        else "nothing here could show where it becomes the limit itself"
    )
    clients = "\n".join(f"- {one.name}: {one.how}." for one in comparison.clients)
    return (
        "## How it is measured\n\n"
        "One client at a time on the last core, the truth server (`tests/bench/server.py`, one epoll loop) on the one before it; "
        f"{limit}. Pacing and CPU are medians of {comparison.rounds} interleaved rounds of {comparison.seconds:g} s. A run during "
        f"which more than 1 % of the machine's CPU was stolen is measured again ({comparison.discarded} here). Ours "
        "asks for the lowest "
        "realtime priority, as it does in a real run; the others run as their users run them.\n\n"
        f"{clients}\n\n" + "\n".join(f"- {line}" for line in _terms(comparison))
    )


def _terms(comparison: Comparison) -> tuple[str, ...]:
    rungs = ", ".join(f"{rung:,}" for rung in comparison.rungs)
    return (
        "Arrival: when the request reached the server's socket, stamped by the kernel: a busy server makes no client look late.",
        (
            "Pacing error: arrival minus the intended time. Ours, aiohttp's and httpx's are known by number. vegeta's "
            "are the grid of its "
            "rate that begins with the earliest of its own timestamps. hey tells no such time: its grid begins with its least late "
            "arrival. Both flatter. wrk has no schedule."
        ),
        "CPU: of the client's process, user and system, less that of a run of one request, by the requests; wrk's at its own rate.",
        (
            f"rps: the highest rung of {rungs} up to which each had its arrival p99 below the gate and all answers "
            "200. A late rung is "
            "tried a second time."
        ),
        (
            "Outage: from the first failed request to the last by the client's own record, plus one period; and by "
            "the server's log. "
            "hey's record has no line of a request without an answer."
        ),
        (
            "Killed: the server closes each connection when its second request comes, unanswered. wrk does not count "
            "those under way "
            "when it ends."
        ),
        "Every core busy: a process that only counts on the client's core and one on the server's.",
        (
            f"Stall: the server reads on and answers nothing; of our goal for {comparison.stall_s:g} s at "
            f"{comparison.stall_rate:,} rps. In "
            "time again: the first moment after which the p99 of 100 ms of arrivals is below 1 ms."
        ),
        (
            "Memory: growth of the generator's peak resident memory, its record file included, from the first hundredth of 100,000 "
            "requests at 10,000 rps to their end. Disk: blocks of all its files."
        ),
    )


# --- the rest -------------------------------------------------------------------------------------------------------------


def _sizes(sizes: Sequence[Size]) -> str:
    rows = [
        (
            f"{one.requests:,} + {one.observations:,}",
            number(one.payload_mib),
            number(one.disk_mib),
            number(one.read_s),
            number(one.analyse_s + one.judge_s),
            number((one.analyse_s + one.judge_s) / one.requests * 1e6),
            number(one.peak_mib),
            str(one.unattributed),
        )
        for one in sizes
    ]
    head = (
        "requests + observations",
        "text, MiB",
        "on disk, MiB",
        "read, s",
        "analyse + judge, s",
        "s per 10^6",
        "peak MiB",
        "unattributed",
    )
    growth = ""
    if len(sizes) > 1:
        last = sizes[-2:]
        exponent = linearity([one.requests for one in last], [one.analyse_s + one.judge_s for one in last])
        growth = f"\n\nBetween the last two the time grows with the size to the power of {exponent:.2f}; 1 is linear."
    return (
        "## Analysis at size\n\n"
        "Twenty liveness restarts as `tests/bench/sizes.py` builds them: a quarter of the requests fails, every one "
        "of them has its "
        "line, and payloads are as long as on a cluster. A fresh process on one core, one thread of polars; medians of "
        f"{sizes[0].repeats if sizes else 0}.\n\n" + table(head, rows) + growth
    )


def _price(price: Price) -> str:
    if price.looking is None or price.alone is None:
        return f"## The price of observation\n\nNot measured: {price.why}."
    sides = (price.alone, price.looking)
    measured: tuple[tuple[str, Callable[[Side], float]], ...] = (
        ("harness process, % of a core", lambda one: one.harness_cpu * 100),
        ("generator, % of a core", lambda one: one.generator_cpu * 100),
        ("whole machine, % of a core", lambda one: one.machine_cpu * 100),
        ("latency p50, us", lambda one: one.p50_us),
        ("latency p99, us", lambda one: one.p99_us),
        ("failed requests", lambda one: one.failed),
    )
    rows = [(what, *(number(get(one)) for one in sides)) for what, get in measured]
    return (
        "## The price of observation\n\n"
        f"The Service of S1 on Knative {price.knative}, Kubernetes {price.kubernetes}, under {price.rate} rps through the ingress; "
        f"{price.rounds} stretches of {price.seconds:g} s without observers and as many with all of them ({price.observations:,} "
        "observations), in turn on one pod; medians.\n\n"
        + table(("", "without observers", "with observers"), rows)
        + f"\n\n{_effect(price, price.looking.p50_us - price.alone.p50_us)}"
    )


def _effect(price: Price, change: float) -> str:
    told = f"The p50 with observers differs by {change:+.0f} us"
    if price.rounds < 3:
        return f"{told}; from so few stretches nothing follows."
    apart = f"those of the stretches without them lie within {price.p50_range_us:.0f} us of each other"
    return f"{told}; {apart}, so " + ("no effect can be told." if abs(change) <= price.p50_range_us else "that is an effect.")
