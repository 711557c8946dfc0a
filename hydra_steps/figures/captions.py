"""A figure's caption, in reStructuredText: what stands in the drawing function's docstring, filled by the study.

The docstring, after its first paragraph, is a Jinja template in which every section of the resolved configuration has
its name (``{{ training.epochs }}``) and five more names are known: ``about``, the study in one line, ``label_noise``,
its noise in words, ``labels_known``, whether the clean labels are known, ``asks``, what is asked of a sample, and
``metric`` (:mod:`hydra_steps.config.targets`). The line about the study ends every
caption that does not end with one of its own.

Needs neither numpy nor pandas, as the workflow's plan asks for captions, too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import ChainableUndefined, Environment, TemplateError

from hydra_steps.config.targets import CLASS, METRICS, Metric, metric_of, targets_of, worded
from hydra_steps.errors import StudyError
from hydra_steps.registry import entries
from hydra_steps.registry.entry import Entry

# Sections that are not there are empty, whatever is asked of them.
ENVIRONMENT = Environment(undefined=ChainableUndefined)
ABOUT = "Study: "
_ABOUT = ENVIRONMENT.from_string(
    ABOUT
    + '{{ data.name }}, {% if data.train %}{{ "{:,}".format(data.train) }}{% else %}all remaining{% endif %} '
    "training samples, {{ label_noise }}; {{ model.name }}"
    "{% if training.epochs %}, {{ training.epochs }} epochs{% endif %}"
    '{% if seeds %}, {{ seeds | length }} seed{{ "s" if seeds | length > 1 }}{% endif %}'
)


def caption_text(entry: Entry, config: Mapping[str, Any]) -> str:
    """Return the caption of a figure, its paragraphs apart by an empty line.

    ``config``: the resolved configuration; what it lacks is left out of the sentence. A figure without a caption has
    its title and what its docstring says first. Raises :class:`StudyError` for a template that cannot be filled.
    """
    known = {name: {} if value is None else value for name, value in config.items()}
    known["label_noise"] = _label_noise(known.get("noise", {}))
    known["labels_known"] = _labels_known(config)
    asks, metric = _asked(config)
    known |= {"asks": asks, "metric": metric}
    try:
        known["about"] = worded(_ABOUT.render(known), asks)
        filled = ENVIRONMENT.from_string(entry.text or f"{entry.title}. {entry.summary}").render(known)
    except (TemplateError, TypeError, ValueError) as error:
        raise StudyError(
            f"{entry.where}: the caption of the figure {entry.name} cannot be filled: {error}",
            "a Jinja template of the study's configuration",
            "mend the docstring after its first paragraph",
        ) from error
    filled = worded(filled, asks)
    paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", filled.strip())]
    if known.get("data", {}).get("name") and not paragraphs[-1].startswith(ABOUT):
        paragraphs.append(f"{known['about']}.")
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _asked(config: Mapping[str, Any]) -> tuple[str, Metric]:
    """Return what is asked of a sample and the metric: those of all variants, so that the study's own section or the
    first variant's tells."""
    own: Mapping[str, Any] = config.get("training") or {}
    changes = next(iter((config.get("variants") or {}).values()), None) or {}
    loss = {**(own.get("loss") or {}), **((changes.get("training") or {}).get("loss") or {})}
    name = str(loss.get("name", "cross_entropy"))
    return (targets_of(name), metric_of(name)) if name in entries("task") else (CLASS, METRICS["accuracy"])


def _label_noise(noise: Mapping[str, Any]) -> str:
    kind, rate = noise.get("kind"), noise.get("rate")
    if not kind or kind == "none":
        return "no label noise"
    if not _noise_known(noise):
        return "labels as they came"
    words = f"{kind.replace('_', ' ')} label noise"
    return f"{words} at rate {rate}" if rate else words


def _labels_known(config: Mapping[str, Any]) -> bool:
    """Say whether the clean labels are known: of all variants or of none, so that the first one tells."""
    own: Mapping[str, Any] = config.get("noise") or {}
    changes = next(iter((config.get("variants") or {}).values()), None) or {}
    return _noise_known({**own, **(changes.get("noise") or {})})


def _noise_known(noise: Mapping[str, Any]) -> bool:
    entry = entries("noise").get(str(noise.get("kind")))
    return entry is None or bool(entry.traits["known"])
