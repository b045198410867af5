"""Whatever the run: nothing is complained of, nothing leaves the page, nothing hostile acts, and each figure is the summary's."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from selenium.common.exceptions import NoAlertPresentException

from tests.page.conftest import RECORDINGS, Browser, Page
from tests.unit.report.figures import agrees

pytestmark = pytest.mark.page

READ_ALL = """
const chart = document.getElementById('chart'), told = [];
const press = (key, shiftKey = false) => chart.dispatchEvent(new KeyboardEvent('keydown', {key, shiftKey}));
for (let row = 0; row < 40; row += 1) {
  press('ArrowDown');
  for (let mark = 0; mark < 60; mark += 1) {
    press('ArrowRight', true);
    const text = document.querySelector('.tip')?.textContent ?? '';
    if (text === told.at(-1)) break;
    told.push(text);
  }
}
return told;
"""
"""Goes through every lane and its marks by keyboard; what was said of each."""

NAMES = (*RECORDINGS, "hostile", "troubled", "n1", "large", "million")


def test_the_recordings_are_among_the_pages(pages: dict[str, Page]) -> None:
    """Each page that was built is looked at."""
    assert set(NAMES) == set(pages)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_complained_of_and_nothing_is_asked_for(browser: Browser, pages: dict[str, Page], name: str) -> None:
    """Through every tab: no error, no breach of the policy, and no address but the page's own."""
    page = pages[name]
    browser.open(page)
    for place in range(len(browser.all("[role=tab]")[:8])):
        tab = browser.all("[role=tab]")[place]
        tab.click()
        assert tab.get_attribute("aria-selected") == "true"
        browser.one("[data-do=in]").click()
    assert browser.run("return document.documentElement.classList.contains('js')") is True
    assert browser.logged("browser") == []
    assert browser.requested() == [page.path.as_uri()]


def test_a_breach_of_the_policy_would_be_seen(browser: Browser, s1: Page) -> None:
    """The check above can say no: a script and a picture that somebody adds are refused, and that is logged."""
    browser.open(s1)
    browser.run(
        "const s = document.createElement('img'); s.src = 'http://127.0.0.1:9/x.png'; document.body.append(s);"
        "const t = document.createElement('style'); t.textContent = 'body{color:red}'; document.body.append(t);"
    )
    found = browser.until(lambda: browser.logged("browser"), "a complaint")
    assert any("Content Security Policy" in entry["message"] for entry in found)


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_the_one_of_the_summary(browser: Browser, pages: dict[str, Page], name: str) -> None:
    """As rendered, in every tab: the text of each figure says what summary.json says at its path."""
    page = pages[name]
    browser.open(page)
    seen = 0
    for place in range(len(browser.all("[role=tab]")[:7])):
        browser.all("[role=tab]")[place].click()
        figures = browser.run(
            "return [...document.querySelectorAll('[data-figure]')]"
            ".map((e) => [e.dataset.figure, e.dataset.part ?? '', e.textContent])"
        )
        seen = max(seen, len(figures))
        assert [one for one in figures if not agrees(page.summary, *one)] == []
    assert seen > 50


@pytest.mark.parametrize("name", NAMES)
def test_every_request_is_drawn(browser: Browser, pages: dict[str, Page], name: str) -> None:
    """What the script draws from adds up to what the summary counts, cycle by cycle, in bins and one by one."""
    page = pages[name]
    browser.open(page)
    data: Any = json.loads(browser.run("return document.getElementById('run').textContent"))
    words = [label["words"] for label in data["labels"]]
    cycles = {cycle["index"]: cycle for cycle in page.summary["cycles"]}
    assert data["cycles"] or not page.summary["requests"]["sent"]
    for cycle in data["cycles"]:
        drawn: Counter[str] = Counter()
        for place in range(0, len(cycle["cells"]), 4):
            drawn[words[cycle["cells"][place + 1]]] += cycle["cells"][place + 3]
        said = cycles[cycle["index"]]["requests"]["by_outcome"]
        if name != "troubled":  # its findings are made up beside its requests
            assert drawn.total() == sum(said.values())
            assert drawn["answered"] + drawn["answered after 1 s or more"] == said["ok"]
        if cycle["singles"] is not None:
            assert Counter(words[ord(code) - 48] for code in cycle["singles"]["label"]) == drawn


def test_hostile_text_is_shown_and_not_obeyed(browser: Browser, pages: dict[str, Page]) -> None:
    """Through every tab, lane and mark of a run whose pod, logs, events and gaps try to break out."""
    browser.open(pages["hostile"])
    elements = "return [...new Set([...document.querySelectorAll('*')].map((e) => e.localName))].sort()"
    told: list[str] = []
    for tab in browser.all("[role=tab]"):
        tab.click()
        told += browser.run(READ_ALL)
    assert sum("<script>" in text for text in told) >= 10
    assert any("onerror=alert(2)" in text for text in told)
    assert not any(char in "".join(told) for char in "\u202e\u2066\x1b\x00")
    with pytest.raises(NoAlertPresentException):
        _ = browser.driver.switch_to.alert.text
    assert not set(browser.run(elements)) & {"img", "iframe", "object", "embed", "link", "form", "base", "audio", "video"}
    assert browser.run("return document.querySelectorAll('script').length") == 2
    names = browser.run("return [...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames())")
    assert [name for name in names if name.startswith("on")] == []
    assert "<script>alert(1)</script>" in browser.one("body").text
    assert browser.logged("browser") == []


@pytest.mark.parametrize("name", NAMES)
def test_a_page_stays_small(pages: dict[str, Page], name: str) -> None:
    """Below 5 MiB at 100,000 requests, and at a million."""
    assert pages[name].path.stat().st_size < 5 * 2**20
    assert pages["million"].summary["requests"]["sent"] == 1_000_000


def test_what_was_put_together_is_said(browser: Browser, pages: dict[str, Page]) -> None:
    """A million requests are not drawn one by one, and the page says so; a few thousand are."""
    browser.open(pages["million"])
    assert "requests.parquet beside this page has all of them" in browser.one("main").text
    browser.open(pages["s1-knative-1.23"])
    assert "Zoomed in far enough, each request is drawn by itself." in browser.one("main").text
