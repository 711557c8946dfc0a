"""A copy with planted labels: known by comparison with the run, the same twice, and the truth left as it is."""

import numpy as np
import pandas as pd
import pytest

from hydra_steps.config import resolve_study, run_config
from hydra_steps.config.runs import planted_runs
from hydra_steps.data import noise_labels, split_data
from hydra_steps.data.fetch import fetch_data
from hydra_steps.data.noise import draw_targets
from hydra_steps.data.planting import plant_labels
from hydra_steps.errors import StudyError
from hydra_steps.plan.steps import planting_settings


@pytest.fixture
def run(tmp_path):
    """A function that makes splits and labels of a noise, and returns the arguments of the planting."""

    def make(noise: str):
        fetch_data("digits", tmp_path / "data")
        split_data("digits", tmp_path / "data", 200, 50, 50, 0, tmp_path / "splits.csv")
        options = {"rate": 0.1} if noise == "symmetric" else {}
        out = tmp_path / "labels.csv"
        noise_labels(tmp_path / "splits.csv", "digits", tmp_path / "data", noise, options, 0, out)
        return {
            "splits_csv": tmp_path / "splits.csv",
            "labels_csv": out,
            "name": "digits",
            "folder": tmp_path / "data",
        }

    return make


@pytest.mark.parametrize("kind", ["symmetric", "instance"])
def test_so_many_labels_are_planted_and_copies_differ(run, tmp_path, kind):
    where = run("unknown")
    given = pd.read_csv(where["labels_csv"])["label"].to_numpy()
    copies = []
    for number in (0, 1, 1):
        out = tmp_path / f"copy{len(copies)}.csv"
        plant_labels(**where, kind=kind, rate=0.05, seed=0, number=number, output=out)
        copies.append(pd.read_csv(out))
    assert [(copy["label"].to_numpy() != given).sum() for copy in copies] == [10, 10, 10]
    assert (copies[0]["label"] != copies[1]["label"]).any()
    assert (tmp_path / "copy1.csv").read_bytes() == (tmp_path / "copy2.csv").read_bytes()
    assert all(copy[["clean_label", "is_noisy"]].isna().all(axis=None) for copy in copies)


def test_where_the_truth_is_known_it_stays_known(run, tmp_path):
    where = run("symmetric")
    plant_labels(**where, kind="pair_flip", rate=0.05, seed=0, number=0, output=tmp_path / "copy.csv")
    before, after = pd.read_csv(where["labels_csv"]), pd.read_csv(tmp_path / "copy.csv")
    assert (before["clean_label"] == after["clean_label"]).all()
    assert (after["is_noisy"] == (after["label"] != after["clean_label"])).all()
    assert np.isclose(after["is_noisy"].mean(), 0.15, atol=0.02)


def audited(**audit):
    return resolve_study(
        {
            "seeds": [3, 4],
            "variants": {"a": {"noise": {"rate": 0.1}}, "b": {}},
            "audit": {"copies": 3, **audit},
        }
    )


def test_copies_are_runs_of_their_own_with_the_settings_of_their_origin():
    study = audited(kinds=["symmetric", "pair_flip"], rate=0.03)
    runs = planted_runs(study)
    assert list(runs) == ["a-planted0-seed3", "a-planted1-seed3", "a-planted2-seed3"]
    assert run_config(study, "a-planted1-seed3")["noise"] == run_config(study, "a-seed3")["noise"]
    told = [planting_settings(study, run) for run in runs]
    assert [one["kind"] for one in told] == ["symmetric", "pair_flip", "symmetric"]
    assert planted_runs(resolve_study({})) == {}


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        ({"copies": 1}, "none is left to check it on"),
        ({"kinds": ["symetric"]}, "did you mean 'symmetric'"),
        ({"kinds": ["none"]}, "takes no rate"),
        ({"query": "train_mean"}, "is not among the study's queries"),
        ({"rate": 0.001}, "planted labels each"),
    ],
)
def test_an_audit_that_cannot_be_made_is_refused(audit, said):
    with pytest.raises(StudyError) as refused:
        audited(**audit)
    assert said in str(refused.value)


def test_look_alikes_are_planted_into_rows_too():
    stream = np.random.default_rng(0)
    label = np.arange(90) % 3
    rows = (label[:, None] + 0.5 * stream.standard_normal((90, 6))).astype(np.float32)
    assert (draw_targets(label, 3, "instance", {"rate": 0.1}, 0, rows) != label).sum() == 9
