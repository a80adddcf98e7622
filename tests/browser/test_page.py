# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""report.html as its reader meets it: at a desk, on a phone, in both languages."""

from __future__ import annotations

import pathlib

import pytest
from ansible_collections.fastgpt.ops.plugins.plugin_utils.report import page
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.unit.plugins.plugin_utils.report import sample

from .conftest import Browser

pytestmark = pytest.mark.browser

DESK = (1200, 900)
PHONE = (500, 900)  # the narrowest window headless Chromium opens; a narrower page is asked for below


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: pathlib.Path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page.render_html(sample.report(lang="en")), encoding="utf-8")
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
