"""The work place for suspects in a real browser: keyboard, undo, export, what stays, and several people's files."""

import csv
import time

import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from hydra_steps.audit.decisions import COLUMNS, data_version, read_decisions
from tests.helpers.browser import load

CLASSES = [str(label) for label in range(10)]


@pytest.fixture
def page(browser, explorer):
    yield from work_place(browser, explorer)


def work_place(browser, file, patience=10):
    """The work place with nothing decided yet; at the end the page must have said nothing to the console."""
    load(browser, file)
    browser.execute_script("localStorage.clear()")
    browser.refresh()
    one(browser, "#to-decide").click()
    WebDriverWait(browser, patience).until(lambda _: one(browser, "#decide-given").is_displayed())
    yield browser
    assert browser.get_log("browser") == []


def one(page, selector):
    return page.find_element(By.CSS_SELECTOR, selector)


def press(page, *keys):
    body = one(page, "body")
    for key in keys:
        body.send_keys(key)


def now(page):
    """The suspect on the page: its place and its training sample."""
    words = one(page, "#decide-sample h2").text.replace(",", "").split()
    return int(words[1].rstrip(":")), int(words[-1])


def exported(page, folder):
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    file = folder / "decisions.csv"
    one(page, "#decide-export").click()
    deadline = time.monotonic() + 20
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    with file.open(encoding="utf-8", newline="") as text:
        return file, list(csv.DictReader(text))


def home(explorer):
    return explorer.parent / "runs" / "base-seed0"


def test_the_keyboard_decides_goes_on_and_takes_back(page):
    assert now(page)[0] == 1
    press(page, "n")
    assert now(page)[0] == 2
    press(page, "x", "s")
    assert now(page)[0] == 4
    assert one(page, "#decide-count").text.startswith("3 of 150 suspects decided, 1 of them wrong")
    press(page, "u", "u")
    assert now(page)[0] == 2
    assert one(page, "#decide-count").text.startswith("1 of 150 suspects decided, 0 of them wrong")
    press(page, Keys.ARROW_UP)
    assert one(page, "#decide-own").text == "Decided: right"
    press(page, Keys.ARROW_DOWN, "l")
    given = one(page, "#decide-given").text
    other = next(label for label in CLASSES if label != given)
    Select(one(page, "#decide-label")).select_by_visible_text(other)
    assert now(page)[0] == 3
    press(page, Keys.ARROW_UP)
    assert one(page, "#decide-own").text == f"Decided: wrong, is {other}"


def test_what_was_decided_stays_and_is_exported_as_the_workflow_reads_it(page, explorer, tmp_path):
    one(page, "#decide-who").send_keys("Ada, L.", Keys.TAB)
    samples = []
    for key in ("n", "x", "s"):
        samples.append(now(page)[1])
        press(page, key)
    page.refresh()
    WebDriverWait(page, 10).until(lambda _: one(page, "#decide-given").is_displayed())
    assert now(page)[0] == 4  # the first that is not decided
    file, rows = exported(page, tmp_path)
    assert tuple(rows[0]) == COLUMNS
    assert {int(r["sample"]): r["decision"] for r in rows} == dict(
        zip(samples, ("right", "remove", "skip"), strict=True)
    )
    assert {r["who"] for r in rows} == {"Ada, L."}
    labels = home(explorer) / "labels.csv"
    version = data_version(home(explorer) / "splits.csv", labels)
    given = {"train": pd.read_csv(labels)["label"].tolist(), "validation": [], "test": []}
    decided = read_decisions([file], version, given, CLASSES)["train"]
    assert (decided.right, decided.removed) == ((samples[0],), (samples[1],))


def test_files_of_others_are_merged_and_disagreements_shown(page, explorer, tmp_path):
    version = data_version(home(explorer) / "splits.csv", home(explorer) / "labels.csv")
    labels = pd.read_csv(home(explorer) / "labels.csv")["label"]
    _, first = now(page)
    press(page, "n")
    _, second = now(page)
    press(page, "n")
    rows = [
        ("train", first, labels[first], "remove", "", "Bo", version),
        ("train", second, labels[second], "right", "", "Bo", version),
        ("test", 2, "4", "relabel", "9", "Bo", version),
    ]
    file = tmp_path / "bo.csv"
    pd.DataFrame(rows, columns=COLUMNS).to_csv(file, index=False)
    one(page, "#decide-files").send_keys(str(file))
    said = "bo.csv: 3 decisions of Bo; 1 samples that not all agree on."
    WebDriverWait(page, 10).until(lambda _: one(page, "#decide-said").text == said)
    Select(one(page, "#decide-filter")).select_by_value("disputed")
    assert now(page)[1] == first
    assert "Bo: wrong, to be removed" in one(page, "#decide-sample").text
    assert "Not all agree" in one(page, "#decide-sample").text
    page.refresh()
    WebDriverWait(page, 10).until(lambda _: one(page, "#decide-given").is_displayed())
    _, written = exported(page, tmp_path)
    assert {
        (r["split"], r["sample"], r["given"], r["decision"], r["label"]) for r in written if r["who"] == "Bo"
    } == {tuple(map(str, row[:5])) for row in rows}
    other = tmp_path / "other.csv"
    pd.DataFrame([(*rows[0][:6], "ffff")], columns=COLUMNS).to_csv(other, index=False)
    one(page, "#decide-files").send_keys(str(other))
    WebDriverWait(page, 10).until(lambda _: "another version of the data" in one(page, "#decide-said").text)


def test_filters_and_one_decision_about_a_pair_of_labels(page):
    pairs = Select(one(page, "#decide-pair"))
    value = next(
        o.get_attribute("value") for o in pairs.options[1:] if not o.text.split(" (")[0].endswith("?")
    )
    many = int(
        next(o.text for o in pairs.options if o.get_attribute("value") == value).split("(")[1].rstrip(")")
    )
    pairs.select_by_value(value)
    one(page, "#decide-all-wrong").click()
    assert one(page, "#decide-count").text.startswith(f"{many} of 150 suspects decided, {many} of them wrong")
    Select(one(page, "#decide-filter")).select_by_value("open")
    assert one(page, "#decide-said").text == "No suspect is left here."
    one(page, "#decide-undo").click()
    assert one(page, "#decide-count").text.startswith("0 of 150 suspects decided")


@pytest.mark.parametrize("width", [360, 1600])
def test_it_fits_the_screen(page, width):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
