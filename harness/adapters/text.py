"""Text of others, made fit for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""The text with each character that prints nothing, but newline and tab, as its escape, such as `\x1b`.

    Output of programs, answers of apps and what users wrote can hold sequences that recolour, rewrite or rename a terminal.
    """
    return "".join(one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode("ascii") for one in text)
