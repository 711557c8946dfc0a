"""Finding and reading what the explorer's page shows in a browser."""

import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait


def home(explorer):
    return explorer.parent / "runs" / "base-seed0"


def all_of(page, selector):
    return page.find_elements(By.CSS_SELECTOR, selector)


def one(page, selector):
    return page.find_element(By.CSS_SELECTOR, selector)


def shown(page, selector):
    """The element once it is on the screen: another view comes with the address, which the browser tells later."""
    WebDriverWait(page, 10).until(lambda _: one(page, selector).is_displayed())
    return one(page, selector)


def words_of(page, selector):
    """What an element says, found and read in one go: between two calls the page may have put another in its place."""
    return page.execute_script("return document.querySelector(arguments[0]).innerText", selector)


def says(page, selector, words):
    """Whether the element says these words, now or once the page has followed the address; its text if never."""
    try:
        return WebDriverWait(page, 10).until(lambda _: words_of(page, selector) == words)
    except TimeoutException:
        pytest.fail(f"{selector} says {words_of(page, selector)!r}, not {words!r}")


def listed(page, method, side):
    """The samples and values that a method's column shows on a side (0 helped, 1 harmed)."""
    lists = all_of(page, f'section:not([hidden]) [data-method="{method}"] ol')
    rows = lists[side].find_elements(By.TAG_NAME, "li")
    links = [row.find_element(By.TAG_NAME, "a").get_attribute("href") for row in rows]
    return [int(link.rpartition("/")[2]) for link in links], [
        row.find_element(By.CLASS_NAME, "value").text for row in rows
    ]


def number(text):
    """What ``written`` wrote: −2.99·10⁻⁵ is −2.99e-5."""
    digits, _, power = text.replace("−", "-").replace(",", "").partition("·10")
    raised = "".join("0123456789"["⁰¹²³⁴⁵⁶⁷⁸⁹".index(c)] if c in "⁰¹²³⁴⁵⁶⁷⁸⁹" else "-" for c in power)
    return float(f"{digits}e{raised or 0}")
