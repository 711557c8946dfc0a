"""A headless Chromium that logs its console and every request, for the tests of pages."""

import json
import os
import shutil

import pytest

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",  # or a click may land where the page was before it scrolled
    "--window-size=1200,1000",
)


def start(profile):
    """Start a browser whose own files go to the folder ``profile``; None where there is no Chromium with its driver."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        return None
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """The browser; the tests that need it are left out where there is none, unless HYDRA_REQUIRE_BROWSER is set."""
    browser = start(tmp_path_factory.mktemp("browser"))
    if browser is None:
        # Continuous integration sets it: there the tests must not pass by being left out.
        refuse = pytest.fail if os.environ.get("HYDRA_REQUIRE_BROWSER") else pytest.skip
        refuse(
            "these tests read pages in a real browser, and there is no Chromium with its driver here; "
            "install them (Debian: apt-get install chromium chromium-driver; Ubuntu: chromium-browser "
            "chromium-chromedriver; conda: conda install -c conda-forge chromium python-chromedriver-binary)"
        )
    yield browser
    browser.quit()


def load(browser, path):
    """Open a file, with the logs of what happened before thrown away."""
    browser.get("about:blank")
    browser.get_log("performance"), browser.get_log("browser")
    browser.get(path.as_uri())
    return browser


def requests(browser):
    """The addresses that were asked for since the last call, those in the page itself left out."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [url for url in urls if not url.startswith(("data:", "blob:"))]
