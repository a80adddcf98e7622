# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""report.html as its reader meets it: at a desk, on a phone, in both languages."""

from __future__ import annotations

import base64
import contextlib
import pathlib
import typing as t

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.report import page
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.unit.plugins.plugin_utils.report import sample

from .conftest import Browser

pytestmark = pytest.mark.browser

ROOT = pathlib.Path(__file__).resolve().parents[2]
AXE = ROOT / ".cache/axe/axe_playwright_python/axe.min.js"
SCREENSHOTS = ROOT / ".cache/test/screenshots"
DESK = (1200, 900)
PHONE = (500, 900)  # the narrowest window headless Chromium opens; a narrower page is asked for below


WIDTHS = {"phone": 390, "desk": 1440}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(tmp_path_factory, sample.report(lang="en"))


@pytest.fixture(scope="module")
def fleets(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """Pages of one host and of a thousand, by number."""
    return {
        1: written(tmp_path_factory, sample.report(sample.broken(), before=sample.earlier("web1"))),
        1000: written(tmp_path_factory, sample.report(*sample.fleet_of(1000), before=sample.earlier("fastgpt-0010"))),
    }


def written(tmp_path_factory: pytest.TempPathFactory, report: dict[str, t.Any]) -> str:
    path: pathlib.Path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page.render_html(report), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser: Browser, address: str) -> Browser:
    browser.complaints()
    browser.requests()
    browser.set_window_size(*DESK)
    browser.get(address)
    return browser


def shown(browser: Browser, selector: str) -> list[WebElement]:
    return [element for element in browser.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()]


def switch(browser: Browser, lang: str) -> None:
    browser.find_element(By.CSS_SELECTOR, f"[data-set-lang={lang}]").click()


def test_page_loads_nothing_and_complains_about_nothing(opened: Browser) -> None:
    for element in opened.find_elements(By.CSS_SELECTOR, "summary"):
        if element.is_displayed():
            element.click()
    switch(opened, "zh")
    assert opened.requests() == []
    assert opened.complaints() == []


def test_root_finding_is_the_first_thing_seen(opened: Browser) -> None:
    title = opened.find_element(By.CSS_SELECTOR, ".root h3")
    assert title.text == sample.KEYFILE.title["en"]
    assert 0 < title.location["y"] < DESK[1]
    first = opened.find_element(By.CSS_SELECTOR, ".host")
    assert "permissions on /data/mongodb.key are too open" in first.text
    assert "chmod 400 mongodb.key" in first.text
    assert "mode 0400 or 0600" in first.text


def test_language_changes_in_place(opened: Browser) -> None:
    switch(opened, "zh")
    assert opened.find_element(By.CSS_SELECTOR, ".root h3").text == sample.KEYFILE.title["zh"]
    assert opened.find_element(By.TAG_NAME, "html").get_attribute("lang") == "zh-CN"
    assert sample.KEYFILE.title["en"] not in opened.find_element(By.TAG_NAME, "main").text
    switch(opened, "en")
    assert opened.find_element(By.CSS_SELECTOR, ".root h3").text == sample.KEYFILE.title["en"]
    assert sample.KEYFILE.title["zh"] not in opened.find_element(By.TAG_NAME, "main").text


def test_consequences_are_folded_below_their_root(opened: Browser) -> None:
    inner = opened.find_element(By.CSS_SELECTOR, ".root .below .below summary")
    assert not inner.is_displayed()
    opened.find_element(By.CSS_SELECTOR, ".root .below summary").send_keys(Keys.ENTER)
    assert inner.is_displayed()
    assert sample.ROOT_USER.title["en"] in inner.text


def test_log_text_is_text(opened: Browser) -> None:
    opened.find_element(By.CSS_SELECTOR, ".root .below summary").click()
    assert "<script>alert('x')</script>" in opened.find_element(By.CSS_SELECTOR, ".root .below pre").text
    assert opened.find_elements(By.CSS_SELECTOR, "img, pre script") == []


def test_hosts_are_filtered_by_word_and_severity(opened: Browser) -> None:
    def hosts() -> list[str]:
        return [element.text for element in shown(opened, ".host h2")]

    assert hosts() == ["web1", "db9", "web2", "spare", "web3"]
    opened.find_element(By.TAG_NAME, "body").send_keys("/")
    opened.switch_to.active_element.send_keys("KEYFILE")
    assert hosts() == ["web1"]
    opened.switch_to.active_element.send_keys("x")
    assert hosts() == []
    assert shown(opened, ".empty")
    opened.switch_to.active_element.send_keys(Keys.CONTROL, "a")
    opened.switch_to.active_element.send_keys(Keys.BACKSPACE)
    opened.find_element(By.CSS_SELECTOR, ".chip.critical").click()
    assert hosts() == ["db9", "web2", "spare", "web3"]


def test_commands_are_copied_whole(opened: Browser) -> None:
    button = opened.find_element(By.CSS_SELECTOR, ".root .copy")
    button.click()
    field = opened.find_element(By.ID, "query")
    field.click()
    field.send_keys(Keys.CONTROL, "v")
    assert field.get_attribute("value") == "chmod 400 mongodb.key && chown 999:999 mongodb.key"


@pytest.mark.parametrize("width", [320, 390, 1200])
def test_nothing_is_wider_than_the_window(opened: Browser, width: int) -> None:
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        for element in opened.find_elements(By.CSS_SELECTOR, "details"):
            opened.execute_script("arguments[0].open = true", element)
        assert opened.execute_script("return document.documentElement.scrollWidth") <= width
        small = (
            "return [...document.querySelectorAll('button')].filter(b => b.offsetHeight && b.offsetHeight < 40).length"
        )
        assert opened.execute_script(small) == 0
    finally:
        opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_light_and_dark(opened: Browser, scheme: str) -> None:
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    try:
        assert opened.execute_script(CONTRAST) == []
    finally:
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_page_can_be_walked_by_landmarks_and_headings(opened: Browser) -> None:
    for landmark in ("header", "main", "footer", "[role=search]"):
        assert len(opened.find_elements(By.CSS_SELECTOR, landmark)) == 1
    levels = [int(element.tag_name[1]) for element in opened.find_elements(By.CSS_SELECTOR, "h1, h2, h3, h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:]))
    named = "return [...document.querySelectorAll('button, input, article, [role=region]')].filter(e => !(e.textContent.trim() || e.ariaLabel || e.getAttribute('aria-labelledby'))).length"  # noqa: E501
    assert opened.execute_script(named) == 0


@contextlib.contextmanager
def window(browser: Browser, width: int, scheme: str = "light") -> t.Iterator[None]:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", WIDTHS)
@pytest.mark.parametrize("count", [1, 1000])
def test_page_is_quiet_accessible_and_fits(
    browser: Browser, fleets: dict[int, str], count: int, device: str, scheme: str
) -> None:
    browser.complaints()
    browser.requests()
    with window(browser, WIDTHS[device], scheme):
        browser.get(fleets[count])
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        for lang in ("en", "zh"):
            switch(browser, lang)
            browser.save_screenshot(str(SCREENSHOTS / f"{count}-{device}-{scheme}-{lang}.png"))
        assert browser.execute_script("return document.documentElement.scrollWidth") <= WIDTHS[device]
        if (count, scheme) != (
            1000,
            "dark",
        ):  # the colours of dark are looked at with one host; a thousand take axe long
            assert violations(browser) == []
    assert browser.requests() == []
    assert browser.complaints() == []


def violations(browser: Browser) -> list[str]:
    """Give what axe finds on the page as it stands."""
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found = browser.execute_async_script(
        "axe.run({resultTypes: ['violations']}).then("
        "(r) => arguments[0](r.violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 200)}`)))"
    )
    return list(found)


def test_a_thousand_hosts_are_interactive_within_a_second(browser: Browser, fleets: dict[int, str]) -> None:
    """Processor time of the page's thread until a search is answered, so that a busy machine does not decide."""
    browser.set_window_size(*DESK)
    browser.get("about:blank")
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    browser.get(fleets[1000])
    WebDriverWait(browser, 60).until(lambda it: len(it.find_elements(By.CSS_SELECTOR, ".host")) >= 100)
    browser.execute_script(
        "const q = document.getElementById('query'); q.value = '0490'; q.dispatchEvent(new Event('input'))"
    )
    answered = [element.text for element in shown(browser, ".host h2")]
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    browser.execute_cdp_cmd("Performance.disable", {})
    assert answered == ["fastgpt-0490"]
    seconds = {metric["name"]: metric["value"] for metric in metrics}["TaskDuration"]
    assert 0 < seconds < 1


@pytest.fixture
def thousand(browser: Browser, fleets: dict[int, str]) -> Browser:
    browser.set_window_size(*DESK)
    browser.get(fleets[1000])
    WebDriverWait(browser, 20).until(lambda it: len(it.find_elements(By.CSS_SELECTOR, ".host")) >= 100)
    return browser


def test_hosts_beyond_the_first_are_added_as_the_reader_comes_to_them(thousand: Browser) -> None:
    before = len(thousand.find_elements(By.CSS_SELECTOR, ".host"))
    thousand.execute_script("scrollTo(0, document.body.scrollHeight)")
    WebDriverWait(thousand, 20).until(lambda it: len(it.find_elements(By.CSS_SELECTOR, ".host")) > before)


def test_a_packed_host_opens_to_its_details(thousand: Browser) -> None:
    thousand.find_element(By.ID, "query").send_keys("fastgpt-0990")
    (line,) = shown(thousand, ".host > summary")
    line.click()
    WebDriverWait(thousand, 20).until(lambda it: shown(it, "#hosts .body section.root"))
    assert "permissions on /data/mongodb.key are too open" in thousand.find_element(By.CSS_SELECTOR, ".host").text
    assert [row.text.split() for row in shown(thousand, ".differs tbody tr")] == [
        ["FastGPT", "4.8.11", "4.14.1", "880/880"],
        ["Image", "of", "mongo", "mongo:4.4", "mongo:5.0.18", "880/880"],
    ]


def test_a_finding_and_a_value_show_their_hosts_alone(thousand: Browser) -> None:
    column = thousand.find_element(By.CSS_SELECTOR, ".heads [data-find=mongo-keyfile-permissions]")
    column.click()
    assert thousand.find_element(By.CSS_SELECTOR, ".shown").text == "100 / 1000"
    assert {
        cell.get_attribute("aria-pressed") for cell in shown(thousand, "[data-find=mongo-keyfile-permissions]")
    } == {"true"}
    value = thousand.find_element(By.CSS_SELECTOR, ".drift [data-trait=fastgpt]")
    value.click()
    assert thousand.find_element(By.CSS_SELECTOR, ".shown").text == "880 / 1000"
    thousand.find_element(By.CSS_SELECTOR, ".chip.only").click()
    assert thousand.find_element(By.CSS_SELECTOR, ".shown").text == ""


def test_hosts_are_walked_by_keyboard(thousand: Browser) -> None:
    thousand.find_element(By.TAG_NAME, "body").send_keys("jjj")
    at = thousand.switch_to.active_element
    assert at.find_element(By.TAG_NAME, "h2").text == "fastgpt-0020"
    at.send_keys("k")
    at = thousand.switch_to.active_element
    assert at.find_element(By.TAG_NAME, "h2").text == "fastgpt-0010"
    at.send_keys(Keys.ENTER)
    assert shown(thousand, "#host-2 section.root")


def test_what_was_done_is_told_with_its_proof_and_the_way_back(thousand: Browser) -> None:
    card = thousand.find_element(By.CSS_SELECTOR, ".card.changes")
    card.find_element(By.TAG_NAME, "summary").click()
    assert "port 3000 answers" in card.find_element(By.CSS_SELECTOR, "tbody tr").text
    assert "fastgpt_run_id=20261121T221530Z-0001" in card.text


def test_light_and_dark_can_be_changed_by_hand(opened: Browser) -> None:
    def paper() -> str:
        return str(opened.execute_script("return getComputedStyle(document.body).backgroundColor"))

    before = paper()
    opened.find_element(By.CSS_SELECTOR, ".theme").click()
    assert paper() != before
    opened.find_element(By.CSS_SELECTOR, ".theme").click()
    assert paper() == before


def test_print_shows_what_is_folded(opened: Browser) -> None:
    printed = base64.b64decode(opened.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    assert printed.startswith(b"%PDF")
    assert shown(opened, "#host-1 .below .below summary") == []  # and folds it again afterwards


# Every element with text of its own against the nearest painted background, by WCAG 2's formula (AA: 4.5).
CONTRAST = """
const light = (c) => c.map((v) => v / 255).map((v) => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const back = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
  if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
const bad = [];
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.offsetWidth) continue;
  const [a, b] = [light(parse(getComputedStyle(e).color).slice(0, 3)), light(back(e))];
  const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  if (ratio < 4.5) bad.push(e.className + ' ' + e.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2));
}
return bad;
"""
