"""The web site: it builds without a warning, its links lead somewhere, and it asks no network for anything."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.helpers.browser import browser, load, requests  # noqa: F401  # a fixture

ROOT = Path(__file__).parents[1]
# What a browser fetches by itself; links that a reader may follow are no such thing.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "link": "href"}


class Page(HTMLParser):
    """The links, the fetched files and the anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {found[key] or "" for key in ("id", "name") if key in found}
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        if FETCHED.get(tag) in found and found.get("rel") != "canonical":
            self.fetched.append(str(found[FETCHED[tag]]))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if importlib.util.find_spec("mkdocs") is None or importlib.util.find_spec("mkdocstrings") is None:
        pytest.skip("the site is built where the extra `docs` is installed")
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", target],
        cwd=ROOT,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr  # strict: no warning
    return target


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def test_every_page_of_docs_is_in_it(site):
    assert not [page for page in (ROOT / "docs").glob("*.md") if not (site / f"{page.stem}.html").is_file()]
    assert (site / "configuration.html").is_file()


def test_notebooks_are_pages_with_their_results_and_files(site):
    for notebook in (ROOT / "docs" / "notebooks").glob("*.ipynb"):
        text = (site / f"notebooks/{notebook.stem}.html").read_text(encoding="utf-8")
        assert f'href="{notebook.name}"' in text
        assert (site / "notebooks" / notebook.name).read_bytes() == notebook.read_bytes()
        assert 'src="data:image/png;base64,' in text
        assert "<th>" in text


def test_links_and_anchors_lead_somewhere(pages):
    wrong = []
    for path, page in pages.items():
        for link in (*page.links, *page.fetched):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file() or (parts.fragment and _missing(pages, target, unquote(parts.fragment))):
                wrong.append(f"{path.name}: {link}")
    assert not wrong


def _missing(pages: dict[Path, Page], target: Path, anchor: str) -> bool:
    return target in pages and anchor not in pages[target].anchors


def test_nothing_is_fetched_from_elsewhere(pages):
    assert not [
        link for page in pages.values() for link in page.fetched if urlsplit(link).scheme in ("http", "https")
    ]


def test_docstrings_stand_on_the_page_of_the_api(site):
    text = (site / "api.html").read_text(encoding="utf-8")
    assert "retrain_without" in text
    assert ":func:" not in text


def test_search_works_from_the_disk(site, browser):  # noqa: F811
    load(browser, site / "index.html")
    field = browser.find_element(By.CSS_SELECTOR, "input.md-search__input")
    browser.execute_script("arguments[0].click(); arguments[0].focus()", field)
    WebDriverWait(browser, 60).until(lambda _: field.is_displayed())
    field.send_keys("ceiling")
    found = "a.md-search-result__link[href*='removals.html']"
    WebDriverWait(browser, 60).until(lambda _: browser.find_elements(By.CSS_SELECTOR, found))
    assert not [url for url in requests(browser) if not url.startswith("file:")]
    assert browser.get_log("browser") == []
