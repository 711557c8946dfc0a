"""A variant's setting in words, for tables and captions that must say under which conditions something was found."""

from __future__ import annotations

from hydra_steps.config.run import Run
from hydra_steps.config.runs import PlainStudy, run_config, variant_names
from hydra_steps.registry import find


def conditions(study: PlainStudy) -> dict[str, str]:
    """Return variant → "mnist, 2,000 samples, symmetric noise 0.2, lenet5_relu, 5 epochs, 3 seeds"."""
    return {variant: _words(study, variant) for variant in variant_names(study)}


def _words(study: PlainStudy, variant: str) -> str:
    config = run_config(study, Run(variant, study["seeds"][0]).name)
    data, noise, seeds = config["data"], config["noise"], len(study["seeds"])
    samples = "all training samples" if data["train"] is None else f"{data['train']:,} samples"
    kind = str(noise["kind"]).replace("_", " ")
    wrong = "no noise" if kind == "none" else f"{kind} noise"
    entry = find("noise", noise["kind"])
    if not entry.traits["known"]:
        wrong = "labels as they came"
    if "rate" in entry.options:
        wrong += f" {noise['rate']:g}"
    epochs = config["training"]["epochs"]
    return ", ".join(
        (
            data["name"],
            samples,
            wrong,
            config["model"]["name"],
            f"{epochs} epoch{'s' if epochs != 1 else ''}",
            f"{seeds} seed{'s' if seeds != 1 else ''}",
        )
    )
