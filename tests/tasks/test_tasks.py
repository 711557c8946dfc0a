"""Tasks: closed forms against autograd, and the names and options that a study can choose."""

from __future__ import annotations

import pytest
import torch

from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.registry import load, use_plugins
from hydra_steps.registry.plugins import VARIABLE
from hydra_steps.tasks.classes import CrossEntropy
from hydra_steps.tasks.losses import ValuesAlone, build_loss
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_settings


@pytest.mark.parametrize(
    "loss",
    [
        build_loss("cross_entropy", {"label_smoothing": 0.1}),
        build_loss("mean_squared_error", {}),
        ValuesAlone(CrossEntropy().values),
        ValuesAlone(lambda logits, labels: (1 + labels) * logits.tanh().square().sum(-1)),
    ],
)
def test_what_a_loss_gives_is_autograds(loss):
    generator = torch.Generator().manual_seed(1)
    logits, tangent = torch.randn(2, 5, 4, dtype=torch.float64, generator=generator)
    labels = torch.tensor([0, 3, 1, 2, 2])
    slope = torch.autograd.functional.jacobian(lambda z: loss.values(z, labels).sum(), logits)
    assert relative_error(loss.slope(logits, labels), slope) <= 1e-12
    hessian = torch.autograd.functional.hessian(lambda z: loss.values(z, labels).sum(), logits)
    bend = torch.einsum("bcde,de->bc", hessian, tangent)
    assert relative_error(loss.bend(logits, tangent, labels), bend) <= 1e-12


@pytest.mark.parametrize("model", ["mlp", "lenet5_tanh"])
def test_a_loss_given_as_its_values_alone_gives_the_same_scores(model):
    """By layer rules and by forward mode, one query and many, every curvature."""
    data, settings = tiny_data(samples=12, side=8), tiny_settings(epochs=2, batch_size=5)
    settings["model"] = {"name": model}
    process = built(settings, data)
    specs = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_loss", "split": "test", "count": 7}]
    for name in ("hydra_exact", "hydra_gauss_newton", "hydra_hessian_free", "hydra_forward", "influence_cg"):
        found = []
        for loss in (CrossEntropy(), ValuesAlone(CrossEntropy().values)):
            process.loss = loss
            trajectory = Trajectory.in_memory(process, [0.05] * process.steps)
            queries = QuerySet(expand_queries(specs, data), data, process)
            found.append(
                load("method", name)(trajectory, queries).values.nan_to_num()
            )  # tracked samples alone
        assert relative_error(found[1], found[0]) <= 1e-10


def test_options_that_are_not_given_take_their_defaults():
    assert build_loss("cross_entropy", {}) == CrossEntropy(0.0)
    assert build_loss("cross_entropy", {"label_smoothing": 0.2}) == CrossEntropy(0.2)


def test_an_option_of_another_task_is_passed_over():
    build_loss("mean_squared_error", {"label_smoothing": 0.2})


def test_what_is_not_known_is_named():
    with pytest.raises(StudyError, match=r"training\.loss\.name: 'hinge' is unknown.*mean_squared_error"):
        build_loss("hinge", {})
    with pytest.raises(StudyError, match=r"training\.loss\.smoothing: 0\.1 .*did you mean 'label_smoothing'"):
        build_loss("cross_entropy", {"smoothing": 0.1})


OWN = """\
from hydra_steps.plugins import task
from hydra_steps.registry import use_plugins
from hydra_steps.registry.plugins import VARIABLE
from hydra_steps.tasks.classes import CrossEntropy


class Scaled(CrossEntropy):
    def values(self, logits, labels):
        return 3 * super().values(logits, labels)


@task("own_loss", title="scaled cross-entropy")
def own_loss(smoothing: float = 0.1):
    return Scaled(smoothing)
"""


def test_a_task_of_ones_own_is_a_function_of_its_options(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    (tmp_path / "own.py").write_text(OWN)
    use_plugins(["own.py"], tmp_path)
    logits, labels = torch.eye(3), torch.tensor([0, 1, 0])
    expected = 3 * torch.nn.functional.cross_entropy(logits, labels, reduction="none", label_smoothing=0.1)
    assert torch.equal(build_loss("own_loss", {}).values(logits, labels), expected)
    assert build_loss("own_loss", {"smoothing": 0.0}).label_smoothing == 0
