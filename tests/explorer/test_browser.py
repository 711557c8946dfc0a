"""The page in a real browser: it loads offline without a complaint, finds, sorts, exports, and obeys the keyboard."""

import csv
import json
import re
import time

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from hydra_steps.scoring.store import read_scores
from hydra_steps.stores import read_extra
from tests.helpers.browser import load, requests
from tests.helpers.explorer_page import all_of, home, listed, number, one, says, shown, words_of
from tests.helpers.made_explorer import make_explorer


@pytest.fixture
def page(browser, explorer):
    """The page, freshly loaded; at the end it must have said nothing to the console."""
    load(browser, explorer)
    yield browser
    assert browser.get_log("browser") == []


def test_it_loads_without_requests_or_errors(page, explorer):
    assert page.title == "made: explorer"
    assert requests(page) == [explorer.as_uri()]
    assert says(page, "#query-facts h2", "Loss of test sample 0")
    WebDriverWait(page, 10).until(lambda _: all_of(page, "#query-columns canvas[data-drawn]"))
    assert len(all_of(page, "#query-columns .column")) == 4


def test_choosing_a_query_shows_the_samples_of_the_scores(page, explorer):
    one(page, "#query-list [role=option]:nth-child(5)").click()  # the mean, then samples 0, 1, 2, 3
    assert says(page, "#query-facts h2", "Loss of test sample 3")
    for method in ("hydra_exact", "gradient_product"):
        row = read_scores(home(explorer) / "scores" / method).of_query("test_sample_3")
        for side, order in ((0, np.argsort(-row)), (1, np.argsort(row))):
            samples, values = listed(page, method, side)
            assert samples == order[:5].tolist()
            assert np.allclose([number(v) for v in values], row[order[:5]], rtol=6e-3)


def test_labels_and_noise_are_shown(page, explorer):
    labels = pd.read_csv(home(explorer) / "labels.csv")
    samples, _ = listed(page, "hydra_exact", 0)
    texts = [row.text for row in all_of(page, '[data-method="hydra_exact"] ol:first-of-type li')][:5]
    for sample, text in zip(samples, texts, strict=True):
        row = labels.loc[sample]
        assert text.startswith(str(row["label"]))
        assert (f"wrong, is {row['clean_label']}" in text.replace("\n", " ")) == bool(row["is_noisy"])


def test_search_by_words_label_loss_and_wrong_prediction(page, explorer):
    answers = pd.read_csv(home(explorer) / "predictions.csv").query("split == 'test'").head(12)

    def found():
        return [o.text.splitlines()[0].rsplit(" ", 1)[-1] for o in all_of(page, "#query-list [role=option]")]

    field = one(page, "#query-words")
    field.send_keys("sample 7")
    assert found() == ["7"]
    field.clear()
    field.send_keys(Keys.SPACE)
    one(page, "#query-wrong").click()
    wrong = answers[answers["label"] != answers["predicted"]]["index"].astype(str).tolist()
    assert found() == wrong
    one(page, "#query-wrong").click()
    one(page, "#query-loss").send_keys("0.4")
    assert found() == answers[answers["loss"] >= 0.4]["index"].astype(str).tolist()
    one(page, "#query-order option[value=high]").click()
    expected = answers[answers["loss"] >= 0.4].sort_values("loss", ascending=False)["index"].astype(str)
    assert found() == expected.tolist()
    one(page, "#query-loss").clear()
    one(page, "#query-loss").send_keys("0")
    label = int(answers["label"].iloc[0])
    one(page, f"#query-label option[value='{label}']").click()
    assert set(found()) == set(answers[answers["label"] == label]["index"].astype(str))


def test_where_along_training(page, explorer):
    samples, _ = listed(page, "tracin", 0)
    one(page, '[data-method="tracin"] button.when').click()
    dialog = one(page, "#along")
    assert dialog.is_displayed()
    head = [cell.text for cell in all_of(page, "#along-table thead th")]
    column = head.index("TracIn")
    cells = [
        number(row.find_elements(By.CSS_SELECTOR, "th, td")[column].text)
        for row in all_of(page, "#along-table tbody tr")
    ]
    expected = read_extra(home(explorer) / "scores" / "tracin", "by_epoch")[:, 1, samples[0]]
    assert np.allclose(cells[:-1], expected, rtol=6e-3)
    assert np.isclose(sum(cells[:-1]), cells[-1], rtol=2e-2)
    page.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not dialog.is_displayed()


def test_a_training_sample_shows_whom_it_helped_and_harmed(page, explorer):
    one(page, "#to-sample").click()
    field = one(page, "#sample-number")
    field.send_keys("123", Keys.ENTER)
    assert says(page, "#sample-facts h2", "Training sample 123")
    scores = read_scores(home(explorer) / "scores" / "tracin")
    values = scores.contribution[1:, 123]  # without the mean
    helped, shown = listed(page, "tracin", 0)
    expected = [q for q in np.argsort(-values) if values[q] > 0][:5]
    assert [q - 1 for q in helped] == expected
    assert np.allclose([number(v) for v in shown], values[expected], rtol=6e-3)
    total = one(page, '[data-method="tracin"] .total strong').text
    assert np.isclose(number(total), scores.of_query("validation_mean")[123], rtol=6e-3)
    # And from there to one whom it helped, and back.
    one(page, '#view-sample [data-method="tracin"] ol a').click()
    assert says(page, "#query-facts h2", f"Loss of test sample {expected[0]}")
    page.back()
    assert says(page, "#sample-facts h2", "Training sample 123")


def test_a_number_that_is_not_there_is_said(page):
    one(page, "#to-sample").click()
    one(page, "#sample-number").send_keys("300", Keys.ENTER)
    assert "no sample 300" in one(page, "#sample-count").text


def test_suspects_are_the_lowest_contributions_and_sort(page, explorer):
    one(page, "#to-suspects").click()
    one(page, "#suspects-method option[value=final_loss]").click()
    row = read_scores(home(explorer) / "scores" / "final_loss").of_query("validation_mean")

    def column(at):
        return [r.find_elements(By.TAG_NAME, "td")[at].text for r in all_of(page, "#suspects-table tbody tr")]

    assert [int(text) for text in column(2)] == np.argsort(row, kind="stable")[:30].tolist()
    noisy = pd.read_csv(home(explorer) / "labels.csv")["is_noisy"]
    wrong = int(noisy[np.argsort(row)[:30]].sum())
    assert f" {wrong} of them" in one(page, "#suspects-said").text
    one(page, "th[data-column=loss] button").click()
    losses = [number(text) for text in column(6)]
    assert losses == sorted(losses)
    one(page, "th[data-column=loss] button").click()
    assert [number(text) for text in column(6)] == losses[::-1]
    assert one(page, "th[data-column=loss]").get_attribute("aria-sort") == "descending"


def test_suspects_export_to_csv(page, explorer, tmp_path):
    page.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    one(page, "#to-suspects").click()
    many = one(page, "#suspects-many")
    many.clear()
    many.send_keys("150")
    assert len(all_of(page, "#suspects-table tbody tr")) == 100
    one(page, "#suspects-more").click()
    assert len(all_of(page, "#suspects-table tbody tr")) == 150
    one(page, "#suspects-export").click()
    file = tmp_path / "made-base-seed0-suspects.csv"
    deadline = time.monotonic() + 20
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    rows = list(csv.DictReader(file.open(encoding="utf-8")))
    assert len(rows) == 150
    scores = read_scores(home(explorer) / "scores" / "hydra_exact").of_query("validation_mean")
    labels = pd.read_csv(home(explorer) / "labels.csv")
    assert [int(r["sample"]) for r in rows] == np.argsort(scores, kind="stable")[:150].tolist()
    for place, found in enumerate(rows):
        sample = labels.loc[int(found["sample"])]
        assert int(found["rank"]) == place + 1
        assert (int(found["label"]), int(found["clean_label"]), int(found["is_noisy"])) == tuple(
            sample[["label", "clean_label", "is_noisy"]]
        )
        assert float(found["hydra_exact"]) == pytest.approx(scores[int(found["sample"])])


def test_methods_can_be_hidden_and_lists_made_longer(page):
    one(page, "#methods input[value=tracin]").click()
    assert [c.get_attribute("data-method") for c in all_of(page, "#query-columns .column")] == [
        "hydra_exact",
        "gradient_product",
        "final_loss",
    ]
    one(page, "#places option[value='6']").click()
    assert len(listed(page, "hydra_exact", 0)[0]) == 6


def test_the_keyboard_is_enough(page):
    body = one(page, "body")
    body.send_keys(Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the samples"
    choices = one(page, "#query-list")
    page.execute_script("arguments[0].focus()", choices)
    choices.send_keys(Keys.ARROW_DOWN)
    assert says(page, "#query-facts h2", "Loss of test sample 1")
    assert one(page, "#query-list [aria-selected=true]").get_attribute("id") == choices.get_attribute(
        "aria-activedescendant"
    )
    choices.send_keys(Keys.END)
    assert says(page, "#query-facts h2", "Loss of test sample 11")
    choices.send_keys("/")
    assert page.switch_to.active_element.get_attribute("id") == "query-words"
    page.execute_script("document.activeElement.blur()")
    one(page, "body").send_keys("3")
    shown(page, "#view-suspects")
    button = one(page, "th[data-column=loss] button")
    button.send_keys(Keys.ENTER)
    assert page.switch_to.active_element.text.startswith("own loss")  # sorting keeps the place
    one(page, "body").send_keys("1")
    shown(page, '[data-method="hydra_exact"] ol a').send_keys(Keys.ENTER)
    WebDriverWait(page, 10).until(lambda _: words_of(page, "#sample-facts h2").startswith("Training sample "))
    one(page, "#sample-list").send_keys(Keys.HOME, Keys.ARROW_DOWN)
    assert says(page, "#sample-facts h2", "Training sample 1")


def test_an_address_leads_to_a_sample(page, explorer):
    page.get(explorer.as_uri() + "#/base-seed0/sample/250")
    page.refresh()
    assert says(page, "#sample-facts h2", "Training sample 250")
    page.get(explorer.as_uri() + "#/nobody/sample/99999")
    assert says(page, "#sample-facts h2", "Training sample 250")


@pytest.mark.parametrize("view", ["query/1", "sample/3", "suspects"])
@pytest.mark.parametrize("width", [360, 1600])
def test_nothing_sticks_out_at_the_sides(page, explorer, view, width):
    page.get(f"{explorer.as_uri()}#/base-seed0/{view}")
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_facts_are_valid_and_say_what_the_page_holds(page, explorer):
    text = re.search(r'id="facts">(.*?)</script>', explorer.read_text(encoding="utf-8"), re.S)[1]
    run = json.loads(text)["runs"][0]
    assert (run["samples"], run["detailed"], run["pictured"], len(run["queries"])) == (300, 300, 300, 13)
    assert "300 training samples, 13 queries, 4 methods" in one(page, "#held").text


def test_where_clean_labels_are_not_known_none_is_called_right_or_wrong(browser, tmp_path):
    load(browser, make_explorer(tmp_path, queries=2, data={"train": 40}, noise={"kind": "unknown"}))
    one(browser, "#to-suspects").click()
    shown(browser, "#suspects-table tbody tr")
    assert words_of(browser, "#suspects-said").endswith("Which labels are wrong is not known.")
    assert not all_of(browser, "#suspects-table th[data-column=clean_label]")
    one(browser, "#to-sample").click()
    shown(browser, "#sample-label")
    assert not one(browser, "#sample-noisy").is_displayed()
    assert browser.get_log("browser") == []
