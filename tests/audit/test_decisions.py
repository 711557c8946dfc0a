"""Decisions about suspects: read, merged, checked; and what is trained on because of them."""

import csv

import numpy as np
import pandas as pd
import pytest

from hydra_steps.audit.cleaned import write_cleaned
from hydra_steps.audit.decisions import COLUMNS, Decided, data_version, read_decisions
from hydra_steps.audit.forms import form_of
from hydra_steps.audit.outcome import measure_decisions
from hydra_steps.audit.proof import DIMENSIONS, SCHEMA_VERSION, prove_decisions
from hydra_steps.config.audits import FORMS
from hydra_steps.errors import StudyError
from hydra_steps.scoring.store import write_scores
from hydra_steps.stores import read_store
from hydra_steps.trajectory.predictions import predict_samples
from tests.helpers.artifacts import located
from tests.helpers.queries import queries_named

CLASSES = ("cat", "dog", "cow")
GIVEN = [0, 1, 2, 0, 1]
VERSION = "0123456789abcdef"


def write(path, rows, version=VERSION, columns=COLUMNS):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([*(row if isinstance(row[0], str) else ("train", *row)), version] for row in rows)
    return path


def read(path, *more):
    return read_decisions(
        [path, *more], VERSION, {"train": GIVEN, "validation": [0], "test": [2, 1]}, CLASSES
    )


def test_decisions_of_several_people_merge_and_what_they_disagree_on_is_left(tmp_path):
    one = write(
        tmp_path / "a.csv",
        [
            (0, "cat", "relabel", "dog", "a"),
            (1, "dog", "remove", "", "a"),
            (2, "cow", "right", "", "a"),
            (3, "cat", "relabel", "dog", "a"),
            (4, "dog", "skip", "", "a"),
        ],
    )
    two = write(
        tmp_path / "b.csv",
        [
            (0, "cat", "relabel", "dog", "b"),
            (3, "cat", "relabel", "cow", "b"),
            (1, "dog", "skip", "", "b"),
        ],
    )
    assert read(one, two)["train"] == Decided({0: 1}, (1,), (2,), (3,))
    assert read(one, two)["train"].wrong == (0, 1)
    assert read(one)["train"].relabel == {0: 1, 3: 1}
    assert read(one)["test"] == Decided()


def test_decisions_may_be_about_held_out_samples(tmp_path):
    rows = [
        ("test", 0, "cow", "remove", "", "a"),
        ("test", 1, "dog", "relabel", "cat", "a"),
        (0, "cat", "right", "", "a"),
    ]
    found = read(write(tmp_path / "a.csv", rows))
    assert found["test"] == Decided({1: 0}, (0,))
    assert (found["train"].right, found["validation"].wrong) == ((0,), ())
    with pytest.raises(StudyError, match="there is no validation sample '1'"):
        read(write(tmp_path / "b.csv", [("validation", 1, "cat", "right", "", "a")]))
    with pytest.raises(StudyError, match="did you mean 'test'"):
        read(write(tmp_path / "c.csv", [("tset", 1, "cat", "right", "", "a")]))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((7, "cat", "right", "", "a"), "no training sample '7'"),
        (("train", "x", "cat", "right", "", "a"), "no training sample 'x'"),
        ((0, "dog", "right", "", "a"), "said to be 'dog'"),
        ((0, "cat", "relabel", "dgo", "a"), "did you mean 'dog'"),
        ((0, "cat", "relabel", "cat", "a"), "the label that it has"),
        ((0, "cat", "rihgt", "", "a"), "did you mean 'right'"),
    ],
)
def test_what_does_not_fit_the_data_is_one_message_with_its_line(tmp_path, row, said):
    path = write(tmp_path / "d.csv", [(1, "dog", "right", "", "a"), row])
    with pytest.raises(StudyError) as refused:
        read(path)
    assert said in str(refused.value)
    assert "d.csv, line 3" in str(refused.value)


def test_another_version_a_second_decision_and_a_file_that_is_none_are_refused(tmp_path):
    with pytest.raises(StudyError, match="version ffff of the data"):
        read(write(tmp_path / "a.csv", [(0, "cat", "right", "", "a")], "ffff"))
    twice = [(0, "cat", "right", "", "a"), (0, "cat", "remove", "", "a")]
    with pytest.raises(StudyError, match="again, after line 2"):
        read(write(tmp_path / "b.csv", twice))
    with pytest.raises(StudyError, match="cannot be read"):
        read(tmp_path / "missing.csv")
    (tmp_path / "c.csv").write_text("sample,given\n0,cat\n")
    with pytest.raises(StudyError, match="no column split, decision"):
        read(tmp_path / "c.csv")


def test_forms_change_what_they_say():
    label = np.array([0, 1, 2, 0, 1, 2, 0, 1])
    decided = Decided({1: 2}, (4,), (), ())
    forms = {name: form_of(name, decided, [6, 1, 4], label, 3, seed=5) for name in FORMS}
    assert all(
        (form.label == label).all()
        for name, form in forms.items()
        if "label" not in name and name != "corrected"
    )
    assert forms["as_is"].removed.size == 0
    assert forms["corrected"].label.tolist() == [0, 2, 2, 0, 1, 2, 0, 1]
    assert forms["corrected"].removed.tolist() == [4]
    assert forms["only_removed"].removed.tolist() == [1, 4]
    assert forms["top_removed"].removed.tolist() == [1, 6]
    assert forms["random_removed"].removed.size == 2
    assert (forms["random_relabelled"].label != label).sum() == 2
    again = form_of("random_removed", decided, [], label, 3, seed=5)
    assert again.removed.tolist() == forms["random_removed"].removed.tolist()
    draws = {tuple(form_of("random_removed", decided, [], label, 3, seed).removed) for seed in range(9)}
    assert len(draws) > 1


def test_decisions_are_proved_by_training_again(trained, tmp_path):
    home = tmp_path / "runs" / "base-seed0"
    home.mkdir(parents=True)
    labels = pd.read_csv(trained / "labels.csv")
    wrong = labels[labels["is_noisy"] == 1]
    version = data_version(trained / "splits.csv", trained / "labels.csv")
    rows = [
        (r["index"], str(r["label"]), "relabel", str(r["clean_label"]), "me") for _, r in wrong.iterrows()
    ]
    predict_samples(
        trained / "trajectory", trained / "splits.csv", trained / "labels.csv", home / "predictions.csv"
    )
    answers = pd.read_csv(home / "predictions.csv")
    held_out = answers.loc[answers["split"] == "test", "label"].astype(str).tolist()
    rows += [
        ("test", 0, held_out[0], "remove", "", "me"),
        ("test", 1, held_out[1], "relabel", held_out[2], "me"),
    ]
    decisions = write(tmp_path / "decisions.csv", rows, version)
    order = [*wrong["index"], *labels[labels["is_noisy"] == 0]["index"]]
    suspects = tmp_path / "suspects.csv"
    pd.DataFrame({"rank": range(1, len(order) + 1), "sample": order}).to_csv(suspects, index=False)
    given = {"splits": trained / "splits.csv", "labels": trained / "labels.csv"}
    prove_decisions(
        trajectory=trained / "trajectory",
        **given,
        suspects=suspects,
        decisions=[decisions],
        seeds=3,
        output=home / "decided",
    )
    found, _ = read_store(home / "decided", DIMENSIONS, SCHEMA_VERSION)
    before = {path: path.stat().st_mtime_ns for path in (home / ".bank").iterdir()}
    assert len(before) == 3 * len(FORMS) - 3  # the first suspects are the wrong ones
    (lost := next(iter(before))).unlink()  # a job that was killed before it was done
    prove_decisions(
        trajectory=trained / "trajectory",
        **given,
        suspects=suspects,
        decisions=[decisions],
        seeds=3,
        output=home / "again",
    )
    kept = {path: path.stat().st_mtime_ns for path in (home / ".bank").iterdir()}
    assert [path for path in kept if kept[path] != before[path]] == [lost]
    again, _ = read_store(home / "again", DIMENSIONS, SCHEMA_VERSION)
    assert all(np.array_equal(found[name], again[name]) for name in DIMENSIONS)
    assert not np.array_equal(found["test_loss"], found["test_loss_as_came"])
    assert np.array_equal(found["validation_loss"], found["validation_loss_as_came"])
    assert len(found["form"]) == 3 * len(FORMS)
    by_name = {name: found["form"] == number for number, name in enumerate(FORMS)}
    assert (found["removed"][by_name["only_removed"]].sum(1) == len(wrong)).all()
    assert np.array_equal(found["removed"][by_name["only_removed"]], found["removed"][by_name["top_removed"]])
    contribution = np.linspace(-1, 1, len(labels))[None].astype(np.float32)
    about = {"method": "hydra_exact", "unit": "query"}
    write_scores(home / "scores" / "hydra_exact", contribution, queries_named(["test_mean"]), about)
    for name, path in given.items():
        (home / f"{name}.csv").write_bytes(path.read_bytes())
    measure_decisions(
        audited_decided=[located(home / "decided")],
        audited_splits=[located(home / "splits.csv")],
        audited_labels=[located(home / "labels.csv")],
        audited_predictions=[located(home / "predictions.csv")],
        audited_scores=[located(home / "scores" / "hydra_exact")],
        output=tmp_path / "proof.csv",
        audit_cleaned=tmp_path / "cleaned.csv",
        decisions=[str(decisions)],
        classes=[str(c) for c in range(10)],
    )
    proof = pd.read_csv(tmp_path / "proof.csv").set_index(["form", "metric", "method"]).fillna("")
    real = found["test_loss"][by_name["corrected"]] - found["test_loss"][by_name["as_is"]]
    table = pd.read_csv(tmp_path / "proof.csv", keep_default_na=False)
    row = table[(table["form"] == "corrected") & (table["metric"] == "change_test_loss")].iloc[0]
    assert float(row["value"]) == pytest.approx(real.mean())
    row = table[(table["form"] == "only_removed") & (table["method"] == "hydra_exact")].iloc[0]
    assert row["metric"] == "change_test_loss_as_came"
    assert float(row["value"]) == pytest.approx(contribution[0, wrong["index"]].sum(), rel=1e-5)
    assert len(proof) == len(table)
    assert float(table.loc[table["metric"] == "test_labels_cleaned", "value"].iloc[0]) == 2
    source = {"name": "digits", "folder": trained / "data"}
    write_cleaned(**given, decisions=[decisions], **source, output=tmp_path / "cleaned")
    written = pd.read_csv(tmp_path / "cleaned" / "train.csv").set_index("source_index")["label"]
    splits = pd.read_csv(given["splits"]).set_index(["split", "index"])["source_index"]
    assert (written.loc[splits["train"].iloc[wrong["index"]]].to_numpy() == wrong["clean_label"]).all()
    assert splits["test"].iloc[0] not in written.index
    assert str(written[splits["test"].iloc[1]]) == held_out[2]
    cleaned = pd.read_csv(tmp_path / "cleaned.csv")
    assert len(cleaned) == len(answers)
    of_train, of_test = (cleaned[cleaned["split"] == split].reset_index() for split in ("train", "test"))
    assert (of_train["decided"] == labels["clean_label"]).all()
    assert of_train["changed"].sum() == len(wrong)
    assert of_test["changed"].tolist()[:3] == [1, 1, 0]
    assert np.isnan(of_test["decided"][0])
    assert str(int(of_test["decided"][1])) == held_out[2]


def test_decisions_that_find_nothing_wrong_are_refused_before_any_training(trained, tmp_path):
    labels = pd.read_csv(trained / "labels.csv")
    version = data_version(trained / "splits.csv", trained / "labels.csv")
    decisions = write(tmp_path / "d.csv", [(0, str(labels["label"][0]), "right", "", "me")], version)
    with pytest.raises(StudyError, match="no label is decided to be wrong"):
        prove_decisions(
            trajectory=trained / "trajectory",
            splits=trained / "splits.csv",
            labels=trained / "labels.csv",
            suspects=tmp_path / "none.csv",
            decisions=[decisions],
            seeds=2,
            output=tmp_path / "decided",
        )
    assert not (tmp_path / "decided").exists()
