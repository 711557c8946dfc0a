"""The study's set-up in sentences, read from its resolved configuration: data, noise, model, training, ground truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hydra_steps.config.schema import merge
from hydra_steps.registry import Entry, entries
from hydra_steps.report.words import listing, percent
from hydra_steps.tables.frames import plural


def setup_sentences(config: Mapping[str, Any]) -> list[str]:
    """Return the set-up as sentences; keys that a configuration lacks are passed over."""
    return [_data(config), _training(config), _truth(config), _variants(config)]


def conditions(config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return data, noise, model and training of each variant, by its name; of the study itself where it has none."""
    own = {name: dict(config.get(name) or {}) for name in ("data", "noise", "model", "training")}
    return {name: merge(own, change or {}) for name, change in (config.get("variants") or {"": {}}).items()}


def title(config: Mapping[str, Any]) -> str:
    """Return what was studied in one line: datasets, noise and models, each once."""
    every = list(conditions(config).values())
    words = [listing(_once(_titled("dataset", one["data"].get("name"), "a dataset") for one in every))]
    rates = [_rate(one["noise"]) for one in every if _known(one["noise"])]
    shares = [percent(rate) for rate in sorted({rate for rate in rates if rate})]
    if None in rates:
        words.append("with label noise")
    elif shares:
        words.append(f"with {listing([*(['no'] if 0.0 in rates else []), *shares])} label noise")
    models = [one["model"].get("name") for one in every]
    words.append(f"learnt by {listing(_once(_with_article(name) for name in models))}")
    return " ".join(words)


def _with_article(model: Any) -> str:
    entry = _entry("model", model)
    article = entry.traits["article"] if entry else ""
    return " ".join(filter(None, (article, _titled("model", model, "a model"))))


def _rate(noise: Mapping[str, Any]) -> float | None:
    """The rate of wrong labels that was asked for; None for a kind without one, where something else decides."""
    kind = noise.get("kind", "none")
    if kind == "none":
        return 0.0
    return float(noise.get("rate") or 0.0) if _has("noise", kind, "rate") else None


def _known(noise: Mapping[str, Any]) -> bool:
    """Whether it is known which labels are wrong."""
    entry = _entry("noise", noise.get("kind", "none"))
    return entry is None or bool(entry.traits["known"])


def _entry(kind: str, name: Any) -> Entry | None:
    return entries(kind).get(str(name))


def _has(kind: str, name: Any, option: str) -> bool:
    """Whether what is called ``name`` has such an option."""
    entry = _entry(kind, name)
    return entry is not None and option in entry.options


def _titled(kind: str, name: Any, otherwise: str) -> str:
    """The title of what is called ``name``; ``otherwise`` where a configuration names none."""
    entry = _entry(kind, name)
    return entry.title if entry else str(name) if name else otherwise


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _data(config: Mapping[str, Any]) -> str:
    data, noise = config.get("data") or {}, config.get("noise") or {}
    sizes = [
        f"{data[split]:,} {name}" if isinstance(data.get(split), int) else f"all remaining {name}"
        for split, name in (("train", "training"), ("validation", "validation"), ("test", "test"))
        if split in data
    ]
    text = f"Data: {_titled('dataset', data.get('name'), 'a dataset')}; {listing(sizes)} samples, drawn once."
    return f"{text} {_noise(noise)}"


def _noise(noise: Mapping[str, Any]) -> str:
    kind, rate = noise.get("kind", "none"), _rate(noise)
    if rate == 0.0:
        return "The labels were left as they are."
    how = _titled("noise", kind, "")
    if how == str(kind).replace("_", " "):  # declared without a title that completes the sentence
        how = f"changed by {how} noise"
    if rate is None:
        return f"The training labels were {how}."
    return f"In the training split {percent(rate)} of the labels were {how}."


def _training(config: Mapping[str, Any]) -> str:
    model, training = config.get("model") or {}, config.get("training") or {}
    optimizer, schedule = training.get("optimizer") or {}, training.get("schedule") or {}
    loss = training.get("loss") or {}
    parts = [
        plural(int(training.get("epochs", 0)), "epoch"),
        f"batches of {training.get('batch_size')}",
        _optimizer(optimizer),
        f"{_titled('schedule', schedule.get('name', 'constant'), '')} rate",
        f"{_titled('task', loss.get('name'), 'its own')} loss",
    ]
    seeds = [str(seed) for seed in config.get("seeds", [])]
    name = _titled("model", model.get("name"), "a model")
    hidden = ""
    if _has("model", model.get("name"), "hidden") and model.get("hidden"):
        hidden = f" with hidden layers of {listing([str(units) for units in model['hidden']])} units"
    text = f"Model: {name}{hidden}, trained for {', '.join(parts)}"
    return f"{text}; seed{'s' if len(seeds) != 1 else ''} {listing(seeds)}." if seeds else f"{text}."


def _optimizer(optimizer: Mapping[str, Any]) -> str:
    name = _titled("optimizer", optimizer.get("name"), "an optimizer")
    numbers = [f"learning rate {optimizer['learning_rate']:g}"] if "learning_rate" in optimizer else []
    for option in ("momentum", "weight_decay"):
        if optimizer.get(option) and _has("optimizer", optimizer.get("name"), option):
            numbers.append(f"{option.replace('_', ' ')} {optimizer[option]:g}")
    return f"{name} ({', '.join(numbers)})" if numbers else str(name)


def _truth(config: Mapping[str, Any]) -> str:
    bank = config.get("counterfactual") or {}
    if not bank.get("groups"):
        return "Nothing was re-trained."
    groups = f"{bank['groups']:,} random groups of {percent(bank.get('fraction', 0))} of the training samples"
    return (
        f"Ground truth: {groups}; for each, training was repeated with the same seed and order of batches, the group's "
        "weights set to zero, and the change of every query recorded. The linear datamodelling score (LDS) is the "
        "Spearman correlation of predicted and real change over the groups."
    )


def _variants(config: Mapping[str, Any]) -> str:
    changes = config.get("variants") or {}
    if not changes:
        return ""
    told = [f"**{name}** ({_change(change or {}) or 'as it is'})" for name, change in changes.items()]
    return f"{plural(len(told), 'variant')} of this set-up: {listing(told)}."


def _change(change: Mapping[str, Any], above: str = "") -> str:
    """What a variant changes, key by key: ``noise.rate 0.5``."""
    parts = []
    for key, value in change.items():
        name = f"{above}{key}"
        parts.append(_change(value, f"{name}.") if isinstance(value, Mapping) else f"``{name}`` {value}")
    return ", ".join(parts)
