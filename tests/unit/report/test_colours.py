"""Colours that can be told apart: in both schemes, on the background, and by people who see fewer of them."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from harness.report.html import asset, environment
from harness.report.traffic import ORDER

DEUTERANOPIA = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
PROTANOPIA = ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998))
NORMAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
"""What is seen of linear red, green and blue. Source: Machado, Oliveira and Fernandes 2009, severity 1."""

Rgb = tuple[float, float, float]


def colours(scheme: str) -> dict[str, Rgb]:
    """The named colours of a scheme, linear."""
    found = re.findall(r"--([a-z-]+): #([0-9a-f]{6})", asset(f"{scheme}.css"))
    return {name: linear(code) for name, code in found}


def linear(code: str) -> Rgb:
    """Of a six-digit hexadecimal colour."""
    parts = [int(code[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue


def light(colour: Rgb) -> float:
    """Relative luminance."""
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def contrast(one: Rgb, other: Rgb) -> float:
    """1 to 21."""
    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def apart(one: Rgb, other: Rgb, eye: tuple[tuple[float, ...], ...]) -> float:
    """Distance in CIE L*a*b* as that eye sees it; 2.3 is just noticeable."""
    return float(sum((a - b) ** 2 for a, b in zip(lab(one, eye), lab(other, eye), strict=True)) ** 0.5)


def lab(colour: Rgb, eye: tuple[tuple[float, ...], ...]) -> Rgb:
    """L*, a*, b* for D65."""
    r, g, b = (min(max(sum(k * part for k, part in zip(row, colour, strict=True)), 0.0), 1.0) for row in eye)
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_drawn_stands_out_from_the_card(scheme: str) -> None:
    """3 to 1 for shapes, 4.5 to 1 for what is text as well."""
    named = colours(scheme)
    shapes = [name for name in named if name.startswith(("c-", "t-", "k-"))]
    assert len(shapes) == 17
    assert [name for name in shapes if contrast(named[name], named["card"]) < 3] == []
    texts = ("ink", "soft", "c-http", *(name for name in named if name.startswith("k-")))
    assert [name for name in texts if contrast(named[name], named["card"]) < 4.5] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("eye", [NORMAL, DEUTERANOPIA, PROTANOPIA], ids=["normal", "deuteranopia", "protanopia"])
def test_failed_and_answered_differ_in_colour_for_every_eye(scheme: str, eye: tuple[tuple[float, ...], ...]) -> None:
    """So do the tones of the lanes that mean the opposite."""
    named = colours(scheme)
    failed = [name for name in ORDER if name not in {"ok", "slow"}]
    pairs = [(f"c-{name}", "c-ok") for name in failed] + [("t-good", "t-bad")]
    assert {
        pair: apart(named[pair[0]], named[pair[1]], eye) for pair in pairs if apart(named[pair[0]], named[pair[1]], eye) < 12
    } == {}


def test_no_two_groups_share_a_pattern() -> None:
    """On paper without colours, hatching tells one failure from the other; what was answered has none."""
    source = environment().from_string('{% import "drawings.svg.j2" as draw with context %}{{ draw.patterns() }}').render()
    found = dict(re.findall(r'<pattern id="p-([a-z]+)".*?<path d="([^"]+)"', source))
    drawn = [name for name in ORDER if name != "ok"]
    assert set(drawn) <= set(found)
    assert [(a, b) for a, b in combinations(drawn, 2) if found[a] == found[b]] == []
    assert len({found[name] for name in ("bad", "turn", "gap")}) == 3
