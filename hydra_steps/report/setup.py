"""The study's set-up in sentences, read from its resolved configuration: data, noise, model, training, ground truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hydra_steps.config.schema import merge
from hydra_steps.report.words import listing, percent
from hydra_steps.tables.frames import plural

DATASETS = {
    "digits": "scikit-learn's handwritten digits",
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
}
MODELS = {
    "lenet5_tanh": "LeNet-5 (tanh, average pooling)",
    "lenet5_relu": "LeNet-5 (ReLU, max pooling)",
    "mlp": "multi-layer perceptron",
    "logistic": "logistic regression",
    "densenet40": "DenseNet-40",
}
LOSSES = {"cross_entropy": "cross-entropy", "mean_squared_error": "mean-squared-error"}
OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}
NOISES = {
    "symmetric": "replaced by another class drawn at random",
    "uniform": "replaced by a class drawn at random, the true one included",
    "pair_flip": "replaced by the next class",
    "instance": "replaced by a rule that depends on the image",
}


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
    words = [listing(_once(_named(DATASETS, one["data"].get("name"), "a dataset") for one in every))]
    rates = [_rate(one["noise"]) for one in every]
    shares = [percent(rate) for rate in sorted({rate for rate in rates if rate})]
    if None in rates:
        words.append("with label noise")
    elif shares:
        words.append(f"with {listing([*(['no'] if 0.0 in rates else []), *shares])} label noise")
    models = [one["model"].get("name") for one in every]
    words.append(
        f"learnt by {listing(_once('a ' * (m == 'mlp') + _named(MODELS, m, 'a model') for m in models))}"
    )
    return " ".join(words)


def _rate(noise: Mapping[str, Any]) -> float | None:
    """The rate of wrong labels that was asked for; None where a matrix decides."""
    if noise.get("kind") == "transition_matrix":
        return None
    return 0.0 if noise.get("kind") in (None, "none") else float(noise.get("rate") or 0.0)


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _named(names: Mapping[str, str], name: Any, otherwise: str) -> str:
    return names.get(str(name), str(name)) if name else otherwise


def _data(config: Mapping[str, Any]) -> str:
    data, noise = config.get("data") or {}, config.get("noise") or {}
    sizes = [
        f"{data[split]:,} {name}" if isinstance(data.get(split), int) else f"all remaining {name}"
        for split, name in (("train", "training"), ("validation", "validation"), ("test", "test"))
        if split in data
    ]
    text = f"Data: {_named(DATASETS, data.get('name'), 'a dataset')}; {listing(sizes)} samples, drawn once."
    kind, rate = noise.get("kind", "none"), noise.get("rate")
    if kind == "none" or not rate:
        return text + " The labels were left as they are."
    if kind == "transition_matrix":
        return text + " The training labels were changed by a given class-transition matrix."
    how = NOISES.get(kind, f"changed by {kind} noise")
    return text + f" In the training split {percent(rate)} of the labels were {how}."


def _training(config: Mapping[str, Any]) -> str:
    model, training = config.get("model") or {}, config.get("training") or {}
    optimizer, schedule = training.get("optimizer") or {}, training.get("schedule") or {}
    loss = training.get("loss") or {}
    parts = [
        plural(int(training.get("epochs", 0)), "epoch"),
        f"batches of {training.get('batch_size')}",
        _optimizer(optimizer),
        f"{str(schedule.get('name', 'constant')).replace('_', ' ')} rate",
        f"{_named(LOSSES, loss.get('name'), 'its own')} loss",
    ]
    seeds = [str(seed) for seed in config.get("seeds", [])]
    name = _named(MODELS, model.get("name"), "a model")
    hidden = ""
    if model.get("name") == "mlp" and model.get("hidden"):
        hidden = f" with hidden layers of {listing([str(units) for units in model['hidden']])} units"
    text = f"Model: {name}{hidden}, trained for {', '.join(parts)}"
    return f"{text}; seed{'s' if len(seeds) != 1 else ''} {listing(seeds)}." if seeds else f"{text}."


def _optimizer(optimizer: Mapping[str, Any]) -> str:
    name = _named(OPTIMIZERS, optimizer.get("name"), "an optimizer")
    numbers = [f"learning rate {optimizer['learning_rate']:g}"] if "learning_rate" in optimizer else []
    if optimizer.get("name") == "sgd" and optimizer.get("momentum"):
        numbers.append(f"momentum {optimizer['momentum']:g}")
    if optimizer.get("weight_decay"):
        numbers.append(f"weight decay {optimizer['weight_decay']:g}")
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
