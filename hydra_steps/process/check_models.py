"""The models of a study before anything is computed: which path each takes, and that its scores will be exact.

Samples are made up in the shape of the study's, so that no data are needed; the same trial stands at the beginning of
each training, on its own first samples.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from hydra_steps.config.datasets import dataset, run_image_shape
from hydra_steps.config.runs import PlainStudy, run_config, study_runs
from hydra_steps.data.run_data import RunData, Split
from hydra_steps.errors import StudyError
from hydra_steps.process.process import Process, build_process
from hydra_steps.process.trial.case import SAMPLES
from hydra_steps.process.trial.try_model import try_model


def model_lines(study: PlainStudy) -> list[str]:
    """One line for each variant: the path of its model, and why not a faster one.

    Raises :class:`StudyError` that names the variant for the first model that is refused. Cost: a trial for each model
    that is not the same as one before.
    """
    lines: dict[str, str] = {}
    tried: dict[str, str] = {}
    for name, run in study_runs(study).items():
        if run.variant in lines:
            continue
        config = run_config(study, name)
        key = json.dumps([config["data"], config["model"], config["training"]["loss"]])
        if key not in tried:
            try:
                tried[key] = _path(_process(config))
            except StudyError as error:
                raise StudyError(
                    f"variant {run.variant}: {error.found}", error.expected, error.fix
                ) from error
        lines[run.variant] = f"{run.variant}: {config['model']['name']} is differentiated by {tried[key]}"
    return list(lines.values())


def _path(process: Process) -> str:
    try_model(process)
    reason = process.model.reason
    return f"{process.model.path} ({reason})" if reason else str(process.model.path)


def _process(config: Mapping[str, Any]) -> Process:
    """The process of a run with a handful of samples, on the processor."""
    data, training = config["data"], config["training"]
    shape = run_image_shape(data["name"], data.get("pad", 0), data.get("channels"))
    classes = dataset(data["name"]).classes
    draw = np.random.default_rng(0)
    images = draw.standard_normal((SAMPLES, *shape)).astype(np.float32)
    part = Split(images, np.arange(SAMPLES) % len(classes), np.arange(SAMPLES))
    made_up = RunData(part, part, part, None, None, tuple(classes), data["name"], "")
    small = {**training, "batch_size": SAMPLES, "epochs": 1}
    settings = {**config, "training": small, "compute": {**config["compute"], "device": "cpu"}}
    return build_process(settings, made_up)
