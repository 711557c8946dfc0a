"""The study's set-up in sentences, read from its resolved configuration: data, noise, model, training, ground truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hydra_steps.config.experiments import Counterfactual
from hydra_steps.config.run import Run
from hydra_steps.config.runs import run_settings, variant_names
from hydra_steps.config.sections import Noise, Optimizer, RunSettings, Training
from hydra_steps.config.split_sizes import sizes_of
from hydra_steps.config.study import Study
from hydra_steps.registry import Entry, entries
from hydra_steps.registry.entry import is_described
from hydra_steps.report.words import listing, percent
from hydra_steps.tables.frames import plural


def setup_sentences(study: Study) -> list[str]:
    """Return the set-up as sentences."""
    return [_data(study), _training(study), _truth(study.counterfactual), _variants(study)]


def by_variant(study: Study) -> dict[str, RunSettings]:
    """Return the settings of each variant's first run, by the variant's name."""
    plain = study.plain()
    first = {variant: Run(variant, study.seeds[0]).name for variant in variant_names(plain)}
    return {variant: run_settings(plain, run) for variant, run in first.items()}


def title(study: Study) -> str:
    """Return what was studied in one line: datasets, noise and models, each once."""
    every = list(by_variant(study).values())
    words = [listing(_once(_titled("dataset", one.data.name) for one in every))]
    rates = [_rate(one.noise) for one in every if _known(one.noise)]
    shares = [percent(rate) for rate in sorted({rate for rate in rates if rate})]
    if None in rates:
        words.append("with label noise")
    elif shares:
        words.append(f"with {listing([*(['no'] if 0.0 in rates else []), *shares])} label noise")
    models = [one.model.name for one in every]
    words.append(f"learnt by {listing(_once(_with_article(name) for name in models))}")
    return " ".join(words)


def _with_article(model: str) -> str:
    entry = _entry("model", model)
    article = entry.traits["article"] if entry else ""
    return " ".join(filter(None, (article, _titled("model", model))))


def _rate(noise: Noise) -> float | None:
    """The rate of wrong labels that was asked for; None for a kind without one, where something else decides."""
    return 0.0 if noise.kind == "none" else noise.rate


def _known(noise: Noise) -> bool:
    """Whether it is known which labels are wrong."""
    entry = _entry("noise", noise.kind)
    return entry is None or bool(entry.traits["known"])


def _entry(kind: str, name: str) -> Entry | None:
    return entries(kind).get(name)


def _titled(kind: str, name: str) -> str:
    """The title of what is called ``name``."""
    entry = _entry(kind, name)
    return entry.title if entry else name


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _data(study: Study) -> str:
    data = study.data
    parts = {"training": data.train, "validation": data.validation, "test": data.test}
    entry = _entry("dataset", data.name)
    if entry is not None and is_described(entry):
        parts = dict(zip(parts, sizes_of(data).values(), strict=True))
    sizes = [f"all remaining {name}" if size is None else f"{size:,} {name}" for name, size in parts.items()]
    text = f"Data: {_titled('dataset', data.name)}; {listing(sizes)} samples, drawn once."
    return f"{text} {_noise(study.noise)}"


def _noise(noise: Noise) -> str:
    rate = _rate(noise)
    if rate == 0.0:
        return "The labels were left as they are."
    how = _titled("noise", noise.kind)
    if how == noise.kind.replace("_", " "):  # declared without a title that completes the sentence
        how = f"changed by {how} noise"
    if rate is None:
        return f"The training labels were {how}."
    return f"In the training split {percent(rate)} of the labels were {how}."


def _training(study: Study) -> str:
    model, training = study.model, study.training
    parts = [
        _epochs(training),
        f"batches of {training.batch_size}",
        _optimizer(training.optimizer),
        f"{_titled('schedule', training.schedule.name)} rate",
        f"{_titled('task', training.loss.name)} loss",
        *([f"gradients clipped to {clip}"] if (clip := _clip(training)) else []),
        *(
            [f"a moving average of the parameters (decay {training.average:g})"]
            if training.average is not None
            else []
        ),
    ]
    units = [str(number) for number in model.options.get("hidden", [])]
    hidden = f" with hidden layers of {listing(units)} units" if units else ""
    text = f"Model: {_titled('model', model.name)}{hidden}, trained for {', '.join(parts)}"
    seeds = [str(seed) for seed in study.seeds]
    return f"{text}; seed{'s' if len(seeds) != 1 else ''} {listing(seeds)}."


def _epochs(training: Training) -> str:
    if training.early_stopping is None:
        return plural(training.epochs, "epoch")
    without = plural(training.early_stopping, "epoch")
    return f"at most {plural(training.epochs, 'epoch')}, ended by {without} without a lower validation loss"


def _optimizer(optimizer: Optimizer) -> str:
    numbers = [f"learning rate {optimizer.learning_rate:g}"]
    for option in ("momentum", "weight_decay"):
        if optimizer.options.get(option):
            numbers.append(f"{option.replace('_', ' ')} {optimizer.options[option]:g}")
    for group in optimizer.groups:
        own = [] if group.weight_decay is None else [f"weight decay {group.weight_decay:g}"]
        numbers.append(f"for ``{group.parameters}`` {listing([f'{group.rate:g} times the rate', *own])}")
    return f"{_titled('optimizer', optimizer.name)} ({', '.join(numbers)})"


def _clip(training: Training) -> str:
    """What each step's gradient is clipped to, in words; empty where it is not."""
    return listing([f"a {what} of {limit:g}" for what, limit in (training.clip or {}).items()])


def _truth(bank: Counterfactual) -> str:
    groups = f"{bank.groups:,} random groups of {percent(bank.fraction)} of the training samples"
    return (
        f"Ground truth: {groups}; for each, training was repeated with the same seed and order of batches, the group's "
        "weights set to zero, and the change of every query recorded. The linear datamodelling score (LDS) is the "
        "Spearman correlation of predicted and real change over the groups."
    )


def _variants(study: Study) -> str:
    if not study.variants:
        return ""
    told = [f"**{name}** ({_change(change) or 'as it is'})" for name, change in study.variants.items()]
    return f"{plural(len(told), 'variant')} of this set-up: {listing(told)}."


def _change(change: Mapping[str, Any], above: str = "") -> str:
    """What a variant changes, key by key: ``noise.rate 0.5``."""
    parts = []
    for key, value in change.items():
        name = f"{above}{key}"
        parts.append(_change(value, f"{name}.") if isinstance(value, Mapping) else f"``{name}`` {value}")
    return ", ".join(parts)
