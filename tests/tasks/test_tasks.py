"""Tasks: closed forms against autograd, and the names and options that a study can choose."""

from __future__ import annotations

import pytest
import torch

from hydra_steps.errors import StudyError
from hydra_steps.registry import use_plugins
from hydra_steps.registry.plugins import VARIABLE
from hydra_steps.tasks.losses import CrossEntropy, build_loss
from tests.helpers.tiny import relative_error


@pytest.mark.parametrize(
    ("name", "options"), [("cross_entropy", {"label_smoothing": 0.1}), ("mean_squared_error", {})]
)
def test_closed_forms_of_the_losses_are_autograds(name, options):
    loss = build_loss(name, options)
    generator = torch.Generator().manual_seed(1)
    logits, tangent = torch.randn(2, 5, 4, dtype=torch.float64, generator=generator)
    labels = torch.tensor([0, 3, 1, 2, 2])
    slope = torch.autograd.functional.jacobian(lambda z: loss.values(z, labels).sum(), logits)
    assert relative_error(loss.slope(logits, labels), slope) <= 1e-12
    hessian = torch.autograd.functional.hessian(lambda z: loss.values(z, labels).sum(), logits)
    bend = torch.einsum("bcde,de->bc", hessian, tangent)
    assert relative_error(loss.bend(logits, tangent), bend) <= 1e-12


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
from hydra_steps.tasks.losses import CrossEntropy


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
