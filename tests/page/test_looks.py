"""How it looks: both schemes, paper, a phone, no script. Pictures of all of them go to artifacts/page/ for people to look at."""

from __future__ import annotations

import base64
import re

import pytest

from tests.page.conftest import SHOTS, Browser, Page

pytestmark = pytest.mark.page

BACKGROUND = "return getComputedStyle(document.body).backgroundColor"

CONTRAST = """
const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return {rgb: n.slice(0, 3), alpha: n[3] ?? 1}; };
const linear = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((m, n) => n - m); return (x + 0.05) / (y + 0.05); };
const under = (e) => {
  for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.alpha > 0.99) return c.rgb; }
  return [255, 255, 255];
};
const out = [];
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.checkVisibility() || e.closest('script, style') || e.closest('.defs')) continue;
  if (e.closest('[disabled]') || e.matches('label:has([disabled])')) continue;
  const style = getComputedStyle(e), svg = e.ownerSVGElement !== null && e.ownerSVGElement !== undefined;
  const box = e.matches('.on-good') ? getComputedStyle(e.parentElement.querySelector('.s-good')).fill : null;
  const back = box ? parse(box).rgb : under(svg ? e.ownerSVGElement.parentElement : e);
  const r = ratio(parse(svg ? style.fill : style.color).rgb, back);
  if (r < 4.5) out.push([Math.round(r * 100) / 100, e.localName, e.getAttribute('class'), e.textContent.trim().slice(0, 30)]);
}
return out;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["s1-knative-1.23", "troubled"])
def test_all_text_can_be_read_in_both_schemes(browser: Browser, pages: dict[str, Page], name: str, scheme: str) -> None:
    """Contrast of 4.5 to 1 at least for every text that is shown, on whatever lies under it."""
    browser.open(pages[name])
    browser.media(scheme)
    for tab in ("All cycles", "Cycle 0"):
        browser.choose(tab)
        assert browser.run(CONTRAST) == []


def test_the_contrast_check_can_say_no(browser: Browser, s1: Page) -> None:
    """Pale text on the page is found."""
    browser.open(s1)
    browser.run("document.querySelector('h2').style.color = '#cccccc'")
    assert [found[1] for found in browser.run(CONTRAST)] == ["h2"]


def test_the_scheme_follows_the_reader_and_the_button(browser: Browser, s1: Page) -> None:
    """The system's scheme first; the button goes to light, to dark, and back to the system's."""
    browser.open(s1)
    light = browser.run(BACKGROUND)
    browser.media("dark")
    dark = browser.run(BACKGROUND)
    assert light != dark
    button = browser.one("#scheme")
    seen = []
    for _ in range(3):
        button.click()
        seen.append((button.text, browser.run(BACKGROUND)))
    assert seen == [("Colours: light", light), ("Colours: dark", dark), ("Colours: system", dark)]
    browser.media("light")
    assert browser.run(BACKGROUND) == light


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["s1-knative-1.23", "n1-knative-1.23", "hostile", "troubled", "large"])
def test_pictures_are_kept(browser: Browser, pages: dict[str, Page], name: str, scheme: str) -> None:
    """All cycles, then one; nothing is wider than the window."""
    browser.open(pages[name])
    browser.media(scheme)
    browser.shot(f"{name}-{scheme}-all", whole=True)
    browser.choose("Cycle 0")
    browser.run("document.getElementById('timeline').scrollIntoView()")
    browser.shot(f"{name}-{scheme}-cycle")
    assert browser.run("return document.documentElement.scrollWidth <= window.innerWidth")


def test_paper_is_light_still_and_complete(browser: Browser, s1: Page) -> None:
    """Printed from the dark scheme: no controls, every cycle drawn, none cut by the end of a page, closed parts opened."""
    browser.open(s1)
    browser.one("#scheme").click()
    browser.one("#scheme").click()
    browser.media("dark", paper=True)
    assert browser.run(BACKGROUND) == "rgb(250, 250, 248)"
    shown = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility()).length"
    assert browser.run(shown, ".live, button") == 0
    assert browser.run(shown, ".still.cycle svg") >= 5
    assert browser.run("return [...document.querySelectorAll('.cycle')].every((e) => getComputedStyle(e).breakInside === 'avoid')")
    assert browser.run("return document.querySelector('details.evidence table').getBoundingClientRect().height") > 100
    browser.shot("s1-paper", whole=True)
    paper = browser.command("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True)
    printed = base64.b64decode(paper["data"])
    (SHOTS / "s1-paper.pdf").write_bytes(printed)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) >= 4


def test_it_can_be_read_without_script(browser: Browser, s1: Page) -> None:
    """The sentence, every cycle as a drawing, the tables; nothing that would need a script is shown."""
    browser.open(s1, script=False)
    text = browser.one("body").text
    assert "The app was made to fail its liveness probe" in text
    assert "failed requests" in text
    drawings = browser.all(".still.cycle svg[role=img]")
    assert len(drawings) == 5
    assert all(drawing.is_displayed() for drawing in drawings)
    assert not browser.one("#timeline").is_displayed()
    assert not browser.one("#scheme").is_displayed()
    browser.shot("s1-without-script", whole=True)
    browser.command("Emulation.setScriptExecutionDisabled", value=False)


def test_the_first_screen_says_what_happened(browser: Browser, s1: Page) -> None:
    """Without scrolling: the verdict, what was done, what the clients saw, for how long, and the numbers."""
    browser.open(s1, width=1240, height=900)
    inside = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom <= window.innerHeight"
    for selector in (".ruling", ".what", ".sentences", ".numbers"):
        assert browser.run(inside, selector), selector
    text = browser.one(".sentences").text
    for part in ("liveness probe", "requests a second", "failed (HTTP 502", "refused requests for", "the pod was Ready"):
        assert part in text
    browser.shot("s1-first-screen")
