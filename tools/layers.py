"""docs/layers.md: the state of each layer of ``torch.nn``, found by training a small network with it.

``python -m tools.layers`` writes the page. A layer is exact where the scores of a training agree with automatic
differentiation through all of it to 1e-8; else its training is refused, with the message that is quoted.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import torch

from hydra_steps.errors import StudyError
from hydra_steps.models.build import plain_model
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.trial.try_model import try_model
from hydra_steps.registry import use_plugins
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_rates, tiny_settings
from tests.helpers.unrolled import unrolled_contribution
from tools import layer_cases

PAGE = Path(__file__).parents[1] / "docs" / "layers.md"
EXACT = 1e-8
_QUERIES = [{"kind": "sample_loss", "split": "test", "samples": [0, 2]}]
_HEAD = """# Layers

Which layers can a model have? For each layer of `torch.nn` the table says one of two things:

- **exact**: the scores of a training with this layer agree with automatic differentiation through the whole training,
  to a relative 1e-8 in double precision;
- **refused**: the training does not start, and one message names the layer.

`python -m tools.layers` writes the page; it trains a small network with each layer.

An exact layer takes one of three paths ([hydra_steps/process/paths.py](../hydra_steps/process/paths.py)). `make check`
says which one your model takes, and why:

- **layer rules** are the fastest, and take many queries at once. They serve sequences of layers that have one, and a
  `forward` of your own that joins such layers by ordinary operations: sums, products, joins, cuts, changes of shape,
  products of matrices, softmax, attention, functions of each number, parameters of its own. `torch.fx` records it, and
  what the recording gives is compared with twice backward before it is used;
- **twice backward** serves the rest, most at 2.7 to 3.5 trainings for one exact query. It shares its first pass among
  queries, and its second where PyTorch can map it over them;
- **forward mode** is for one query without the exact Hessian, where it is cheaper than that.

Layers marked *taken over* are replaced by exact ones of ours, with the same parameters. On a GPU a few are refused,
whose kernels there add up in no fixed order ([which](faster.md#what-a-gpu-gives)).

Your model may combine them in any way. What counts is that a training step depends on the state, the batch and the data
weights alone. The model is tried on four samples before it is trained. What does not fit, and what works in its place:

| what is refused | what works |
|---|---|
| random numbers drawn in `forward` | layers of `nn.Dropout`, or noise that is a function of the input |
| a loss that depends on the other samples of the batch | `nn.BatchNorm`, `nn.LayerNorm`, `nn.GroupNorm` |
| numbers or tensors carried from step to step as attributes | floating-point buffers, assigned in `forward` |
| buffers that follow the activations through `detach`, `no_grad` or `.data` | the same without them |
| parameters changed in `forward`, and hooks on gradients | the optimizer's own decay; no hook |
| a function with a backward pass of its own that hides what it depends on | ordinary operations |
| `float()`, `half()` or autocast in `forward` | the precision of the input, which `compute.dtype` chooses |
"""


@dataclass(frozen=True)
class State:
    """What became of a layer: its ``path``, whether it is ``taken_over``, and the relative ``error`` of its scores; or
    why it is refused."""

    path: str = ""
    taken_over: bool = False
    error: float = 0.0
    refused: str = ""

    @property
    def words(self) -> str:
        """As the page says it."""
        if self.refused:
            return f"refused: {self.refused}"
        mark = " (taken over)" if self.taken_over else ""
        return f"exact, by {self.path}{mark}" if self.error <= EXACT else f"WRONG by {self.error:.0e}"


@cache
def state_of(label: str) -> State:
    """Train a network with a layer for four steps, and compare exact HyDRA with autograd through them."""
    use_plugins([layer_cases.__file__])
    settings, data = tiny_settings(epochs=2, batch_size=3), tiny_data(samples=6, side=layer_cases.SIDE)
    settings["model"] = {"name": "layer", "label": label}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            process = built(settings, data)
            try_model(process)
        except StudyError as error:
            return State(refused=error.found.removeprefix("the model 'layer': "))
        queries, rates = QuerySet(expand_queries(_QUERIES, data), data, process), tiny_rates(process)
        found = hydra_exact(Trajectory.in_memory(process, rates), queries).values
        expected = unrolled_contribution(process, rates, queries)
    assert expected.abs().max() > 0
    kinds = {type(layer).__name__ for layer in process.model.module.modules()}
    plain = plain_model("layer", (1, layer_cases.SIDE, layer_cases.SIDE), 3, {"label": label}, 0)
    taken_over = not kinds <= {type(layer).__name__ for layer in plain.modules()}
    return State(str(process.model.path), taken_over, relative_error(found, expected))


def page() -> str:
    """The whole page."""
    torch.set_num_threads(1)
    text = _HEAD
    for group, cases in groupby(layer_cases.CASES.items(), lambda item: item[1].group):
        rows = [f"| `{label}` | {state_of(label).words} |\n" for label, _ in cases]
        text += f"\n## {group.capitalize()}\n\n| layer | state |\n|---|---|\n{''.join(rows)}"
    return text


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tools.layers", description=__doc__).parse_args()
    PAGE.write_text(page(), encoding="utf-8")
