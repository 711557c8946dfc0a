"""The noise of a study that names none: wrong labels of classes, and of other targets what is like them."""

from __future__ import annotations

from typing import Any

from hydra_steps.config.targets import CLASS, LABELS, NUMBERS, TOKENS, targets_of
from hydra_steps.registry import names

DEFAULTS = {
    LABELS: "label_flips",
    NUMBERS: "outliers",
    TOKENS: "replaced_tokens",
}  # of a class: the section's own


def with_fitting_noise(raw: dict[str, Any]) -> dict[str, Any]:
    """Return what a user wrote with ``noise.kind`` filled in, where its loss asks for no class and no kind is named.

    >>> with_fitting_noise({"training": {"loss": {"name": "huber"}}})["noise"]
    {'kind': 'outliers'}
    """
    training, noise = raw.get("training"), raw.get("noise", {})
    loss = training.get("loss") if isinstance(training, dict) else None
    name = loss.get("name") if isinstance(loss, dict) else None
    if (
        not isinstance(name, str)
        or name not in names("task")
        or not isinstance(noise, dict)
        or "kind" in noise
    ):
        return raw
    asks = targets_of(name)
    return raw if asks == CLASS else {**raw, "noise": {"kind": DEFAULTS[asks], **noise}}
