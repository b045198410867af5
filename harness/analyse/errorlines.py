"""The forwarding errors of a log as columns: hundreds of thousands of lines with few distinct texts.

`knative.lines` classifies lines. It is called once for each *form*: lines that differ only in their time and in their message,
which contains socket counters that the account does not need. The result is the same as for each single line, because only the
inside of one JSON string is removed and that of another one is replaced. Lines that do not fit are classified one by one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from harness.analyse.columns import Flags, Indices, coded, combined, stamps_ns
from harness.analyse.windows import Window
from harness.knative.lines import LineKind, kind_of, parsed
from harness.knative.times import stamp_ns
from harness.model import Stream

_STAMP = '"timestamp":"'
_MESSAGE = '"message":"'
_OF_A_STAMP = r"^[0-9TZ:.+-]*$"
_OF_A_STRING = r'^(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*$'
"""The inside of a JSON string. It can be removed without changing the meaning of the rest of the line."""

_HEAD = 512
"""Characters in which time and message are looked for. What follows is a stack trace, and is not copied."""

_CHUNK = 1 << 13
"""Lines read at a time, so that the copies are small."""

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
    mine = (pl.col("stream") == stream.value) & pl.col("payload").str.contains('"error"', literal=True)
    rows = observations.lazy().filter(mine).select("pod", "at_ns", "payload").collect()
    forms = _Forms(stream)
    parts = [forms.read(chunk) for chunk in rows.iter_slices(_CHUNK)]
    text, at_ns = (np.concatenate(column) for column in zip(*parts, strict=True)) if parts else (np.zeros(0, np.int64),) * 2
    wanted = np.flatnonzero(text != _OTHER)
    wanted = wanted[np.argsort(at_ns[wanted], kind="stable")]
    pod, pods = coded(rows["pod"])
    read_ns = rows["at_ns"].to_numpy()
    return ErrorLines(at_ns[wanted], at_ns[wanted], read_ns[wanted], pod[wanted], text[wanted], tuple(pods), tuple(forms.texts))


def as_answered(error: str) -> str:
    """The error of a line, cut and trimmed like the body of an answer in the generator's records."""
    said = error.encode(errors="surrogatepass")
    return error.strip() if len(said) <= ANSWER_BYTES else said[:ANSWER_BYTES].decode(errors="replace").strip()


_OTHER, _ASK = -1, -2
"""Instead of a text index. _OTHER: the line is no forwarding error. _ASK: each line of this form must be classified by itself."""


class _Forms:
    """Reads lines form by form. texts: those said so far, each with its index."""

    def __init__(self, stream: Stream) -> None:
        self.texts: dict[str, int] = {}
        self._stream = stream
        self._wanted = LineKind.FORWARDING_ERROR if stream is Stream.QUEUE_PROXY else LineKind.ACTIVATOR_ERROR

    def read(self, rows: pl.DataFrame) -> tuple[Indices, Indices]:
        """(text, at_ns) of each of these lines; the text is _OTHER where it is no forwarding error."""
        parts = _parts(rows["payload"])
        at_ns = rows["at_ns"].to_numpy().copy()
        text = np.full(rows.height, _ASK, dtype=np.int64)
        usual = np.flatnonzero(parts["stamp"].is_not_null().to_numpy())
        parts = parts[usual]
        form, examples = combined(*(coded(parts[name])[0] for name in _AROUND))
        forms = parts.select(_AROUND)[examples].iter_rows()
        text[usual] = np.array([self._text_of_form(before, "".join(after)) for before, *after in forms], dtype=np.int64)[form]
        stamp, readable = stamps_ns(parts["stamp"])
        at_ns[usual] = np.where(readable & (stamp != 0), stamp, at_ns[usual])
        for row in np.flatnonzero(text == _ASK).tolist():
            text[row], at_ns[row] = self._text_of_line(rows["payload"][row], rows["at_ns"][row])
        return text, at_ns

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


_AROUND = ("before", "between", "after", "tail")


def _parts(payloads: pl.Series) -> pl.DataFrame:
    """before, stamp, between, after, tail: payload = before + stamp + between + (the message's inside) + after + tail.

    stamp: null if none can be removed; the other columns are then meaningless.
    """
    head, cut, rest, said = pl.col("head"), pl.col("cut"), pl.col("rest"), pl.col("said")
    stamp, message, length = pl.col("stamp"), pl.col("message"), pl.col("length")
    seen = pl.DataFrame({"head": payloads.str.slice(0, _HEAD), "tail": payloads.str.slice(_HEAD)}).lazy()
    ascii_only = head.str.len_bytes() == head.str.len_chars()  # find counts bytes, slice counts characters
    seen = seen.with_columns(pl.when(ascii_only).then(head.str.find(_STAMP, literal=True) + len(_STAMP)).alias("cut"))
    seen = seen.with_columns(head.str.slice(cut).alias("rest"))
    seen = seen.with_columns(rest.str.slice(0, rest.str.find('"', literal=True)).alias("stamp"))
    seen = seen.with_columns(pl.when(stamp.str.contains(_OF_A_STAMP)).then(stamp).alias("stamp"))
    seen = seen.with_columns(rest.str.slice(stamp.str.len_bytes()).alias("rest"))
    seen = seen.with_columns((rest.str.find(_MESSAGE, literal=True) + len(_MESSAGE)).alias("said"))
    seen = seen.with_columns(rest.str.slice(said).alias("message"))
    # The first quote that no backslash precedes. If it does not end the string, the text before it does not match _OF_A_STRING.
    seen = seen.with_columns(message.str.slice(0, message.str.find(r'[^\\]"') + 1).alias("message"))
    seen = seen.with_columns(pl.when(message.str.contains(_OF_A_STRING)).then(message.str.len_bytes()).alias("length"))
    spoken = length.is_not_null()
    return seen.select(
        head.str.slice(0, cut).alias("before"),
        stamp,
        pl.when(spoken).then(rest.str.slice(0, said)).otherwise(rest).alias("between"),
        pl.when(spoken).then(rest.str.slice(said + length)).otherwise(pl.lit("")).alias("after"),
        "tail",
    ).collect()
