"""The forwarding errors of a log as columns: hundreds of thousands of lines with few distinct texts.

`knative.lines` classifies lines. It is called once for each *form*: lines that differ only in their time, their error, and their
message, which contains socket counters that the account does not need. The result is the same as for each single line, because only
the insides of three JSON strings are replaced. Lines that do not fit are classified one by one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from harness.analyse.columns import Flags, Indices, coded, stamps_ns
from harness.analyse.windows import Window
from harness.knative.lines import LineKind, kind_of, parsed
from harness.knative.times import stamp_ns
from harness.model import Stream

_STAMP = "[0-9TZ:.+-]*"
_STRING = r'(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*'
"""The inside of a JSON string. It can be replaced without changing the meaning of the rest of the line."""

_FORM = re.compile(
    rf'(?P<head>.*?"timestamp":"){_STAMP}(?P<first>".*?"message":"){_STRING}(?P<second>".*?"error":"){_STRING}(?P<tail>".*)',
    re.DOTALL,
)
"""A line of the usual form: head + its time + first + the inside of its message + second + the inside of its error + tail."""

_FORMS = 32
"""Forms of one pod's lines that are looked for. Lines of further forms are classified one by one."""

ANSWER_BYTES = 512
"""The generator keeps this many bytes of a body (harness/load/wire.py). A longer text of a line is compared by its beginning."""

_STAND_INS = (("<stamp>", "<error>"), ("<another stamp>", "<another error>"))


@dataclass(frozen=True, slots=True)
class ErrorLines:
    """Forwarding errors by `at_ns`. told_ns: the line's own time. read_ns: when the container runtime read it.

    at_ns is told_ns, or read_ns after `as_read`. pod, text: indices in `pods` and `texts`. A text is cut and trimmed like the body
    of the 502 that contains it.
    """

    at_ns: Indices
    told_ns: Indices
    read_ns: Indices
    pod: Indices
    text: Indices
    pods: tuple[str, ...]
    texts: tuple[str, ...]

    def taken(self, which: Flags | Indices | slice) -> ErrorLines:
        """Some of the lines."""
        columns = ("at_ns", "told_ns", "read_ns", "pod", "text")
        return replace(self, **{name: getattr(self, name)[which] for name in columns})

    def as_read(self) -> ErrorLines:
        """The same by the time they were read."""
        return replace(self, at_ns=self.read_ns)

    def within(self, window: Window) -> ErrorLines:
        """The lines of this stretch of time."""
        return self.taken(window.cut(self.at_ns))

    def of_pods(self, pods: Collection[str]) -> Flags:
        """Which lines are of these pods."""
        return np.isin(self.pod, [index for index, name in enumerate(self.pods) if name in pods])

    def saying(self, text: str) -> Flags:
        """Which lines have this text."""
        return np.equal(self.text, self.texts.index(text) if text in self.texts else -1)


def forwarding_errors(observations: pl.DataFrame, stream: Stream) -> ErrorLines:
    """The forwarding errors of one stream (QUEUE_PROXY or ACTIVATOR), by time.

    observations: of any streams. The line's own `timestamp` is preferred; without a readable one the observation's stamp stands.
    """
    of_stream = observations.lazy().filter(pl.col("stream") == stream.value).select("pod", "at_ns", "payload").collect()
    # In two steps, so that the lines of other streams are not searched.
    rows = of_stream.filter(pl.col("payload").str.contains('"error"', literal=True)).with_row_index("row")
    lines = _Lines(rows, stream)
    wanted = np.flatnonzero(lines.text != _OTHER)
    wanted = wanted[np.argsort(lines.at_ns[wanted], kind="stable")]
    at_ns, text = lines.at_ns[wanted], lines.text[wanted]
    pod, pods = coded(rows["pod"])
    return ErrorLines(at_ns, at_ns, rows["at_ns"].to_numpy()[wanted], pod[wanted], text, tuple(pods), tuple(lines.texts))


def as_answered(error: str) -> str:
    """The error of a line, cut and trimmed like the body of an answer in the generator's records."""
    said = error.encode(errors="surrogatepass")
    return error.strip() if len(said) <= ANSWER_BYTES else said[:ANSWER_BYTES].decode(errors="replace").strip()


_OTHER, _ASK = -1, -2
"""Instead of a text index. _OTHER: the line is no forwarding error. _ASK: it must be classified by itself."""


class _Lines:
    """Lines (row, pod, at_ns, payload) classified form by form. text, at_ns: of each line. texts: each with its index."""

    def __init__(self, rows: pl.DataFrame, stream: Stream) -> None:
        self.text = np.full(rows.height, _ASK, dtype=np.int64)
        self.at_ns = rows["at_ns"].to_numpy().copy()
        self.texts: dict[str, int] = {}
        self._stream = stream
        self._wanted = LineKind.FORWARDING_ERROR if stream is Stream.QUEUE_PROXY else LineKind.ACTIVATOR_ERROR
        for left in rows.select("row", "pod", "payload").partition_by("pod"):
            for _ in range(_FORMS):
                left = self._without_a_form(left)  # noqa: PLW2901
        asked = np.flatnonzero(self.text == _ASK)
        for row, payload in zip(asked.tolist(), rows["payload"].gather(asked), strict=True):
            self.text[row], self.at_ns[row] = self._text_of_line(payload, int(self.at_ns[row]))

    def _without_a_form(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Classify the lines of the first usual form among these, and return those after its first line that have other forms."""
        payloads = lines["payload"]  # looked at one by one: iterating would make all of them Python's
        forms = ((place, _FORM.fullmatch(payloads[place])) for place in range(lines.height))
        place, form = next(((place, form.groupdict()) for place, form in forms if form), (0, {}))
        if not form:
            return lines.clear()
        alike = _of_form(lines[place:], **form)
        row = alike["row"].to_numpy()
        kind = self._kind_of_form(**form)
        if kind is self._wanted:
            said, distinct = coded(alike["error"])
            self.text[row] = np.array([self._index(json.loads(f'"{inside}"')) for inside in distinct], dtype=np.int64)[said]
            stamp, readable = stamps_ns(alike["stamp"])
            self.at_ns[row] = np.where(readable & (stamp != 0), stamp, self.at_ns[row])
        elif kind is not None:
            self.text[row] = _OTHER
        return lines[place:].join(alike, on="row", how="anti")

    def _kind_of_form(self, head: str, first: str, second: str, tail: str) -> LineKind | None:
        """The kind of the lines of this form; None: what was cut out of them is not their time and their error."""
        plain, other = (f"{head}{stamp}{first}{second}{error}{tail}" for stamp, error in _STAND_INS)
        line, again = parsed(plain) or {}, parsed(other) or {}
        kind = kind_of(self._stream, plain)
        seen = tuple((one.get("timestamp"), one.get("error")) for one in (line, again))
        return kind if kind is not self._wanted or seen == _STAND_INS else None

    def _text_of_line(self, payload: str, at_ns: int) -> tuple[int, int]:
        """(text, time) of one line by itself."""
        if kind_of(self._stream, payload) is not self._wanted:
            return _OTHER, at_ns
        line = parsed(payload) or {}
        return self._index(str(line["error"])), stamp_ns(line.get("timestamp")) or at_ns

    def _index(self, error: str) -> int:
        return self.texts.setdefault(as_answered(error), len(self.texts))


def _of_form(lines: pl.DataFrame, head: str, first: str, second: str, tail: str) -> pl.DataFrame:
    """row, stamp, error of those of these lines (row, payload) that have this form. error: the inside of the JSON string."""
    line, rest, told, error = (pl.col(name) for name in ("payload", "rest", "told", "error"))
    seen = lines.lazy().filter(line.str.starts_with(head)).select("row", line.str.slice(len(head)).alias("rest"))
    seen = seen.filter(rest.str.ends_with(tail)).select("row", rest.str.strip_suffix(tail).str.splitn(second, 2).alias("parts"))
    seen = seen.select("row", pl.col("parts").struct.rename_fields(["told", "error"]).struct.unnest())
    seen = seen.filter(told.str.contains(f"^{_STAMP}{pl.escape_regex(first)}{_STRING}$") & error.str.contains(f"^{_STRING}$"))
    return seen.select("row", "error", told.str.slice(0, told.str.find('"', literal=True)).alias("stamp")).collect()
