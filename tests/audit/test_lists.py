"""The lists of an audit with planted cases: what is wrong, what harms although it is right, and what is twice there."""

import numpy as np
import pandas as pd
import pytest

from hydra_steps.audit.copies import Judged
from hydra_steps.audit.harmful import list_harmful
from hydra_steps.audit.judge import judge
from hydra_steps.audit.look_alikes import COLUMNS, near_duplicates
from hydra_steps.audit.samples import AuditedSamples
from hydra_steps.audit.suspects import list_suspects
from hydra_steps.audit.suspicion import suspicion
from hydra_steps.scoring.store import read_scores, write_scores
from tests.helpers.queries import queries_named

SAMPLES, COPIES, CLASSES = 400, 4, ["ant", "bee", "cat"]
WRONG = [3, 50, 77, 120, 200, 201, 333, 399]
RIGHT = [10, 20]  # they harm, but fit their labels
QUERY = "validation_mean"


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """A judged set of data and its scores: the loss knows the wrong labels, the predicted changes also harmful ones."""
    stream = np.random.default_rng(0)
    label = np.arange(SAMPLES) % 3
    given = label.copy()
    given[WRONG] = (label[WRONG] + 1) % 3
    bad = given != label

    def fit(planted):
        return np.where(bad | planted, -4.0, 0.0) + stream.random(SAMPLES)

    def judged(run, planted):
        found = fit(planted)
        return Judged(
            run, given, planted, {"loss": suspicion(found, planted), "change": suspicion(-found, planted)}
        )

    flags = [np.isin(np.arange(SAMPLES), stream.choice(SAMPLES, 20, replace=False)) for _ in range(COPIES)]
    data = judged("data", np.zeros(SAMPLES, bool))
    verdict = judge(
        data, [judged(f"copy {i}", planted & ~bad) for i, planted in enumerate(flags)], blends=False
    )
    change = np.full((3, SAMPLES), 0.01)
    change[:, WRONG], change[:, RIGHT] = -0.3, [-0.5, -0.2]
    change[1, 10], change[2, 10] = -0.05, -0.07  # whom sample 10 harms
    home = tmp_path_factory.mktemp("scores")
    names = queries_named([QUERY, "test_sample_4", "test_sample_9"])
    write_scores(home / "change", change.astype(np.float32), names, {"method": "change", "unit": "query"})
    write_scores(home / "loss", change.astype(np.float32), names, {"method": "loss", "unit": "rank only"})
    scores = {name: read_scores(home / name) for name in ("loss", "change")}
    probability = np.full((SAMPLES, 3), 0.05)
    probability[np.arange(SAMPLES), label] = 0.9
    return data, verdict, probability, scores, label


@pytest.fixture(scope="module")
def alike(tmp_path_factory):
    path = tmp_path_factory.mktemp("alike") / "audit_look_alikes.csv"
    run = ("base", "base-seed0", "0")
    rows = [
        (*run, "leak", "train", 3, "test", 8, 0.0),
        (*run, "duplicate", "train", 3, "train", 10, 0.0),
        (*run, "duplicate", "test", 3, "test", 10, 0.0),
        (*run, "outlier", "train", 50, "", "", 0.1),
    ]
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path, index=False)
    return near_duplicates(path)


def samples_of(data, verdict, scores, alike):
    names = [f"s{n}" for n in range(SAMPLES)]
    return AuditedSamples(data, verdict, scores, np.arange(SAMPLES) + 1000, names, CLASSES, QUERY, alike)


def test_near_duplicates_are_told_of_both_training_samples_and_of_leaks(alike):
    assert alike == {3: ["test 8", "train 10"], 10: ["train 3"]}
    assert near_duplicates(None) == {}


def test_every_column_of_the_suspects_says_what_was_planted(audited, alike):
    data, verdict, probability, scores, label = audited
    table = list_suspects(samples_of(data, verdict, scores, alike), probability)
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    first = table.head(len(WRONG))
    assert set(first["sample"]) == set(WRONG)
    assert (first["name"] == "s" + first["sample"].astype(str)).all()
    assert (first["source_index"] == first["sample"] + 1000).all()
    assert first["label"].tolist() == [CLASSES[(label[n] + 1) % 3] for n in first["sample"]]
    assert first["suggested"].tolist() == [CLASSES[label[n]] for n in first["sample"]]
    assert np.allclose(first["suggestion_probability"], 0.9 / 0.95)
    assert first["chance_wrong"].mean() > 0.5
    assert first["chance_wrong"].min() > 0.25
    assert (table["chance_wrong"].iloc[len(WRONG) + 5 :] < 0.3).all()
    assert table["suspicion"].is_monotonic_increasing
    assert set(first["agree"]) == {"loss"}  # what ranks the other way round finds nothing and is not asked
    assert set(first["agreeing"]) == {1}
    assert np.allclose(first["gain_without"], 0.3)
    assert all(cell.split("; ")[0].startswith("4: -0.3") for cell in first["harms"])
    found = dict(zip(table["sample"], table["near_duplicates"], strict=True))
    assert found[3] == "test 8; train 10"
    assert found[50] == ""


def test_what_harms_although_its_label_is_right_is_listed_by_its_gain(audited, alike):
    data, verdict, _, scores, _ = audited
    table = list_harmful(samples_of(data, verdict, scores, alike))
    assert (table["chance_wrong"] < 0.5).all()
    assert table["gain_without"].is_monotonic_decreasing
    right = table[~table["sample"].isin(WRONG)].reset_index(drop=True)
    assert len(table) - len(right) <= 2  # the last of the wrong ones may be thought right
    assert right["sample"].tolist() == RIGHT
    assert np.allclose(right["gain_without"], [0.5, 0.2])
    assert right["harms"][0] == "9: -0.07; 4: -0.05"
    assert right["near_duplicates"].tolist() == ["train 3", ""]
    assert right["label"].tolist() == [CLASSES[data.label[n]] for n in RIGHT]


def test_without_a_method_that_predicts_changes_nothing_is_said_to_harm(audited):
    data, verdict, probability, scores, _ = audited
    ranked = samples_of(data, verdict, {"loss": scores["loss"]}, {})
    assert list_harmful(ranked).empty
    suspects = list_suspects(ranked, probability)
    assert set(suspects["harms"]) == {""}
    assert suspects["gain_without"].isna().all()
