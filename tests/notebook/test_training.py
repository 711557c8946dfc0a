"""Four lines from data and model to contributions, two more to their truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits
from torch import nn

import hydra_steps as hs
from hydra_steps.errors import StudyError
from hydra_steps.notebook.training import Run
from tests.helpers.tiny import relative_error
from tests.helpers.unrolled import unrolled_contribution

DIGITS = load_digits()
IMAGES, LABELS = DIGITS.images[:, None].astype(np.float32) / 16, DIGITS.target


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 10))


def trained(**options: Any) -> Run:
    given = {
        "epochs": 4,
        "batch_size": 20,
        "optimizer": hs.SGD(0.1, momentum=0.9),
        "dtype": "float64",
    } | options
    return hs.train(net(), (IMAGES[:80], LABELS[:80]), (IMAGES[80:160], LABELS[80:160]), **given)


@pytest.fixture(scope="module")
def run() -> Run:
    return trained()


def test_scores_are_the_gradient_of_the_unrolled_training(run: Run) -> None:
    found = run.score("hydra_exact", query=["test_mean", "test_sample_3"])
    process = run.trajectory.process
    expected = unrolled_contribution(
        process, list(run.trajectory.rates), run._queries(["test_mean", "test_sample_3"])
    )
    assert relative_error(torch.from_numpy(found.values), expected) < 1e-10
    assert found.dims == ("query", "sample")
    assert list(found["query"].values) == ["test_mean", "test_sample_3"]


def test_the_truth_is_the_removal_itself(run: Run) -> None:
    groups = [np.arange(5 * g, 5 * g + 5) for g in range(8)]
    real, predicted = run.retrain_without(groups), hs.predicted_changes(run.score(), groups)
    assert real.dims == predicted.dims == ("group", "query")
    assert float(hs.lds(predicted, real)[0]) > 0.9
    others = np.setdiff1d(np.arange(80), groups[0])
    # Left out by weight 0, batches as they were: another training than one on the rest.
    assert not np.allclose(trained_on(others), float(real[0, 0]))


def trained_on(kept: np.ndarray) -> float:
    again = hs.train(net(), (IMAGES[kept], LABELS[kept]), (IMAGES[80:160], LABELS[80:160]), epochs=1)
    return float(again.performance().sel(split="test", measure="loss"))


def test_the_users_own_module_is_left_as_it_was_and_comes_back_trained(run: Run) -> None:
    mine = net()
    before = mine[1].weight.clone()
    made = hs.train(mine, (IMAGES[:80], LABELS[:80]), epochs=1)
    assert torch.equal(mine[1].weight, before)
    assert not torch.equal(made.module[1].weight, before)
    logits = run.module(torch.from_numpy(IMAGES[80:160]).double())
    accuracy = (logits.argmax(1).numpy() == LABELS[80:160]).mean()
    assert float(run.performance().sel(split="test", measure="accuracy")) == accuracy > 0.5
    assert list(made.performance()["split"].values) == ["train"]
    assert made.score("final_loss")["query"].values == ["train_mean"]


def test_other_methods_and_options(run: Run) -> None:
    for method, options in (
        ("hydra_averaged", {"runs": 1}),
        ("tracin", {}),
        ("influence_cg", {"damping": 0.1}),
    ):
        found = run.score(method, **options)
        assert np.isfinite(found.values).all(), method
        assert found.attrs["method"] == method
    assert run.score("hydra_exact", query={"kind": "sample_margin", "samples": [0, 1]}).shape == (2, 80)


def test_numbers_are_a_regression_and_samples_keep_their_names() -> None:
    inputs, targets = load_diabetes(return_X_y=True)
    inputs, targets = 10 * inputs, (targets - targets.mean()) / targets.std()
    names = [f"patient {n}" for n in range(200)]
    made = hs.train(
        nn.Sequential(nn.Linear(10, 4), nn.Tanh(), nn.Linear(4, 1)),
        (inputs[:200], targets[:200]),
        (inputs[200:], targets[200:]),
        epochs=5,
        optimizer=hs.Adam(0.01),
        dtype="float64",
        names=names,
    )
    assert list(made.performance()["measure"].values) == ["loss", "r2"]
    scores = made.score()
    assert scores.sel(sample="patient 7").shape == (1,)
    plain = lambda found, asked: (found - asked).square().mean(-1)  # noqa: E731
    rates = list(made.trajectory.rates)
    expected = unrolled_contribution(made.trajectory.process, rates, made._queries(None), plain)
    assert relative_error(torch.from_numpy(scores.values), expected) < 1e-8


def test_a_picture_shows_who_helped_and_who_harmed(run: Run) -> None:
    scores = run.score()
    page = hs.show_samples(scores, IMAGES[:80], LABELS[:80], top=3)
    titles = [axes.get_title(loc="left") for axes in page.axes]
    assert len(titles) == 6
    best, worst = int(scores[0].data.argmax()), int(scores[0].data.argmin())
    assert titles[0].startswith(f"{best}: {LABELS[best]}\n+")
    assert titles[3].startswith(f"{worst}: {LABELS[worst]}\n-")
    assert page._repr_png_().startswith(b"\x89PNG")  # what a notebook shows


def test_other_kinds_of_training_go_the_same_way() -> None:
    made = trained(
        clip={"norm": 0.5}, schedule="one_cycle", loss={"name": "cross_entropy", "label_smoothing": 0.1}
    )
    expected = unrolled_contribution(
        made.trajectory.process, list(made.trajectory.rates), made._queries(None)
    )
    assert relative_error(torch.from_numpy(made.score().values), expected) < 1e-10


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: hs.train(net(), (IMAGES[:10], LABELS[:9])), "10 inputs and 9 targets"),
        (
            lambda: hs.train(net(), (IMAGES[:10], LABELS[:10]), (IMAGES[:5, :, :4], LABELS[:5])),
            "inputs of the test",
        ),
        (lambda: hs.train(net(), (np.full((9, 1, 8, 8), np.nan), LABELS[:9])), "not finite"),
        (lambda: hs.train(net(), (["a", "b"], [0, 1])), "cannot be read as arrays"),
        (lambda: hs.train(net(), (IMAGES[:10], LABELS[:10]), epochs=0), "training.epochs"),
        (lambda: hs.train(net(), (IMAGES[:10], LABELS[:10]), epoch=3), "did you mean 'epochs'"),
        (lambda: trained(epochs=1).score("hydra_exat"), "did you mean 'hydra_exact'"),
        (lambda: trained(epochs=1).score(query="test_means"), "did you mean 'test_mean'"),
        (lambda: trained(epochs=1).score("influence_cg", dampingg=1), "did you mean 'damping'"),
        (lambda: trained(epochs=1).retrain_without([[80]]), "0 to 79"),
    ],
)
def test_what_cannot_be_is_one_message(wrong: Any, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        wrong()


def test_a_module_that_would_not_be_exact_is_refused() -> None:
    class Leaky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(x) * (1 + 0.1 * torch.randn(1))

    with pytest.raises(StudyError, match="same"):
        hs.train(Leaky(), (IMAGES[:20], LABELS[:20]))
