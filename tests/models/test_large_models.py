"""ResNet-18 against the same written out, the vision transformer's shapes, and exact scores of both."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hydra_steps.errors import StudyError
from hydra_steps.models.build import build_model
from hydra_steps.models.layers import BatchNorm
from hydra_steps.process.paths import Path
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.trial.try_model import try_model
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_rates, tiny_settings
from tests.helpers.unrolled import unrolled_contribution


def written_out(state: dict[str, Tensor], images: Tensor) -> Tensor:
    """The paper's network from its weights, layer by layer, in evaluation mode."""

    def normed(x: Tensor, name: str) -> Tensor:
        mean, var = state[f"{name}.running_mean"], state[f"{name}.running_var"]
        return functional.batch_norm(x, mean, var, state[f"{name}.weight"], state[f"{name}.bias"])

    x = normed(functional.conv2d(images, state["0.weight"], padding=1), "1").relu()
    for block in range(8):
        name, stride = f"{block + 3}", 2 if block in (2, 4, 6) else 1
        main = functional.conv2d(x, state[f"{name}.main.0.weight"], stride=stride, padding=1)
        main = functional.conv2d(
            normed(main, f"{name}.main.1").relu(), state[f"{name}.main.3.weight"], padding=1
        )
        if stride == 2:
            x = normed(functional.conv2d(x, state[f"{name}.short.0.weight"], stride=2), f"{name}.short.1")
        x = (normed(main, f"{name}.main.4") + x).relu()
    return functional.linear(x.mean((2, 3)), state["13.weight"], state["13.bias"])


def test_resnet18_is_the_papers_network_with_a_small_first_layer() -> None:
    model = build_model("resnet18", (3, 32, 32), 10, {}, seed=0).eval()
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_173_962
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for norm in (layer for layer in model.modules() if isinstance(layer, BatchNorm)):
        norm.running_var.uniform_(0.5, 2)
    with torch.no_grad():
        assert relative_error(model(images), written_out(model.state_dict(), images)) < 1e-5


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ({"name": "resnet18", "width": 1}, Path.RULES),
        ({"name": "vision_transformer", "width": 4, "heads": 2, "depth": 1, "dropout": 0.2}, Path.RULES),
    ],
)
def test_scores_are_derivatives_of_the_training(model: dict[str, object], path: Path) -> None:
    settings, data = tiny_settings(epochs=1), tiny_data(samples=8, side=8)
    settings["model"] = model
    process = built(settings, data)
    try_model(process)
    assert process.model.path is path
    rates = tiny_rates(process)
    queries = QuerySet(expand_queries([{"kind": "mean_loss", "split": "test"}], data), data, process)
    found = hydra_exact(Trajectory.in_memory(process, rates), queries).values
    expected = unrolled_contribution(process, rates, queries)
    assert expected.abs().max() > 1e-6
    assert relative_error(found, expected) <= 1e-8


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        ("resnet18", (3, 7, 8), {}, "7×8 pixels; expected: at least 8×8"),
        ("vision_transformer", (1, 28, 28), {"patch": 5}, "patches of 5×5"),
        ("vision_transformer", (1, 28, 28), {"width": 30}, "a multiple of heads"),
    ],
)
def test_what_cannot_be_built_is_named(
    name: str, shape: tuple[int, int, int], options: dict[str, int], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        build_model(name, shape, 10, options, seed=0)
