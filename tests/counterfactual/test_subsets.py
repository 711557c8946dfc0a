"""Training anew on parts of the data, and the search for the smallest flipping group."""

import numpy as np
import pytest
import torch

from hydra_steps.counterfactual import flips as brittleness
from hydra_steps.counterfactual.flips import find_flips, smallest_flip
from hydra_steps.counterfactual.fresh import fresh_seed, keep_samples, train_anew
from hydra_steps.counterfactual.subsets import DIMENSIONS, removal_order, retrain_subsets
from hydra_steps.errors import StudyError
from hydra_steps.evaluation.brittleness import evaluate_brittleness
from hydra_steps.evaluation.removal import ARRAYS as TABLE_ARRAYS
from hydra_steps.evaluation.removal import evaluate_removal
from hydra_steps.process.building import load_data
from hydra_steps.process.running import retrain
from hydra_steps.scoring.store import write_scores
from hydra_steps.stores import read_store
from hydra_steps.tables.tidy import read_table
from hydra_steps.trajectory.store import TrajectoryStore
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.artifacts import located
from tests.helpers.queries import queries_named


def asked(names):
    return [query.plain() for query in queries_named(names)]


def loaded(trained):
    settings = TrajectoryStore.open(trained / "trajectory").settings
    return settings, load_data(settings, trained / "splits.csv", trained / "labels.csv")


def inputs(trained) -> dict:
    return {
        name: trained / file
        for name, file in (("trajectory", "trajectory"), ("splits", "splits.csv"), ("labels", "labels.csv"))
    }


def test_the_same_seed_and_all_samples_is_the_run_itself(trained):
    settings, data = loaded(trained)
    _, state = train_anew(settings, keep_samples(data, np.arange(60)), settings.seed)
    assert state.equal(Trajectory.open(trained / "trajectory", data).final_state)


def test_keeping_samples(trained):
    _, data = loaded(trained)
    kept = np.array([3, 5, 8])
    part = keep_samples(data, kept)
    assert np.array_equal(part.train.inputs, data.train.inputs[kept])
    assert np.array_equal(part.is_noisy, data.is_noisy[kept])
    assert part.test is data.test
    with pytest.raises(StudyError, match="all 60 training samples"):
        keep_samples(data, kept[:0])


def test_orders(trained):
    _, data = loaded(trained)
    c = np.random.default_rng(0).normal(size=60)
    assert np.array_equal(removal_order("m", "most_harmful", data, c, 0), np.argsort(c))
    assert np.array_equal(removal_order("m", "most_helpful", data, c, 0), np.argsort(-c))
    wrong = int(data.is_noisy.sum())
    assert 0 < wrong < 60
    assert data.is_noisy[removal_order("oracle", "most_harmful", data, None, 0)[:wrong]].all()
    assert data.is_noisy[removal_order("oracle", "most_helpful", data, None, 0)[-wrong:]].all()
    orders = [removal_order("random_order", "most_harmful", data, None, seed).tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(60))
    assert len({fresh_seed(0, k) for k in range(50)} | {fresh_seed(1, k) for k in range(50)}) == 100


def test_curves(trained, tmp_path):
    c = np.random.default_rng(0).normal(size=(1, 60))
    write_scores(tmp_path / "m", c, queries_named(["test_mean"]), {"method": "m", "unit": "query"})
    about = {"query": "test_mean", "fractions": [0.3, 0.1], "sides": ["most_harmful"], "seeds": 2}
    folder = tmp_path / "runs" / "base-seed1" / "removal"
    for label in ("m", "oracle", "random_order"):
        scores = tmp_path / "m" if label == "m" else None
        retrain_subsets(**inputs(trained), label=label, **about, output=folder / label, scores=scores)
    assert tuple(DIMENSIONS) == TABLE_ARRAYS
    curves = {label: read_store(folder / label, DIMENSIONS, 2)[0] for label in ("m", "oracle")}
    assert curves["m"]["fraction"].tolist() == [0, 0, 0.1, 0.1, 0.3, 0.3]
    assert curves["m"]["kept"].tolist() == [60, 60, 54, 54, 42, 42]
    # Without removal all labels train the same models, once.
    assert np.array_equal(curves["m"]["test_loss"][:2], curves["oracle"]["test_loss"][:2])
    assert len(list((folder / ".bank").glob("*.json"))) == 2 + 3 * 4
    settings, data = loaded(trained)
    stays = np.sort(np.argsort(c[0])[18:])
    process, state = train_anew(settings, keep_samples(data, stays), int(curves["m"]["seed"][4]))
    with torch.no_grad():
        logits = process.model.logits(state.parameters, state.buffers, torch.tensor(data.test.inputs))
    right = (logits.argmax(-1).numpy() == data.test.targets).mean()
    assert curves["m"]["test_metric"][4] == pytest.approx(right)
    evaluate_removal(
        [located(folder / label) for label in ("m", "oracle", "random_order")], tmp_path / "r.csv"
    )
    table = read_table(tmp_path / "r.csv")
    assert set(table["fraction"]) == {0, 0.1, 0.3}
    assert set(table["method"]) == {"m", "oracle", "random_order"}


def test_removing_everything_is_refused(trained, tmp_path):
    with pytest.raises(StudyError, match="all 60"):
        retrain_subsets(
            **inputs(trained),
            label="oracle",
            query="test_mean",
            fractions=[1.0],
            sides=["most_harmful"],
            seeds=1,
            output=tmp_path / "removal" / "oracle",
        )


def test_removing_a_class_is_refused_with_the_counts_before_any_training(trained, tmp_path):
    _, data = loaded(trained)
    label = int(data.train.targets[0])
    c = np.where(data.train.targets == label, -1.0, 1.0)[None]
    write_scores(tmp_path / "m", c, queries_named(["test_mean"]), {"method": "m", "unit": "rank only"})
    count = int((data.train.targets == label).sum())
    asked = inputs(trained) | {"label": "m", "query": "test_mean", "scores": tmp_path / "m", "seeds": 1}
    asked |= {"fractions": [(count + 1) / 60], "sides": ["most_harmful"]}
    output = tmp_path / "removal" / "m"
    with pytest.raises(
        StudyError, match=rf"removing {count + 1} of 60 .* by m .* takes all {count} of class"
    ):
        retrain_subsets(**asked, output=output)
    assert not list(tmp_path.rglob("removal/.bank/*.json"))
    retrain_subsets(**asked, output=output, empty_class="train")
    left = read_store(output, DIMENSIONS, 2)[0]["classes_left"]
    present = len(np.unique(data.train.targets))
    assert left.tolist() == [present, present - 1]


def test_a_query_that_the_scores_lack_is_refused(trained, tmp_path):
    write_scores(
        tmp_path / "m", np.zeros((1, 60)), queries_named(["test_mean"]), {"method": "m", "unit": "rank only"}
    )
    about = {"label": "m", "fractions": [0.5], "sides": ["most_harmful"], "seeds": 1}
    with pytest.raises(StudyError, match="did you mean 'test_mean'"):
        retrain_subsets(
            **inputs(trained), **about, query="test_men", output=tmp_path / "r" / "m", scores=tmp_path / "m"
        )


def test_a_method_that_diverged_orders_nothing(trained, tmp_path):
    """Its tables have no rows; the study goes on."""
    c = np.full((2, 60), np.nan)
    write_scores(
        tmp_path / "m", c, queries_named(["test_mean", "test_sample_0"]), {"method": "m", "unit": "query"}
    )
    run = tmp_path / "runs" / "base-seed1"
    about = {"query": "test_mean", "fractions": [0.5], "sides": ["most_harmful"], "seeds": 1}
    common = inputs(trained) | {"label": "m", "scores": tmp_path / "m"}
    retrain_subsets(**common, **about, output=run / "removal" / "m")
    evaluate_removal([located(run / "removal" / "m")], tmp_path / "r.csv")
    find_flips(**common, queries=asked(["test_sample_0"]), most=0.5, output=run / "brittleness" / "m")
    evaluate_brittleness([located(run / "brittleness" / "m")], tmp_path / "b.csv")
    assert read_table(tmp_path / "r.csv").empty
    assert read_table(tmp_path / "b.csv").empty
    assert not list(run.rglob("*.json.*")) + list(run.glob("*/.bank/*.json"))


@pytest.mark.parametrize("least", [1, 2, 3, 5, 16, 17, 31])
@pytest.mark.parametrize("most", [1, 8, 30, 100])
def test_the_smallest_flip(least, most):
    tried = []
    found = smallest_flip(lambda k: tried.append(k) or k >= least, most)
    assert found == (least if least <= most else -1)
    assert max(tried) <= most
    assert len(tried) == len(set(tried))


def test_large_groups_are_found_to_within_a_twentieth():
    found = smallest_flip(lambda k: k >= 12_345, 60_000)
    assert 12_345 <= found <= 12_345 * 1.06
    assert smallest_flip(lambda k: True, 0) == -1


def test_flips_are_real(trained, tmp_path, monkeypatch):
    settings, data = loaded(trained)
    base = Trajectory.open(trained / "trajectory", data)
    names = [f"test_sample_{i}" for i in range(6)]
    c = np.random.default_rng(0).normal(size=(6, 60))
    write_scores(tmp_path / "m", c, queries_named(names), {"method": "m", "unit": "rank only"})
    folder = tmp_path / "runs" / "base-seed1" / "brittleness"
    search = inputs(trained) | {
        "label": "m",
        "queries": asked(names),
        "most": 0.9,
        "scores": tmp_path / "m",
    }
    find_flips(**search, output=folder / "m")
    found, about = read_store(folder / "m", brittleness.DIMENSIONS, 2)
    assert [query["name"] for query in about["queries"]] == names
    predict = brittleness._predictions
    images = torch.tensor(data.test.inputs[:6])
    right = predict(base, base.final_state, images) == data.test.targets[:6]
    assert np.array_equal(found["correct"], right)
    assert (found["smallest"] > 0).any()
    for i in np.flatnonzero(found["smallest"] > 0):
        removed = np.argsort(-c[i])[: found["smallest"][i]].copy()
        state = retrain(base.process, base.rates, torch.from_numpy(removed))
        assert predict(base, state, images)[i] != data.test.targets[i]
    monkeypatch.setattr(brittleness, "_retrain", lambda *_: pytest.fail("this re-training is in the bank"))
    find_flips(**search, output=folder / "again")
    assert np.array_equal(
        read_store(folder / "again", brittleness.DIMENSIONS, 2)[0]["smallest"], found["smallest"]
    )


@pytest.mark.parametrize("name", ["test_mean", "validation_sample_1", "test_sample_30"])
def test_queries_without_a_prediction_are_refused(trained, tmp_path, name):
    with pytest.raises(StudyError, match="no prediction that could flip"):
        find_flips(
            **inputs(trained),
            label="random_order",
            queries=asked([name]),
            most=0.5,
            output=tmp_path / "b" / "r",
        )
