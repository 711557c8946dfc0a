"""Train a LeNet-5 on 10,000 handwritten digits of MNIST and write its weights beside the study. Half a minute.

    python examples/fine_tuning/make_weights.py

``mnist_lenet5.pt``: the ``state_dict`` of the module that the study names ``lenet5_tanh``. MNIST is taken from
``data/mnist/`` or fetched into it.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from hydra_steps.data.datasets.idx import read_idx_parts
from hydra_steps.data.fetch import fetch_data
from hydra_steps.data.raw import Part
from hydra_steps.models.lenet5 import lenet5_tanh

TARGET = Path(__file__).with_name("mnist_lenet5.pt")


def main() -> None:
    """Train, say how good the model is, and write it."""
    parts = read_idx_parts(fetch_data("mnist").parent)
    torch.manual_seed(0)
    model = lenet5_tanh((1, 28, 28), 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    inputs, labels = tensors(parts["train"], 10_000)
    for _epoch in range(5):
        for index in torch.randperm(len(labels)).split(64):
            optimizer.zero_grad()
            functional.cross_entropy(model(inputs[index]), labels[index]).backward()
            optimizer.step()
    inputs, labels = tensors(parts["test"], 10_000)
    with torch.no_grad():
        right = (model(inputs).argmax(1) == labels).double().mean().item()
    torch.save(model.state_dict(), TARGET)
    print(f"{TARGET} holds a model with an accuracy of {right:.3f} on MNIST's test part")


def tensors(part: Part, count: int) -> tuple[Tensor, Tensor]:
    """The first ``count`` pictures [n, 1, 28, 28] and labels [n] of a part, standardised as the study's data are."""
    pictures = torch.tensor(part.inputs[:count]).float().div(255)
    return pictures.sub(0.1307).div(0.3081), torch.tensor(part.targets[:count])


if __name__ == "__main__":
    main()
