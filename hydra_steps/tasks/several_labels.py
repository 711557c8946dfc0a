"""Several labels of each sample, each true or not: outputs [..., b, k] are their log-odds, targets are 0 or 1."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from hydra_steps.registry.decorators import task


@task("binary_cross_entropy", title="binary cross-entropy", targets="labels", metric="mean_accuracy")
@dataclass(frozen=True)
class BinaryCrossEntropy:
    """Binary cross-entropy, averaged over the labels, as ``functional.binary_cross_entropy_with_logits`` defines it
    (nats)."""

    def values(self, logits: Tensor, targets: Tensor) -> Tensor:
        # log(1 + e^z) − y z, with the right sign of z in it, so that small losses keep their digits.
        return functional.softplus(_against(logits, targets)).mean(-1)

    def slope(self, logits: Tensor, targets: Tensor) -> Tensor:
        sign = _sign(logits, targets)
        return sign * (sign * logits).sigmoid() / logits.shape[-1]

    def bend(self, logits: Tensor, tangent: Tensor, targets: Tensor) -> Tensor:
        return tangent * (logits.sigmoid() * (-logits).sigmoid() / logits.shape[-1])

    def direction(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        logits = logits.double()
        sizes = functional.logsigmoid(_against(logits, targets))  # of log p(wrong): never lost
        largest = sizes.amax(-1)
        slope = _sign(logits, targets) * (sizes - largest[..., None]).exp()
        return slope, largest - sizes.new_tensor(logits.shape[-1]).log()


def _sign(logits: Tensor, targets: Tensor) -> Tensor:
    """−1 for a label that is true and 1 for one that is not, in the logits' precision."""
    return 1 - 2 * targets.to(logits.dtype)


def _against(logits: Tensor, targets: Tensor) -> Tensor:
    """The log-odds of being wrong about each label."""
    return _sign(logits, targets) * logits
