"""A rate that falls in steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from hydra_steps.registry.decorators import schedule


@schedule("multistep", require={"milestones == sorted(set(milestones))": "epochs in rising order"})
def multistep(
    rate: float,
    epoch: int,
    milestones: Sequence[Annotated[int, "x >= 1"]] = (),
    factor: Annotated[float, "0 < x <= 1"] = 0.1,
) -> float:
    """A rate that is multiplied by a factor after certain epochs (PyTorch's ``MultiStepLR``).

    Options:
        milestones: Epochs after which the rate is multiplied by `factor`.
        factor: What the rate is multiplied by.
    """
    return rate * factor ** list(milestones).count(epoch)
