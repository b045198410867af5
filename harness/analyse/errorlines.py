"""The forwarding errors of a log as columns: hundreds of thousands of lines with few distinct texts.

`knative.lines` classifies lines. It is called once for each *form*: lines that differ only in their time and in their message,
which contains socket counters that the account does not need. The result is the same as for each single line, because only the
inside of one JSON string is removed and that of another one is replaced. Lines that do not fit are classified one by one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from harness.analyse.columns import Flags, Indices, coded, stamps_ns
from harness.analyse.windows import Window
from harness.knative.lines import LineKind, kind_of, parsed
from harness.knative.times import stamp_ns
from harness.model import Stream

_STAMP = "[0-9TZ:.+-]*"
_STRING = r'(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*'
"""The inside of a JSON string. It can be removed without changing the meaning of the rest of the line."""

_FORM = re.compile(rf'(.*?"timestamp":"){_STAMP}(".*?"message":"){_STRING}(".*)', re.DOTALL)
"""A line of the usual form: before + its time + between + the inside of its message + after."""

_FORMS = 32
"""Forms of one pod's lines that are looked for. Lines of further forms are classified one by one."""

ANSWER_BYTES = 512
"""The generator keeps this many bytes of a body (harness/load/wire.py). A longer text of a line is compared by its beginning."""

_STAND_INS = ("<stamp>", "<another stamp>")


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
        """Classify those of these lines that have the form of the first one, and return the others."""
        form = None if lines.is_empty() else _FORM.fullmatch(lines["payload"][0])
        if form is None:
            return lines[1:]
        before, between, after = form.groups()
        alike = _of_form(lines, before, between, after)
        row = alike["row"].to_numpy()
        self.text[row] = text = self._text_of_form(before, between + after)
        if text not in {_OTHER, _ASK}:
            stamp, readable = stamps_ns(alike["stamp"])
            self.at_ns[row] = np.where(readable & (stamp != 0), stamp, self.at_ns[row])
        return lines.join(alike, on="row", how="anti")

    def _text_of_form(self, before: str, after: str) -> int:
        """The text index of lines that differ only in the part between these two, if that is their time; else _ASK or _OTHER."""
        plain, other = (before + stand_in + after for stand_in in _STAND_INS)
        if kind_of(self._stream, plain) is not self._wanted:
            return _OTHER
        line, again = parsed(plain) or {}, parsed(other) or {}
        if (line.get("timestamp"), again.get("timestamp")) != _STAND_INS:
            return _ASK
        return self._index(line)

    def _text_of_line(self, payload: str, at_ns: int) -> tuple[int, int]:
        """(text, time) of one line by itself."""
        if kind_of(self._stream, payload) is not self._wanted:
            return _OTHER, at_ns
        line = parsed(payload) or {}
        return self._index(line), stamp_ns(line.get("timestamp")) or at_ns

    def _index(self, line: dict[str, Any]) -> int:
        return self.texts.setdefault(as_answered(str(line["error"])), len(self.texts))


def _of_form(lines: pl.DataFrame, before: str, between: str, after: str) -> pl.DataFrame:
    """row, stamp of those of these lines (row, payload) that are before + stamp + between + (the message's inside) + after."""
    line, rest, inside = pl.col("payload"), pl.col("rest"), pl.col("inside")
    seen = lines.lazy().filter(line.str.starts_with(before)).select("row", line.str.slice(len(before)).alias("rest"))
    seen = seen.filter(rest.str.ends_with(after)).select("row", rest.str.strip_suffix(after).alias("inside"))
    seen = seen.filter(inside.str.contains(f"^{_STAMP}{pl.escape_regex(between)}{_STRING}$"))
    return seen.select("row", inside.str.slice(0, inside.str.find('"', literal=True)).alias("stamp")).collect()
