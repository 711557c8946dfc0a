"""One of each kind that a study can bring: what a function is given stands first, options have defaults."""

from pathlib import Path
from typing import Annotated

import numpy as np
from torch import nn

import hydra_steps.plugins as hs


@hs.dataset("stripes", classes=["across", "down"], shape=[1, 8, 8], parts={"train": 400})
def stripes(folder: Path) -> dict[str, hs.Part]:
    """Squares with noisy stripes that run across or down."""
    draw, labels = np.random.default_rng(0), np.arange(400) % 2
    across = np.repeat(np.arange(8) % 2, 8).reshape(8, 8)
    images = 120 * np.where(labels[:, None, None] == 0, across, across.T) + draw.uniform(0, 130, (400, 8, 8))
    return {"train": hs.Part(images[:, None].astype(np.uint8), labels)}


@hs.noise("first_ones", title="flipped, the first ones of them")
def first_ones(clean: hs.CleanTargets, rate: Annotated[float, "0 <= x <= 1"] = 0.1) -> np.ndarray:
    """The labels of the first samples become the next class."""
    first = np.arange(len(clean)) < round(rate * len(clean))
    return np.where(first, (clean.targets + 1) % clean.outputs, clean.targets)


@hs.model("two_layers", title="network of two layers", article="a")
def two_layers(shape, outputs, width: Annotated[int, "x >= 1"] = 16):
    """One hidden layer of softplus units."""
    hidden = nn.Linear(int(np.prod(shape)), width)
    return nn.Sequential(nn.Flatten(), hidden, nn.Softplus(), nn.Linear(width, outputs))


@hs.task("focal", title="focal")
def focal(gamma: float = 1.0):
    """The focal loss, its values alone: samples that are learnt count less."""

    def values(logits, labels):
        own = logits.log_softmax(-1).gather(-1, labels[:, None])[:, 0]
        return -((1 - own.exp()) ** gamma) * own

    return values


@hs.optimizer("heavy_ball", slots="1")
def heavy_ball(parameters, slots, gradient, rate, step, friction: float = 0.1):
    """Momentum by friction; the update alone, the way back comes from automatic differentiation."""
    velocity = (1 - friction) * slots - rate * gradient
    return parameters + velocity[0], velocity


@hs.schedule("halving")
def halving(rate, epoch, epochs, losses, every: Annotated[int, "x >= 1"] = 1):
    """Half the rate after so many epochs."""
    return rate / 2 if epoch % every == 0 else rate


@hs.query("confidence", label="{split}_p_{index}", words="p of {split} sample {index}", quantity="p")
def confidence(logits, labels, loss):
    """Probability of the label of single samples."""
    return logits.softmax(-1).gather(-1, labels[:, None])[:, 0]


@hs.method("input_size", unit="rank only", computes="the length of the sample's input", cost="nothing")
def input_size(trajectory, queries, power: float = 1.0):
    """Length of each sample's input."""
    size = trajectory.process.inputs.flatten(1).norm(dim=1) ** power
    return hs.Contribution(size.double().repeat(len(queries), 1))


@hs.table("extent", title="Extent of the contributions")
def describe_extent(scores, output):
    """Largest contribution of each method to each query."""
    rows: list = []
    for one in scores:
        found, about = hs.read_scores(one.path), one.run.columns | {"method": one.label, "metric": "largest"}
        rows += [about | {"query": name, "value": found.of_query(name).max()} for name in found.names]
    hs.write_table(hs.make_table("extent", rows), output)


@hs.figure("extent", chapter="How far do contributions reach?")
def plot_extent(extent_table, outputs):
    """Largest contributions.

    Largest contribution of each method to the mean test loss, one bar a method.
    """
    rows = hs.read_table(extent_table).query("seed == 'all' and query == 'test_mean'")
    with hs.drawing(hs.Style()):
        page, [[axes]] = hs.canvas(3.4, 2.0)
        axes.barh(rows["method"], rows["value"])
        hs.save(page, outputs)


@hs.sentence("extent", chapter="How far do contributions reach?")
def say_extent(tables):
    """How many methods were measured."""
    return [hs.Finding(f"{tables.rows('extent', 'largest')['method'].nunique()} methods were measured.")]
