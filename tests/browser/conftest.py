# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, fastgpt.ops contributors
"""A headless Chromium that records what it is asked to load and what goes wrong."""

from __future__ import annotations

import json
import pathlib
import shutil
import typing as t

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service


class Browser(webdriver.Chrome):
    """Chromium with the two questions the tests ask of it."""

    def requests(self) -> list[str]:
        """Give the addresses asked for since the last call, but for the page itself, data and the browser's own."""
        messages = [json.loads(entry["message"])["message"] for entry in self.get_log("performance")]
        sent = [item["params"]["request"]["url"] for item in messages if item["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith(("data:", "chrome")) and url != self.current_url]

    def complaints(self) -> list[str]:
        """Give the console's messages since the last call."""
        return [entry["message"] for entry in self.get_log("browser")]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Browser]:
    """Give one browser for all tests."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium and driver, "Chromium and its driver are needed: scripts/setup --browser"
    options = Options()
    options.binary_location = chromium
    profile: pathlib.Path = tmp_path_factory.mktemp("chromium")
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--force-prefers-reduced-motion",  # no click while the page still scrolls
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = Browser(options=options, service=Service(driver))
    started.set_script_timeout(180)  # axe looks at every element of a large page
    yield started
    started.quit()
