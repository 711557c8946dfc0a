"""The work place with 60,000 suspects: it opens, decides, keeps and exports."""

import csv

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from hydra_steps.config import resolve_study, run_config, study_yaml
from hydra_steps.data import noise_labels, split_data
from hydra_steps.explorer import write_explorer
from hydra_steps.scoring.store import write_scores
from tests.helpers.browser import load
from tests.helpers.queries import queries_named

MANY = 60_000
LIMIT = 120  # seconds; a machine that does other things meanwhile takes long


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """A page of 60,000 rows, all of them suspects: tables made up, and written by the real writer."""
    home = tmp_path_factory.mktemp("many")
    stream = np.random.default_rng(0)
    samples = MANY + 100
    np.savez(home / "rows.npz", x=stream.random((samples, 2), dtype=np.float32), y=np.arange(samples) % 3)
    data = {"name": "arrays", "folder": str(home), "file": "rows.npz", "inputs": "x", "labels": "y"}
    data |= {"train": MANY, "validation": 50, "test": 50}
    study = {"study": "many", "seeds": [0], "results": str(home), "noise": {"kind": "unknown"}, "data": data}
    study |= {"queries": [{"kind": "mean_loss", "split": "validation"}], "methods": {"final_loss": {}}}
    study |= {
        "audit": {"copies": 2},
        "explorer": {"top": 5, "by_epoch": False},
        "model": {"name": "logistic"},
    }
    settings = resolve_study(study)
    (home / "config.yaml").write_text(study_yaml(settings), encoding="utf-8")
    own = run_config(settings, "base-seed0")["data"]
    run = home / "many" / "runs" / "base-seed0"
    options = {key: own[key] for key in ("file", "inputs", "labels")}
    sizes = {key: own[key] for key in ("train", "validation", "test", "seed", "validation_from")}
    split_data("arrays", str(home), **sizes, output=run / "splits.csv", options=options)
    noise_labels(
        run / "splits.csv", "arrays", str(home), "unknown", {}, 0, run / "labels.csv", source=options
    )
    splits, labels = pd.read_csv(run / "splits.csv"), pd.read_csv(run / "labels.csv")["label"]
    answers = splits[["split", "index"]].assign(
        label=splits["source_index"] % 3, predicted=0, probability=0.5, loss=1.0
    )
    answers.to_csv(run / "predictions.csv", index=False)
    contribution = stream.standard_normal((1, MANY)).astype(np.float32)
    about = {"method": "final_loss", "unit": "rank only"}
    write_scores(run / "scores" / "final_loss", contribution, queries_named(["validation_mean"]), about)
    order = np.argsort(contribution[0])
    suspects = pd.DataFrame({"rank": np.arange(1, MANY + 1), "sample": order})
    suspects["label"] = labels.to_numpy()[order]
    suspects = suspects.assign(
        suggested=(suspects["label"] + 1) % 3, chance_wrong=0.5, suggestion_probability=0.9
    )
    suspects.to_csv(home / "suspects.csv", index=False)
    write_explorer(
        config=home / "config.yaml",
        splits=[run / "splits.csv"],
        labels=[run / "labels.csv"],
        predictions=[run / "predictions.csv"],
        scores=[run / "scores" / "final_loss"],
        suspects=home / "suspects.csv",
        output=home / "explorer.html",
    )
    return home / "explorer.html"


def test_sixty_thousand_suspects_are_decided_about(browser, page_file, tmp_path):
    def one(selector):
        return browser.find_element(By.CSS_SELECTOR, selector)

    def says(selector, text):
        WebDriverWait(browser, LIMIT).until(lambda _: one(selector).text.startswith(text))

    load(browser, page_file)
    browser.execute_script("localStorage.clear()")
    browser.refresh()
    one("#to-decide").click()
    says("#decide-count", "0 of 60,000 suspects decided")
    assert (
        browser.execute_script("return document.getElementsByTagName('*').length") < 2_000
    )  # only what is looked at
    body = one("body")
    body.send_keys("y")
    body.send_keys("n")
    says("#decide-count", "2 of 60,000 suspects decided, 1 of them wrong")
    Select(one("#decide-pair")).select_by_index(1)
    one("#decide-all-wrong").click()
    WebDriverWait(browser, LIMIT).until(lambda _: "samples decided in one step" in one("#decide-said").text)
    decided = int(one("#decide-count").text.split(" of ")[0].replace(",", ""))
    assert decided > 19_000
    browser.refresh()  # what was decided fits into what a browser keeps
    says("#decide-count", f"{decided:,} of 60,000 suspects decided")
    browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    one("#decide-export").click()
    file = tmp_path / "decisions.csv"
    WebDriverWait(browser, LIMIT).until(lambda _: file.exists() and file.stat().st_size)
    with file.open(encoding="utf-8", newline="") as text:
        assert len(list(csv.DictReader(text))) == decided
    assert browser.get_log("browser") == []
