"""Containerd as a source: its journal has a line before and after each call, stamped by containerd's own clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.analyse.anatomy.sources import COMMAND, Source
from harness.analyse.anatomy.told import CLOCK_NS
from harness.knative.containerd import Act, Line, read
from harness.knative.names import USER_CONTAINER
from harness.model import Observation

DELAY_NS = 1_000_000_000
"""How much later than containerd's own stamp the journal may have received a line before one of the two clocks is doubted."""


def sources(
    runtime: Sequence[Observation], since_ns: int, old_id: str, base: int | None, container: str = USER_CONTAINER
) -> dict[str, list[Source]]:
    """What containerd alone says of each edge.

    runtime: its lines about the pod. old_id, base: the container's id and restart count when the fault was sent, "" and None
    if unknown. Only the first end and the first new container after the fault are returned.
    """
    lines = sorted(_of_container(runtime, old_id, since_ns, container), key=lambda line: line.own_ns)
    ended = [line for line in lines if base is None or line.instance in {-1, base}]
    begun = [line for line in lines if base is None or line.instance in {-1, base + 1}]

    def first(act: Act, among: Iterable[Line] = ended) -> Line | None:
        return next((line for line in among if line.act is act), None)

    asked, signal, exited = first(Act.STOP_ASKED), first(Act.SIGNAL), first(Act.EXITED) or first(Act.GONE)
    found: dict[str, list[Source]] = {}
    if asked is not None:
        found["killing"] = _between(None, asked, since_ns)[:1]
    if exited is not None:
        if signal is not None:
            found["sigterm"] = _between(signal, exited, since_ns)[:1]
        found["process-gone"] = _between(signal, exited, since_ns)
    created = first(Act.CREATED, begun)
    if created is not None:
        call = first(Act.CREATE_ASKED, [line for line in begun if line.own_ns <= created.own_ns])
        found["container-created"] = _between(call, created, since_ns)
    started = first(Act.STARTED, begun)
    if started is not None:
        call = first(Act.START_ASKED, [line for line in begun if line.id == started.id])
        found["container-started"] = _between(call, started, since_ns)
    return found


def _of_container(runtime: Iterable[Observation], old_id: str, since_ns: int, container: str) -> Iterable[Line]:
    """Most lines name their container. The others are assigned by container id, once an id is known."""
    ids = {old_id} if old_id else set()
    for seen in runtime:
        line = read(seen) if seen.container in {container, ""} else None
        if line is None or line.own_ns < since_ns:
            continue
        if seen.container == container:
            ids.add(line.id)
        elif line.id not in ids:
            continue
        yield line


def _between(before: Line | None, after: Line, since_ns: int) -> list[Source]:
    """[call, return] by containerd's own clock. If the journal's stamp of the return contradicts it, that stamp is a second
    source.
    """
    hi_ns = after.exited_ns or after.own_ns
    how = "exited_at" if after.exited_ns else after.act.value
    own = Source(min(since_ns, hi_ns), hi_ns, COMMAND, f"containerd: {how}", CLOCK_NS)
    if before is not None and before.own_ns <= hi_ns:
        own = replace(own, lo_ns=before.own_ns, not_before=f"containerd: {before.act.value}")
    if after.own_ns - CLOCK_NS <= after.journal_ns <= after.own_ns + DELAY_NS:
        return [own]
    evidence = f"the journal's stamp of containerd's line: {how}"
    return [own, Source(after.journal_ns - DELAY_NS, after.journal_ns, evidence, evidence, CLOCK_NS)]
