"""What the observers saw of a cycle's pod, as lanes of the timeline.

Each function takes the observations of one pod (rows as in a History) and the frame, and gives one Track, empty when nothing was
observed. A line is recognised by its stream and form, never by its time. Lines are counted before they are parsed, so a pod that
logs a million lines makes the page no larger.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from harness.apps.toggle import TCP_PROBE, Event, in_words
from harness.knative.containerd import Act, act_of
from harness.knative.endpoints import listing
from harness.knative.lines import QUEUE_PROXY_LOGGER, message_of, parsed, refused_text
from harness.knative.names import QUEUE_PROXY
from harness.knative.pods import container_of
from harness.model import Stream
from harness.report import words
from harness.report.tracks import Frame, Mark, Tone, Track, Turn, cut, spans

MOST_READ = 20_000
"""Lines of one stream that are read one by one in a cycle; the app logs one a probe and a handful a boot."""

_EVENT = r'"event":\s*"'
_PROBED = rf'{_EVENT}{Event.PROBE}"'
_ASKED = rf'{_EVENT}(?:{Event.PROBE}|{Event.REQUEST})"'
_REFUSED = rf'"logger":\s*"{QUEUE_PROXY_LOGGER}'
_PROBES = {
    "liveness": ("Liveness probes", "the kubelet asks: is it alive?"),
    "readiness": ("Readiness probes", "the kubelet or queue-proxy asks: may it get requests?"),
    "startup": ("Startup probes", "the kubelet asks: has it started?"),
    TCP_PROBE: ("TCP probes", "a connection to its port, no request"),
}
_LISTENER = {
    Event.BOOT: (Tone.BAD, "closed, starting", "the app's log: boot"),
    Event.LISTENING: (Tone.GOOD, "open", "the app's log: listening"),
    Event.CLOSED: (Tone.BAD, "closed", "the app's log: closed"),
    Event.EXIT: (Tone.BAD, "closed", "the app's log: exit"),
}


def of_stream(rows: pl.DataFrame, stream: Stream) -> pl.DataFrame:
    """The rows of one stream."""
    return rows.filter(pl.col("stream") == stream.value)


def _own_log(rows: pl.DataFrame, frame: Frame) -> pl.DataFrame:
    """The lines in the log of the container that is shown."""
    lines = of_stream(rows, frame.log)
    return lines.filter(pl.col("container") == frame.sidecar) if frame.sidecar else lines


def probes(rows: pl.DataFrame, frame: Frame, which: str, *, most: int) -> Track:
    """Each probe of this name that the app says it answered, good or failed."""
    name, plain = _PROBES.get(which, (f"{words.plain(which)} probes", "as the app logged them"))
    hits = _own_log(rows, frame).filter(
        pl.col("payload").str.contains(_PROBED) & pl.col("payload").str.contains(rf'"which":\s*"{re.escape(which)}"')
    )
    marks = []
    seen = hits.filter(pl.col("at_ns").is_between(frame.lo_ns, frame.hi_ns))
    for at_ns, _, payload in _read(seen, most):
        fields = parsed(payload) or {}
        good = fields.get("ok") is True
        status = f", answered {fields['status']}" if fields.get("status") else ""
        at = frame.seconds(_own_time(fields, at_ns))
        text = f"{which} probe {'good' if good else 'FAILED'}{status} at {at:+.3f} s (the app's log)"
        marks.append(Mark(at, at, Tone.GOOD if good else Tone.BAD, cut(text)))
    return Track(f"probe-{which}", name, plain, (frame.log,), marks=tuple(marks), left_out=max(seen.height - most, 0))


def probe_names(rows: pl.DataFrame, frame: Frame) -> list[str]:
    """The names under which the app logged probes, known ones first; at most eight."""
    hits = _own_log(rows, frame).filter(pl.col("payload").str.contains(_PROBED))
    names = hits["payload"].str.extract(r'"which":\s*"([a-z0-9-]{1,40})"').drop_nulls().unique().to_list()
    known = list(_PROBES)
    return sorted(names, key=lambda name: (known.index(name) if name in known else len(known), name))[:8]


def listener(rows: pl.DataFrame, frame: Frame) -> Track:
    """Whether the app accepts connections, as it says itself."""
    found = _own_log(rows, frame).filter(pl.col("payload").str.contains(_EVENT + f'({"|".join(_LISTENER)})"'))
    turns = []
    for at_ns, _, payload in _read(found, MOST_READ):
        fields = parsed(payload) or {}
        tone, word, evidence = _LISTENER[fields["event"]] if fields.get("event") in _LISTENER else (Tone.UNKNOWN, "not known", "")
        turns.append(Turn(_own_time(fields, at_ns), tone, word, evidence))
    return Track("listener", f"{frame.owner}'s listener", "does the app accept connections?", (frame.log,), spans(turns, frame))


def container(rows: pl.DataFrame, frame: Frame) -> Track:
    """The life of the app's container: by containerd's journal, else by the pod's status, which is true to a second."""
    turns = list(_journal_turns(rows, frame.container))
    # The journal is followed from the run's start on: what ran before its first word is known from the pod's status.
    turns = [*_running_before(rows, frame), *turns] if turns else list(_status_turns(rows, frame))
    streams = (Stream.CONTAINERD, Stream.PODS)
    return Track("container", f"{frame.owner}'s container", "the state of its process", streams, spans(turns, frame))


def _journal_turns(rows: pl.DataFrame, name: str) -> Iterator[Turn]:
    mine = of_stream(rows, Stream.CONTAINERD).filter(pl.col("container") == name)
    running = False
    for at_ns, _, payload in _read(mine, MOST_READ):
        act = act_of(payload)
        if act is Act.STOP_ASKED:
            yield Turn(at_ns, Tone.TURN, "stopping", "containerd's journal: StopContainer")
        elif act in {Act.EXITED, Act.GONE}:
            yield Turn(at_ns, Tone.BAD, "gone", "containerd's journal: the process exited")
            running = False
        elif act in {Act.CREATE_ASKED, Act.CREATED} and not running:
            yield Turn(at_ns, Tone.TURN, "creating", "containerd's journal: CreateContainer")
        elif act is Act.STARTED:
            yield Turn(at_ns, Tone.GOOD, "running", "containerd's journal: StartContainer returns")
            running = True


def _running_before(rows: pl.DataFrame, frame: Frame) -> Iterator[Turn]:
    for at_ns, fields in _pod_states(rows):
        since = container_of(fields, frame.container).get("running_since_ns")
        if at_ns <= frame.origin_ns and isinstance(since, int):
            yield Turn(min(since, frame.lo_ns), Tone.GOOD, "running", "the pod's status")
            return


def _status_turns(rows: pl.DataFrame, frame: Frame) -> Iterator[Turn]:
    source = "the pod's status (true to 1 s)"
    for at_ns, fields in _pod_states(rows):
        user = container_of(fields, frame.container)
        ended = user.get("terminated") or user.get("last_terminated")
        if isinstance(ended, dict) and isinstance(ended.get("finished_ns"), int) and frame.shows(ended["finished_ns"]):
            yield Turn(ended["finished_ns"], Tone.BAD, "gone", source)
        since = user.get("running_since_ns")
        if isinstance(since, int):
            yield Turn(since, Tone.GOOD, "running", source)
        elif user.get("waiting"):
            yield Turn(at_ns, Tone.TURN, "waiting", f"{source}: {user['waiting']}")


def pod_ready(rows: pl.DataFrame, frame: Frame) -> Track:
    """The pod's Ready condition as the watch delivered it."""
    turns = []
    for at_ns, fields in _pod_states(rows):
        if fields.get("deleting"):
            turns.append(Turn(at_ns, Tone.BAD, "being deleted", "the pod's own object"))
        elif fields.get("ready") is True:
            turns.append(Turn(at_ns, Tone.GOOD, "Ready", "the pod's Ready condition, when the watch delivered it"))
        elif fields.get("ready") is False:
            turns.append(Turn(at_ns, Tone.BAD, "not Ready", "the pod's Ready condition, when the watch delivered it"))
    return Track("pod-ready", "Pod Ready", "the pod's Ready condition", (Stream.PODS,), spans(turns, frame))


def queue_proxy(rows: pl.DataFrame, frame: Frame, *, most: int) -> Track:
    """Readiness of queue-proxy, the sidecar every request goes through: its container's state, and its failed probes as events."""
    turns = []
    for at_ns, fields in _pod_states(rows):
        ready = container_of(fields, QUEUE_PROXY).get("ready")
        if isinstance(ready, bool):
            word = "ready" if ready else "not ready"
            turns.append(Turn(at_ns, Tone.GOOD if ready else Tone.BAD, word, "the pod's status of queue-proxy's container"))
    failed = _within(of_stream(rows, Stream.EVENTS), frame).filter(
        (pl.col("container") == QUEUE_PROXY) & pl.col("payload").str.contains('"Unhealthy"', literal=True)
    )
    marks = tuple(_events(failed, frame, most))
    streams = (Stream.PODS, Stream.EVENTS)
    return Track("queue-proxy", "queue-proxy ready", "readiness of the sidecar's container", streams, spans(turns, frame), marks)


def endpoint(slices: pl.DataFrame, frame: Frame) -> Track:
    """Whether the pod's endpoint was ready, in the slice that lists it.

    slices: rows of the stream endpointslices.
    """
    near = slices.filter(pl.col("seen_ns").is_between(frame.lo_ns - 600_000_000_000, frame.hi_ns))
    turns = []
    for at_ns, seen in listing(((at_ns, payload) for at_ns, _, payload in _read(near, MOST_READ, by="seen_ns")), frame.pod):
        ready = seen.ready.get(frame.pod, False)
        word = "ready" if ready else "not ready" if frame.pod in seen.ready else "not listed"
        evidence = f"EndpointSlice {seen.name}, when the watch delivered it"
        turns.append(Turn(at_ns, Tone.GOOD if ready else Tone.BAD, word, evidence))
    return Track("endpoint", "Endpoint ready", "its entry in the EndpointSlice", (Stream.ENDPOINTS,), spans(turns, frame))


def refused_lines(rows: pl.DataFrame, frame: Frame, *, port: int, bin_us: int) -> Track:
    """queue-proxy's log: so many refused lines in a bin."""
    found = _refused(rows, port).filter(pl.col("at_ns").is_between(frame.lo_ns, frame.hi_ns))
    counts = (
        found.group_by(bin=(pl.col("at_ns") - frame.origin_ns) // 1000 // bin_us)
        .len()
        .sort("bin")
        .select("bin", pl.col("len").cast(pl.Int64))
    )
    plain = "lines: the app's port refused"
    return Track("refused-lines", "queue-proxy refused", plain, (Stream.QUEUE_PROXY,), density=tuple(counts.iter_rows()))


def lines(rows: pl.DataFrame, frame: Frame, stream: Stream, *, port: int, most: int) -> Track:
    """The other lines of one stream, each as a mark; past `most` they are only counted."""
    key, name, plain = {
        Stream.QUEUE_PROXY: ("log-queue-proxy", "queue-proxy's log", "its other lines"),
        Stream.APP: ("log-app", "App's log", "its lines other than probes and requests"),
        Stream.SIDECAR: ("log-sidecar", "Sidecars' logs", "their lines other than probes"),
        Stream.ACTIVATOR: ("log-activator", "activator's log", "holds requests without a ready pod"),
        Stream.KUBELET: ("journal-kubelet", "kubelet's journal", "probes and restarts containers"),
        Stream.CONTAINERD: ("journal-containerd", "containerd's journal", "starts and stops containers"),
        Stream.EVENTS: ("events", "Kubernetes events", "true to a second"),
    }[stream]
    mine = _within(of_stream(rows, stream), frame)
    if stream is Stream.QUEUE_PROXY:
        mine = mine.filter(~_is_refused(port))
    if stream in {Stream.APP, Stream.SIDECAR}:
        mine = mine.filter(~pl.col("payload").str.contains(_ASKED))
    marks = tuple(_events(mine, frame, most) if stream is Stream.EVENTS else _line_marks(mine, frame, most))
    return Track(key, name, plain, (stream,), marks=marks, left_out=max(mine.height - most, 0))


def _line_marks(rows: pl.DataFrame, frame: Frame, most: int) -> Iterator[Mark]:
    for at_ns, _, payload in _read(rows, most):
        at = frame.seconds(at_ns)
        fields = parsed(payload) or {}
        tone = Tone.BAD if fields.get("severity") in {"error", "fatal"} or fields.get("level") in {"error", "fatal"} else Tone.INFO
        yield Mark(at, at, tone, cut(f"{at:+.3f} s: {in_words(payload) or message_of(payload)}"))


def _events(rows: pl.DataFrame, frame: Frame, most: int) -> Iterator[Mark]:
    for at_ns, until_ns, payload in _read(rows, most):
        fields = parsed(payload) or {}
        often = f" (x{fields['count']})" if isinstance(fields.get("count"), int) and fields["count"] > 1 else ""
        whose = f" of {fields['container']}" if fields.get("container") else ""
        tone = Tone.BAD if fields.get("type") == "Warning" or fields.get("reason") == "Killing" else Tone.INFO
        lo, hi = frame.seconds(at_ns), frame.seconds(until_ns)
        text = f"{fields.get('reason', 'event')}{often}{whose}, {lo:+.1f} to {hi:+.1f} s: {fields.get('message', payload)}"
        if until_ns > frame.hi_ns:
            # The harness deletes the pod right after its cycle; what may belong to that is not drawn as if it were a failure.
            tone, text = Tone.INFO, f"(perhaps after the cycle) {text}"
        yield Mark(lo, hi, tone, cut(text))


def _pod_states(rows: pl.DataFrame) -> list[tuple[int, dict[str, Any]]]:
    """(when the watch delivered it, what) of the pod's own object, in order."""
    return [(at_ns, parsed(payload) or {}) for at_ns, _, payload in _read(of_stream(rows, Stream.PODS), MOST_READ, by="seen_ns")]


def _read(rows: pl.DataFrame, most: int, *, by: str = "at_ns") -> Iterator[tuple[int, int, str]]:
    """(at, at + resolution, payload) of the first rows by time."""
    first = rows.sort(by, maintain_order=True).head(most)
    yield from first.select(pl.col(by), until=pl.col(by) + pl.col("resolution_ns"), payload=pl.col("payload")).iter_rows()


def _within(rows: pl.DataFrame, frame: Frame) -> pl.DataFrame:
    """The rows that may be of the stretch that is shown."""
    return rows.filter((pl.col("at_ns") + pl.col("resolution_ns") >= frame.lo_ns) & (pl.col("at_ns") <= frame.hi_ns))


def _own_time(fields: Mapping[str, Any], at_ns: int) -> int:
    """The app's own stamp; the log's where it has none."""
    own = fields.get("t_ns")
    return own if isinstance(own, int) and not isinstance(own, bool) and abs(own) < 2**62 else at_ns


def _is_refused(port: int) -> pl.Expr:
    return pl.col("payload").str.contains(refused_text(port), literal=True) & pl.col("payload").str.contains(_REFUSED)


def _refused(rows: pl.DataFrame, port: int) -> pl.DataFrame:
    return of_stream(rows, Stream.QUEUE_PROXY).filter(_is_refused(port))
