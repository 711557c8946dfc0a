"""Does ``torch.compile`` pay for a training step?

Nearly all of a step is its gradient. It is traced to one graph of PyTorch's basic operations, which Inductor compiles
(on a GPU with CUDA graphs), and both forms take turns of 20 gradients of the same batch of 64 random images. Told are
the milliseconds of each, quartiles of their ratio, how long the first compiled gradient took, from which number of
steps on that is made up for, and how far the two gradients are apart. Not a test: a busy machine cannot be asked.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from hydra_steps.config.sections import Compute
from hydra_steps.errors import reported
from hydra_steps.models.build import build_model
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.optimizers import build_optimizer
from hydra_steps.process.process import Batch, Process
from hydra_steps.tasks.losses import build_loss

BATCH, STEPS = 64, 20


def one_batch(model: str, device: str) -> Process:
    """A process whose only batch are 64 random images of MNIST's shape (three times 32 × 32 for DenseNet)."""
    shape = (3, 32, 32) if model.startswith("densenet") else (1, 28, 28)
    generator = torch.Generator().manual_seed(0)
    return Process(
        model=FlatModel(build_model(model, shape, 10, {}, 0)),
        loss=build_loss("cross_entropy", {}),
        optimizer=build_optimizer("sgd", {"momentum": 0.0, "weight_decay": 0.0}),
        inputs=torch.rand(BATCH, *shape, generator=generator).to(device),
        targets=torch.randint(10, (BATCH,), generator=generator).to(device),
        table=np.arange(BATCH, dtype=np.int32)[None],
        epochs=1,
        seed=0,
        dtype=torch.float32,
    )


def both_forms(process: Process) -> tuple[Callable[[], Tensor], Callable[[], Tensor]]:
    """The batch's gradient [p] as it is, and compiled."""
    state, batch = process.initial_state(), process.batch(0)

    def gradient(parameters: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        return process.gradient(parameters, state.buffers, Batch(batch.index, images, labels, batch.keys))[0]

    given = (state.parameters, batch.inputs, batch.targets)
    mode = "reduce-overhead" if process.device.type == "cuda" else None
    compiled = torch.compile(make_fx(gradient)(*given), mode=mode)

    def run() -> Tensor:
        with torch.no_grad():
            return compiled(*given)

    return lambda: gradient(*given), run


def seconds(act: Callable[[], Tensor], device: str) -> float:
    began = time.perf_counter()
    act()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def compare(model: str, device: str, turns: int) -> None:
    prepare_compute(Compute.of({"device": device}))
    plain, compiled = both_forms(one_batch(model, device))
    first = seconds(compiled, device)
    apart = ((compiled() - plain()).abs().max() / plain().abs().max()).item()

    def turn(act: Callable[[], Tensor]) -> float:
        return sum(seconds(act, device) for _ in range(STEPS)) / STEPS

    pairs = [(turn(plain), turn(compiled)) for _ in range(turns + 2)][2:]
    low, median, high = statistics.quantiles([c / p for p, c in pairs], n=4)
    usual, fast = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{model} on {device}, batches of {BATCH}, one thread, {turns} turns of {STEPS} gradients")
    print(
        f"a gradient: {1e3 * usual:.2f} ms, compiled {1e3 * fast:.2f} ms, ratio {median:.2f} ({low:.2f}–{high:.2f})"
    )
    print(f"the first compiled gradient: {first:.1f} s; largest difference {apart:.1e} of the largest entry")
    print(f"ahead from step {first / (usual - fast):,.0f} on" if fast < usual else "never ahead")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.compiled",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", nargs="?", default="lenet5_tanh", help="a model by its name")
    parser.add_argument("device", nargs="?", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("turns", nargs="?", type=int, default=30, help="of 20 gradients in each form")
    asked = parser.parse_args()
    with reported():
        compare(asked.model, asked.device, asked.turns)


if __name__ == "__main__":
    main()
