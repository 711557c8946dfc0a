"""Held-out suspects in the work place: a list of their own beside the training samples', in one file of decisions."""

import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from hydra_steps.audit.decisions import data_version, read_decisions
from hydra_steps.audit.held_out import list_held_out
from hydra_steps.explorer import write_explorer
from tests.explorer.test_decide import exported, now, one, press, work_place
from tests.helpers.artifacts import located
from tests.helpers.made_explorer import make_study

CLASSES = [str(label) for label in range(10)]


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A page of an audit of made answers: its folder, and the table of held-out suspects."""
    folder = tmp_path_factory.mktemp("audited")
    small = {"train": 100, "validation": 50, "test": 60}
    made = make_study(folder, queries=3, noise={"kind": "unknown"}, audit={"copies": 2}, data=small)
    place = [index for index, path in enumerate(made["splits"]) if path.parent.name == "base-seed0"][0]
    run = {name: [made[name][place]] for name in ("splits", "labels", "predictions")}
    home = run["splits"][0].parent
    label = pd.read_csv(run["labels"][0])["label"]
    suspects = pd.DataFrame({"rank": range(1, 21), "sample": range(20), "label": label[:20]})
    suspects = suspects.assign(suggested=(label + 1) % 10, chance_wrong=0.5, suggestion_probability=0.9)
    suspects.to_csv(folder / "suspects.csv", index=False)
    list_held_out(
        audited_splits=[located(home / "splits.csv")],
        audited_predictions=[located(home / "predictions.csv")],
        output=folder / "held_out.csv",
        classes=CLASSES,
    )
    write_explorer(
        config=made["config"],
        **run,
        scores=[path for path in made["scores"] if path.parent.parent == home],
        suspects=folder / "suspects.csv",
        held_out=folder / "held_out.csv",
        output=made["output"],
    )
    return folder, pd.read_csv(folder / "held_out.csv")


@pytest.fixture
def page(browser, audited):
    yield from work_place(browser, audited[0] / "explorer.html", 60)


def test_held_out_suspects_are_a_list_of_their_own(page, audited):
    table = audited[1]
    assert one(page, "#decide-count").text.startswith("0 of 20 suspects decided")
    Select(one(page, "#decide-part")).select_by_value("held")
    assert one(page, "#decide-count").text == f"0 of {len(table)} suspects decided, 0 of them wrong."
    first = table.iloc[0]
    title = one(page, "#decide-sample h2").text
    assert title == f"Suspect 1: {first['split']} sample {first['sample']}"
    assert one(page, "#decide-given").text == str(first["label"])
    assert one(page, "#decide-suggested").text == str(first["predicted"])
    WebDriverWait(page, 60).until(
        lambda _: page.find_elements(By.CSS_SELECTOR, "#decide-sample .facts canvas[data-drawn]")
    )
    beside = page.find_elements(By.CSS_SELECTOR, "#decide-sample .near canvas")
    words = [canvas.get_attribute("aria-label") for canvas in beside]
    assert words
    assert {text.rsplit(" ", 1)[1] for text in words} <= {str(first["label"]), str(first["predicted"])}
    Select(one(page, "#decide-part")).select_by_value("train")
    assert one(page, "#decide-sample h2").text == "Suspect 1: training sample 0"


def test_both_lists_are_one_file_that_the_workflow_reads(page, audited, tmp_path):
    folder, table = audited
    home = folder / "runs" / "base-seed0"
    one(page, "#decide-who").send_keys("Ada", Keys.TAB)
    press(page, "n")
    trained = 0
    Select(one(page, "#decide-part")).select_by_value("held")
    press(page, "y", "x", "n")
    Select(one(page, "#decide-part")).select_by_value("train")
    press(page, "u")  # takes back what was decided last, in the other list
    assert now(page)[0] == 3
    assert one(page, "#decide-part").get_attribute("value") == "held"
    press(page, "s")
    page.refresh()
    WebDriverWait(page, 60).until(lambda _: one(page, "#decide-given").is_displayed())
    file, rows = exported(page, tmp_path)
    assert len(rows) == 4
    answers = pd.read_csv(home / "predictions.csv")
    given = {split: own["label"].tolist() for split, own in answers.groupby("split")}
    version = data_version(home / "splits.csv", home / "labels.csv")
    decided = read_decisions([file], version, given, CLASSES)
    relabelled, removed, skipped = (table.iloc[place] for place in range(3))
    assert decided[relabelled["split"]].relabel == {relabelled["sample"]: relabelled["predicted"]}
    assert decided[removed["split"]].removed == (removed["sample"],)
    assert decided["train"].right == (trained,)
    assert skipped["sample"] in [int(row["sample"]) for row in rows if row["decision"] == "skip"]
