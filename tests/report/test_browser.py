"""The page in a real browser: it loads offline without a word of complaint, sorts, filters, and fits a phone."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.helpers.browser import load, requests


@pytest.fixture
def page(browser, report):
    """The report, freshly loaded, with the logs of what happened before thrown away."""
    return load(browser, report)


def open_table(page, name):
    block = page.find_element(By.ID, f"table-{name}")
    block.find_element(By.TAG_NAME, "summary").click()
    return block


def shown_rows(page, block):
    """The texts of the rows that are on the screen, asked for at once."""
    rows = "[...arguments[0].querySelectorAll('tbody tr')].filter(row => row.checkVisibility())"
    return page.execute_script(f"return {rows}.map(row => row.innerText)", block)


def test_it_loads_without_requests_or_errors(page, report):
    assert page.title.startswith("made-up:")
    assert page.get_log("browser") == []
    assert requests(page) == [report.as_uri()]


def test_every_picture_is_drawn_and_named(page):
    pictures = page.find_elements(By.TAG_NAME, "img")
    assert len(pictures) == 2
    for picture in pictures:
        assert page.execute_script("return arguments[0].naturalWidth", picture) > 100
        assert len(picture.get_attribute("alt")) > 40


def test_a_heading_sorts_numbers_both_ways(page):
    block = open_table(page, "counterfactual")
    column = [h.text for h in block.find_elements(By.CSS_SELECTOR, "thead th")].index("value") + 1

    def values():
        cells = page.execute_script(
            "return [...arguments[0].querySelectorAll('tbody tr:not([hidden])')]"
            f".map(row => row.cells[{column - 1}].textContent)",
            block,
        )
        return [float(cell) for cell in cells if cell]

    heading = block.find_element(By.CSS_SELECTOR, f"thead th:nth-child({column})")
    heading.find_element(By.TAG_NAME, "button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert values() == sorted(values())
    heading.find_element(By.TAG_NAME, "button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert values() == sorted(values(), reverse=True)


def test_the_field_filters_and_the_box_adds_single_runs(page):
    block = open_table(page, "detection")
    before = len(shown_rows(page, block))
    field = block.find_element(By.CSS_SELECTOR, "input[type=search]")
    field.send_keys("random AUROC")
    rows = shown_rows(page, block)
    assert 0 < len(rows) < before
    assert all("random" in row and "auroc" in row for row in rows)
    count = block.find_element(By.CSS_SELECTOR, "output")
    assert count.text.startswith(f"{len(rows)} of ")
    block.find_element(By.CSS_SELECTOR, "input.runs").click()
    assert len(shown_rows(page, block)) == 3 * len(rows)  # two seeds beside the mean
    field.send_keys(" no-such-word")
    assert shown_rows(page, block) == []


def test_the_main_table_sorts_by_number_and_keeps_empty_cells_last(page):
    table = page.find_element(By.CSS_SELECTOR, "table.headline")
    slope = next(h for h in table.find_elements(By.CSS_SELECTOR, "thead th") if h.text == "Slope")
    column = page.execute_script("return arguments[0].cellIndex", slope)
    for _ in range(2):
        slope.find_element(By.TAG_NAME, "button").click()
        cells = [
            row.find_elements(By.CSS_SELECTOR, "th, td")[column].text
            for row in table.find_elements(By.CSS_SELECTOR, "tbody tr")
        ]
        assert cells[-2:] == ["–", "–"]  # the two methods that only rank
        assert "–" not in cells[:-2]


def test_the_keyboard_reaches_everything(page):
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the summary"
    summary = page.find_element(By.CSS_SELECTOR, "#table-noise summary")
    page.execute_script("arguments[0].focus()", summary)
    summary.send_keys(Keys.ENTER)
    assert page.find_element(By.ID, "table-noise").get_attribute("open")
    button = page.find_element(By.CSS_SELECTOR, "#table-noise thead button")
    button.send_keys(Keys.ENTER)
    assert (
        page.find_element(By.CSS_SELECTOR, "#table-noise thead th").get_attribute("aria-sort") == "ascending"
    )


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_nothing_sticks_out_at_the_sides(page, width):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
