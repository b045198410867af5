"""A real Chromium without a window, and the pages to look at in it. Nothing is downloaded and nothing leaves the machine."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from harness.analyse import analyse
from harness.history import read
from harness.judge import judge
from harness.report import write
from tests.unit.report.conftest import Case, n1, troubled
from tests.unit.report.large import hostile, large

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "artifacts" / "page"
FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--no-sandbox",
)
WAIT_S = 60.0
SCRIPT_S = 240.0


@dataclass(frozen=True)
class Page:
    """One report: where it lies and what its summary says."""

    name: str
    path: Path
    summary: Any


@dataclass
class Browser:
    """A page in Chromium, and how a person would use it."""

    driver: webdriver.Chrome

    def open(self, page: Page, *, width: int = 1240, height: int = 1000, mobile: bool = False, script: bool = True) -> None:
        """Load it anew in a window of this size, in the light scheme. What earlier pages logged is forgotten."""
        self.command("Emulation.setScriptExecutionDisabled", value=not script)
        self.command("Emulation.setTouchEmulationEnabled", enabled=mobile)
        self.size(width, height, mobile=mobile)
        self.media("light")
        self.driver.get("about:blank")
        self.logged("browser")
        self.logged("performance")
        self.driver.get(page.path.as_uri())

    def command(self, name: str, **parameters: object) -> Any:
        """One command of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, dict(parameters))

    def size(self, width: int, height: int, *, mobile: bool = False) -> None:
        """The size of the window in CSS pixels."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if mobile else 1, mobile=mobile
        )

    def media(self, scheme: str, *, paper: bool = False) -> None:
        """The reader's colour scheme, and whether the page is shown as it would be printed."""
        self.command(
            "Emulation.setEmulatedMedia",
            media="print" if paper else "",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def run(self, script: str, *arguments: object) -> Any:
        """The value of a function's body, evaluated by the driver (the page itself could not: its policy forbids it)."""
        return self.driver.execute_script(script, *arguments)

    def one(self, selector: str) -> WebElement:
        """The first element of this selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """All elements of this selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def logged(self, kind: str) -> list[dict[str, Any]]:
        """What was logged since last asked: "browser" is the console, "performance" the DevTools events."""
        entries: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return entries

    def requested(self) -> list[str]:
        """The addresses the page asked for since it was opened."""
        events = [json.loads(entry["message"])["message"] for entry in self.logged("performance")]
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until the condition is truthy, and return that. Drawing waits for the next frame."""
        deadline = time.monotonic() + WAIT_S
        while not (seen := condition()):
            assert time.monotonic() < deadline, f"never came: {what}"
            time.sleep(0.02)
        return seen

    def readout(self) -> str:
        """What the page says of the stretch it shows."""
        return self.one("#readout").text

    def after(self, act: Callable[[], object], what: str) -> str:
        """The readout once it has changed by this act."""
        before = self.readout()
        act()
        self.until(lambda: self.readout() != before, f"another stretch after {what}")
        return self.readout()

    def stretch(self) -> tuple[float, float]:
        """The first and last second that are shown."""
        lo, _, hi = self.readout().partition(" s;")[0].partition(" to ")
        return float(lo), float(hi)

    def choose(self, name: str) -> None:
        """Click the tab of "All cycles" or "Cycle N"."""
        shown = "all" if name == "All cycles" else name.removeprefix("Cycle ")
        tab = self.one(f'[role=tab][data-cycle="{shown}"]')
        tab.click()
        assert tab.get_attribute("aria-selected") == "true"

    def tip(self) -> str:
        """The text of what is shown of the thing under the pointer, "" if nothing is."""
        found = self.all(".tip")
        return found[0].text if found else ""

    def shot(self, name: str, *, whole: bool = False) -> Path:
        """A picture for people, below artifacts/page/."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        path = SHOTS / f"{name}.png"
        if whole:
            path.write_bytes(
                base64.b64decode(self.command("Page.captureScreenshot", captureBeyondViewport=True, clip=self._whole())["data"])
            )
        else:
            self.driver.save_screenshot(str(path))
        assert path.stat().st_size > 5_000
        return path

    def _whole(self) -> dict[str, float]:
        width, height = self.run("return [document.documentElement.clientWidth, document.documentElement.scrollHeight]")
        return {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}


RECORDINGS = ("s1-knative-1.23", "s1-request-log-knative-1.23", "n1-knative-1.23", "given-up", "queue-full")
"""Runs whose pages differ: the catalogue's, one that was given up, one with other causes."""


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    """Some recordings of real runs, and made-up ones: hostile, troubled, 100,000 requests, a million, no fault."""
    found = {name: ROOT / "tests" / "data" / name for name in RECORDINGS}
    out = {}
    for name, source in found.items():
        history = read(source)
        findings = analyse(history)
        out[name] = _page(tmp_path_factory, name, Case(history, findings, judge(history.meta.spec, findings)))
    made: dict[str, Callable[[], Case]] = {
        "hostile": hostile,
        "troubled": troubled,
        "n1": n1,
        "large": lambda: large(cycles=20, requests=5_000),
        "million": lambda: large(cycles=20, requests=50_000),
    }
    return out | {name: _page(tmp_path_factory, name, make()) for name, make in made.items()}


def _page(factory: pytest.TempPathFactory, name: str, case: Case) -> Page:
    directory = factory.mktemp(name)
    write(directory, case.history, case.findings, case.verdict)
    summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
    return Page(name, directory / "report.html", summary)


@pytest.fixture(scope="session")
def s1(pages: dict[str, Page]) -> Page:
    """A real run of S1."""
    return pages["s1-knative-1.23"]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all tests, with a profile of its own; Debian's programs, named, so that nothing else is looked for."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert program, "Chromium is missing: run `make page-test`, which says or installs what is needed."
    assert driver, "chromedriver is missing: run `make page-test`, which says or installs what is needed."
    options = Options()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = webdriver.Chrome(options=options, service=Service(executable_path=driver))
    running.set_script_timeout(SCRIPT_S)
    try:
        yield Browser(running)
    finally:
        running.quit()
