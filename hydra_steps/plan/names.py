"""The names that a declaration's expressions (``when``, ``settings``) know: a study's sections, and a few facts that
follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra_steps.config.conditions import conditions
from hydra_steps.config.designs import design_specs
from hydra_steps.config.known_labels import labels_known
from hydra_steps.config.runs import PlainStudy, first_of_variant, run_config, run_names
from hydra_steps.config.sources import source_settings
from hydra_steps.config.sweeps import damping_sweeps
from hydra_steps.config.target_checks import study_classes, study_targets
from hydra_steps.config.traces import trace_labels
from hydra_steps.errors import StudyError
from hydra_steps.registry import Entry, entries, find
from hydra_steps.registry.expressions import evaluate


def study_names(study: PlainStudy) -> dict[str, Any]:
    """Return all names.

    Every top-level key of the study, and the options of each table as a section; ``method_of``: label → name of its
    method; ``label_of``: name of a method → the first label that has it, or else the name; ``used``: the names of the
    methods that have a label; ``in_unit``: the labels whose contributions have the query's unit; ``traced``: the
    labels scored at the ends of epochs; ``sweeps``: damping sweeps, name → label → damping; ``labels_known``: whether
    it is known which training labels are wrong; ``asks``: what is asked of a sample (``class``, ``labels``,
    ``numbers``, ``tokens``); ``classes``: the names of the first variant's classes;
    ``conditions``: variant → its setting in words; ``datasets``: run → ``name``, ``folder`` and ``options`` of its
    dataset; ``random_designs``: name of each design of random groups, left out of the whole training, → its
    ``fraction`` and whether it is ``from_seeds`` and ``on_subsets``; ``predicts``: label → the share of the samples
    whose removal its method was made to predict.
    """
    method_of = {label: str(options["method"]) for label, options in study["methods"].items()}
    first = first_of_variant(study)
    data = {run: source_settings(run_config(study, run)["data"]) for run in set(first.values())}
    return {
        **{name: entry.defaults() for name, entry in entries("table").items() if entry.options},
        **study,
        "method_of": method_of,
        "label_of": _Labels({method: label for label, method in reversed(method_of.items())}),
        "used": list(dict.fromkeys(method_of.values())),
        "in_unit": [
            label for label, name in method_of.items() if find("method", name).traits["unit"] == "query"
        ],
        "traced": trace_labels(study),
        "sweeps": damping_sweeps(study["methods"]),
        "labels_known": labels_known(study),
        "classes": study_classes(study),
        "asks": study_targets(study),
        "conditions": conditions(study),
        "random_designs": {
            name: {
                "fraction": spec["fraction"],
                "from_seeds": bool(spec.get("seeds")),
                "on_subsets": spec.get("by") == "subset",
            }
            for name, spec in design_specs(study["counterfactual"]).items()
            if spec["kind"] == "random_groups" and not spec.get("window")
        },
        "predicts": {label: _predicted_share(options) for label, options in study["methods"].items()},
        "datasets": {run: data[first[run]] for run in run_names(study)},
    }


def value_of(expression: str, known: dict[str, Any], entry: Entry) -> Any:
    """Return the value of an expression in the declaration of ``entry``; :class:`StudyError` where it has none."""
    try:
        return evaluate(expression, known)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise StudyError(
            f"{entry.where}: {expression!r} of the {entry.kind} {entry.name!r} has no value: {error}",
            "" if isinstance(error, ValueError) else f"an expression of {', '.join(sorted(known))}",
            "mend the expression in the decorator",
        ) from error


def _predicted_share(options: Mapping[str, Any]) -> float:
    entry = find("method", options["method"])
    return float(value_of(entry.traits["predicts"], {**entry.defaults(), **options}, entry))


class _Labels(dict[str, str]):
    def __missing__(self, method: str) -> str:
        return method
