"""What one can do on the page: zoom, hover, choose a cycle, overlay, by mouse, keyboard and touch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.page.conftest import Browser, Page

pytestmark = pytest.mark.page


def place_of(browser: Browser, selector: str) -> tuple[float, float]:
    """The middle of the first such element, in the window, which is scrolled to it."""
    box = browser.run(
        "const e = document.querySelector(arguments[0]); e.scrollIntoView({block: 'center'});"
        "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]",
        selector,
    )
    return float(box[0]), float(box[1])


def mouse(browser: Browser, kind: str, x: float, y: float, **more: object) -> None:
    """One event of a mouse."""
    browser.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)


def touch(browser: Browser, kind: str, *points: tuple[float, float]) -> None:
    """One event of fingers."""
    browser.command(
        "Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
    )


def keys(browser: Browser, *pressed: str) -> Callable[[], None]:
    """Pressing these on the chart."""
    chart = browser.one("#chart")
    return lambda: chart.send_keys(*pressed)


def test_the_tools_and_keys_zoom_and_move(browser: Browser, s1: Page) -> None:
    """+ halves what is shown, - and 0 give it back, arrows move; buttons and keys do the same."""
    browser.open(s1)
    browser.choose("Cycle 0")
    lo, hi = browser.stretch()
    for zoom_in, zoom_out, all_of_it in (
        (keys(browser, "+"), keys(browser, "-"), keys(browser, "0")),
        (browser.one("[data-do=in]").click, browser.one("[data-do=out]").click, browser.one("[data-do=all]").click),
    ):
        browser.after(zoom_in, "zooming in")
        first = browser.stretch()
        assert abs((first[1] - first[0]) * 2 - (hi - lo)) < 0.3
        browser.after(keys(browser, Keys.ARROW_RIGHT), "moving")
        assert browser.stretch()[0] > first[0]
        browser.after(keys(browser, Keys.ARROW_LEFT), "moving back")
        assert abs(browser.stretch()[0] - first[0]) < 0.2
        browser.after(zoom_out, "zooming out")
        browser.after(zoom_in, "zooming in again")
        browser.after(all_of_it, "showing all")
        assert browser.stretch() == pytest.approx((lo, hi), abs=0.11)


def test_the_wheel_zooms_where_the_pointer_is(browser: Browser, s1: Page) -> None:
    """With Ctrl alone; without it the page scrolls and the chart stays."""
    browser.open(s1)
    browser.choose("Cycle 0")
    x, y = place_of(browser, "#chart .density")
    whole = browser.stretch()
    mouse(browser, "mouseWheel", x, y, deltaX=0, deltaY=100)
    for _ in range(3):
        browser.after(lambda: mouse(browser, "mouseWheel", x, y, deltaX=0, deltaY=-240, modifiers=2), "Ctrl and the wheel")
    lo, hi = browser.stretch()
    assert 0 < hi - lo < (whole[1] - whole[0]) / 2
    assert lo < 6 < hi
    browser.after(lambda: ActionChains(browser.driver).double_click(browser.one("#chart .axis")).perform(), "a double click")
    assert browser.stretch() == pytest.approx(whole, abs=0.11)


def test_dragging_selects_a_stretch(browser: Browser, s1: Page) -> None:
    """From where the button goes down to where it comes up; a shade shows it on the way."""
    browser.open(s1)
    browser.choose("Cycle 0")
    x, y = place_of(browser, "#chart .density")
    mouse(browser, "mousePressed", x - 60, y, button="left", clickCount=1)
    mouse(browser, "mouseMoved", x + 20, y, button="left", buttons=1)
    mouse(browser, "mouseMoved", x + 60, y, button="left", buttons=1)
    browser.until(lambda: browser.all("#chart .selection"), "the shade")
    browser.after(lambda: mouse(browser, "mouseReleased", x + 60, y, button="left", clickCount=1), "a drag")
    lo, hi = browser.stretch()
    assert 1.5 < hi - lo < 3.5
    assert not browser.all("#chart .selection")


def test_far_in_each_request_is_drawn(browser: Browser, s1: Page) -> None:
    """With its latency, and what it came to on hover; further out there are bars, and their width is said."""
    browser.open(s1)
    browser.choose("Cycle 0")
    assert "one bar is 200 ms of intended sending times" in browser.readout()
    for _ in range(5):
        browser.after(keys(browser, "+"), "zooming in")
    assert "requests, each drawn" in browser.readout()
    assert browser.all("#chart .dot")
    assert not browser.all("#chart .bars")
    for key in (Keys.ARROW_DOWN, Keys.SHIFT + Keys.ARROW_RIGHT):
        browser.one("#chart").send_keys(key)
    tip = browser.until(browser.tip, "what is said of a request")
    assert "intended at +" in tip
    assert "later" in tip


def test_hovering_says_what_is_there(browser: Browser, s1: Page) -> None:
    """A failed probe, a span, an edge with its evidence and resolution; away from everything nothing is said."""
    browser.open(s1, height=1400)
    browser.choose("Cycle 0")
    said = {}
    for name, selector in (("probe", "#chart .m-bad"), ("span", "#chart .s-bad"), ("edge", "#chart path.k-probe.bracket")):
        x, y = place_of(browser, selector)
        mouse(browser, "mouseMoved", x, y)
        said[name] = browser.until(browser.tip, f"what is said of the {name}")
        mouse(browser, "mouseMoved", 3, 3)
        browser.until(lambda: not browser.tip(), "silence")
    assert "liveness probe FAILED, answered 503" in said["probe"]
    assert "App's listener: closed" in said["span"]
    assert "first failed probe" in said["edge"]
    assert "resolution" in said["edge"]


def test_all_of_it_can_be_read_with_the_keyboard(browser: Browser, s1: Page) -> None:
    """Arrows choose a lane and its marks, what is shown is also said to screen readers, Escape closes it."""
    browser.open(s1)
    browser.choose("Cycle 0")
    chart = browser.one("#chart")
    chart.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert "Liveness probes" in browser.tip()
    chart.send_keys(Keys.SHIFT + Keys.ARROW_RIGHT)
    first = browser.tip()
    assert "liveness probe good" in first
    chart.send_keys(Keys.SHIFT + Keys.ARROW_RIGHT)
    assert browser.tip() != first
    assert "liveness probe good" in (browser.one("#said").get_attribute("textContent") or "")
    assert browser.run("return document.querySelector('#chart .ring').getAttribute('visibility')") == "visible"
    chart.send_keys(Keys.ESCAPE)
    assert browser.tip() == ""


def test_tabs_follow_the_keyboard(browser: Browser, s1: Page) -> None:
    """One stop for all tabs; arrows go round, Home and End to the ends."""
    browser.open(s1)
    tabs = browser.all("[role=tab]")
    assert [tab.get_attribute("tabindex") for tab in tabs].count("0") == 1
    tabs[0].click()
    for key, shown in (
        (Keys.ARROW_RIGHT, "Cycle 0"),
        (Keys.END, "Cycle 4"),
        (Keys.ARROW_RIGHT, "All cycles"),
        (Keys.ARROW_LEFT, "Cycle 4"),
    ):
        browser.driver.switch_to.active_element.send_keys(key)
        chosen = [tab.text for tab in browser.all("[role=tab]") if tab.get_attribute("aria-selected") == "true"]
        assert [text.partition(" \u2715")[0] for text in chosen] == [shown]


def test_the_overlay_has_every_cycle_that_counts(browser: Browser, pages: dict[str, Page]) -> None:
    """A thin line and a strip each, one thick line for the median; a click on a strip opens its cycle."""
    for name, cycles in (("s1-knative-1.23", 5), ("large", 20)):
        browser.open(pages[name], height=1400)
        browser.choose("All cycles")
        assert len(browser.all("#chart .line")) == cycles
        assert len(browser.all("#chart .median")) == 1
        strips = browser.run("return new Set([...document.querySelectorAll('#chart .cell')].map((e) => e.getAttribute('y'))).size")
        assert strips == cycles
    x, y = place_of(browser, "#chart .cell")
    mouse(browser, "mouseMoved", x, y)
    assert "click opens the cycle" in browser.until(browser.tip, "what is said of a strip")
    for kind in ("mousePressed", "mouseReleased"):
        mouse(browser, kind, x, y, button="left", clickCount=1)
    browser.until(
        lambda: browser.one("#chart").get_attribute("aria-label") == "Cycle 0: requests, lanes and edges over time", "cycle 0"
    )


def test_the_zoom_stays_when_the_cycle_changes(browser: Browser, s1: Page) -> None:
    """So that the same stretch of two cycles can be compared."""
    browser.open(s1)
    browser.choose("Cycle 0")
    for _ in range(2):  # one by one: after both at once there may be a drawing between them, and one to come
        browser.after(keys(browser, "+"), "zooming in")
    before = browser.stretch()
    browser.choose("Cycle 3")
    assert browser.stretch() == pytest.approx(before, abs=0.11)


def test_lanes_come_and_go(browser: Browser, s1: Page) -> None:
    """A row for each way of sending, the logs, the edges: each on demand."""
    browser.open(s1)
    browser.choose("Cycle 0")

    def text() -> str:
        return browser.one("#chart").text

    assert "containerd's journal" in text()
    assert "get-keepalive" not in text()
    browser.one("#by-lane").click()
    browser.until(
        lambda: all(lane in text() for lane in ("get-keepalive", "post-keepalive", "get-new-connection")), "the load lanes"
    )
    browser.one("#with-logs").click()
    browser.until(lambda: "containerd's journal" not in text(), "no logs")
    browser.one("#with-edges").click()
    browser.until(lambda: "app gets SIGTERM" not in text(), "no edges")
    assert "Liveness probes" in text()


def test_gaps_are_drawn_over_what_they_spoil(browser: Browser, pages: dict[str, Page]) -> None:
    """Hatched, over each lane of that stream, with their reason."""
    browser.open(pages["hostile"], height=1400)
    browser.choose("Cycle 0")
    assert len(browser.all("#chart .gap")) >= 5
    x, y = place_of(browser, "#chart .gap")
    mouse(browser, "mouseMoved", x, y)
    tip = browser.until(browser.tip, "what is said of a gap")
    assert "gap in log:user-container" in tip
    assert "may be missing" in tip


def test_fingers_pinch_pan_and_tap(browser: Browser, s1: Page) -> None:
    """Two zoom, one moves sideways, a tap says what is there; the page itself does not grow wider than the phone."""
    browser.open(s1, width=390, height=844, mobile=True)
    browser.choose("Cycle 0")
    assert browser.run("return document.documentElement.scrollWidth <= window.innerWidth")
    x, y = place_of(browser, "#chart .m-bad")
    touch(browser, "touchStart", (x, y))
    touch(browser, "touchEnd")
    assert "FAILED" in browser.until(browser.tip, "what a tap says")
    x, y = place_of(browser, "#chart .axis")
    whole = browser.stretch()
    touch(browser, "touchStart", (x - 20, y - 30))
    touch(browser, "touchStart", (x - 20, y - 30), (x + 20, y - 30))
    browser.after(lambda: touch(browser, "touchMove", (x - 80, y - 30), (x + 80, y - 30)), "a pinch")
    touch(browser, "touchEnd")
    lo, hi = browser.stretch()
    assert hi - lo < (whole[1] - whole[0]) / 2
    touch(browser, "touchStart", (x, y - 30))
    touch(browser, "touchMove", (x - 20, y - 30))
    browser.after(lambda: touch(browser, "touchMove", (x - 90, y - 30)), "a swipe")
    touch(browser, "touchEnd")
    assert browser.stretch()[0] > lo
    browser.shot("s1-phone")


def test_no_text_leaves_the_chart(browser: Browser, pages: dict[str, Page]) -> None:
    """On a phone and on a wide window, however far in: whatever is written starts and ends inside."""
    outside = (
        "const box = document.getElementById('chart').getBoundingClientRect();"
        "return [...document.querySelectorAll('#chart text')].map((e) => [e.textContent, e.getBoundingClientRect()])"
        ".filter(([, b]) => b.width && (b.left < box.left - 3 || b.right > box.right + 14)).map(([text]) => text)"
    )
    for width in (390, 1240):
        for name in ("s1-knative-1.23", "large"):
            browser.open(pages[name], width=width, mobile=width < 500)
            browser.choose("Cycle 0")
            for _ in range(4):
                assert browser.run(outside) == []
                browser.after(keys(browser, "+"), "zooming in")
