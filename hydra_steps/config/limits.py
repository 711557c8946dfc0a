"""What the schema cannot say: keys that must fit each other, and the size of the data.

The sizes of the datasets are known from their registry, so that a study that asks for more samples than there
are is refused before anything is fetched.
"""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path

from hydra_steps.config.ablations import check_ablations
from hydra_steps.config.audits import check_audit
from hydra_steps.config.averages import check_average
from hydra_steps.config.controls import CONTROLS
from hydra_steps.config.datasets import dataset_of, run_shape
from hydra_steps.config.descriptions import ensure_described
from hydra_steps.config.designs import check_design, design_specs
from hydra_steps.config.explanations import check_explanations
from hydra_steps.config.matrices import check_matrix
from hydra_steps.config.queries import check_queries, study_queries
from hydra_steps.config.removals import check_removals
from hydra_steps.config.sections import Data
from hydra_steps.config.split_sizes import sizes_of
from hydra_steps.config.target_checks import check_targets
from hydra_steps.config.targets import CLASS
from hydra_steps.config.traces import check_trace
from hydra_steps.config.typed import Plain
from hydra_steps.config.validate import shown
from hydra_steps.config.valued import check_values
from hydra_steps.config.windows import check_windows
from hydra_steps.errors import StudyError, nearest
from hydra_steps.registry import find
from hydra_steps.registry.options import check_requirements

REFERENCES = Path("results/reference")  # committed tables and figures, which no study may write over


def check_limits(study: Plain, variant: str = "") -> None:
    """Raise :class:`StudyError` for the first pair of keys that do not fit each other.

    ``study`` has all its defaults, and ``variant`` merged in where one is named.
    """
    try:
        _check(study)
    except StudyError as error:
        if not variant:
            raise
        raise StudyError(f"variants.{variant}: {error.found}", error.expected, error.fix) from None


def _check(study: Plain) -> None:
    data, noise = study["data"], study["noise"]
    section = Data.of(data)
    ensure_described(section.name, section.folder, section.options)
    sizes = sizes_of(section)
    for split, size in sizes.items():
        if size < 1:
            raise StudyError(f"data.{split}: null leaves no sample", "at least 1", "lower the other splits")
    entry = dataset_of(section)
    check_targets(study, entry.asks, len(entry.outputs))
    classes = entry.classes
    _check_noise(noise, len(classes))
    _check_training(study["training"], "training")
    _check_methods(study, sizes["train"])
    queries = study_queries(study)
    names = [query.name for query in queries]
    for name, design in design_specs(study["counterfactual"]).items():
        check_design(name, design, sizes["train"], list(study["methods"]), names)
    check_removals(study, sizes, len(classes), queries)
    check_trace(study, sizes["train"], names)
    check_audit(study, sizes["train"], names, len(classes) if entry.asks == CLASS else 0)
    check_explanations(study, queries)
    check_ablations(study)
    check_values(study)
    check_windows(study, sizes["train"])
    _check_looks(study)
    check_queries(study, queries)
    run_shape(section)


def check_writable(results: str, study: str) -> None:
    """Raise :class:`StudyError` where the folder of the study's outputs cannot be written, or holds the references."""
    folder = Path(results) / study
    if REFERENCES in (inside := Path(os.path.normpath(folder)), *inside.parents):
        raise StudyError(
            f"the study {study} would write to {folder}, among the committed references in {REFERENCES}",
            "a folder of its own",
            "give the study another name, or set results to another folder",
        )
    nearest = next(p for p in (folder, *folder.absolute().parents) if p.exists() or p.is_symlink())
    if not nearest.is_dir():
        reason = f"{nearest} is not a folder"
    elif not os.access(nearest, os.W_OK | os.X_OK):
        reason = f"{nearest} is not writable for you"
    else:
        return
    raise StudyError(
        f"results: {shown(results)} cannot be written: {reason}",
        "a folder that you may write to",
        "set results to another folder, or change its permissions",
    )


def _check_looks(study: Plain) -> None:
    """A look for a method that the study does not have would be passed over without a word."""
    known = [*study["methods"], *CONTROLS]
    for key in ("labels", "colours"):
        for label in study["figures"][key]:
            if label not in known:
                raise StudyError(
                    f"figures.{key}.{label}: the study has no such method", fix=nearest(label, known)
                )
    for label, colour in study["figures"]["colours"].items():
        _check_colour(f"figures.colours.{label}", colour)


def _check_colour(key: str, colour: str) -> None:
    """Refuse what is no colour; where no figure can be drawn, its names are not known, and the form alone is looked
    at."""
    known = re.fullmatch(r"#[0-9A-Fa-f]{3,8}|[A-Za-z][A-Za-z0-9: ]*|[01]?\.?[0-9]+", colour) is not None
    if known and find_spec("matplotlib") is not None:
        from matplotlib.colors import is_color_like  # not for studies that set none

        known = bool(is_color_like(colour))
    if not known:
        raise StudyError(
            f"{key}: {shown(colour)} is no colour", "'#rrggbb', or a name such as 'tab:blue'", f"change {key}"
        )


def _check_noise(noise: Plain, classes: int) -> None:
    options = find("noise", noise["kind"], "noise.kind").options
    if "matrix" in options:
        check_matrix(noise["matrix"], classes)


def _check_methods(study: Plain, samples: int) -> None:
    facts = {"n": (samples, "training samples"), "e": (study["training"]["epochs"], "epochs")}
    for label, options in study["methods"].items():
        entry = find("method", options["method"])
        check_requirements(entry, options, f"methods.{label}", facts)
        check_average(entry, study["training"]["average"], f"methods.{label}")


def _check_training(training: Plain, where: str) -> None:
    for kind, section in (("task", "loss"), ("optimizer", "optimizer"), ("schedule", "schedule")):
        given, key = training[section], f"{where}.{section}"
        entry = find(kind, given["name"], f"{key}.name")
        check_requirements(entry, {name: given[name] for name in entry.options}, key)
