"""The models of a study before anything is computed: which path each takes, and that its scores will be exact.

Samples are made up in the shape of the study's, so that no data are needed; the same trial stands at the beginning of
each training, on its own first samples.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from hydra_steps.config.datasets import dataset_of, run_shape
from hydra_steps.config.runs import PlainStudy, run_settings, study_runs
from hydra_steps.config.sections import RunSettings
from hydra_steps.data.made_up import made_up
from hydra_steps.data.run_data import RunData
from hydra_steps.errors import StudyError
from hydra_steps.process.building import build_process
from hydra_steps.process.process import Process
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
        settings = run_settings(study, name)
        key = json.dumps([part.plain() for part in (settings.data, settings.model, settings.training.loss)])
        if key not in tried:
            try:
                tried[key] = _path(_process(settings))
            except StudyError as error:
                raise StudyError(
                    f"variant {run.variant}: {error.found}", error.expected, error.fix
                ) from error
        lines[run.variant] = f"{run.variant}: {settings.model.name} is differentiated by {tried[key]}"
    return list(lines.values())


def _path(process: Process) -> str:
    try_model(process)
    reason = process.model.reason
    return f"{process.model.path} ({reason})" if reason else str(process.model.path)


def _process(settings: RunSettings) -> Process:
    """The process of a run with a handful of samples, on the processor."""
    data, entry = settings.data, dataset_of(settings.data)
    part = made_up(entry, run_shape(data), SAMPLES, np.random.default_rng(0))
    data_made_up = RunData(part, part, part, None, None, entry.outputs, data.name, "", entry.asks)
    small = replace(settings.training, batch_size=SAMPLES, epochs=1)
    on_processor = replace(settings.compute, device="cpu")
    return build_process(replace(settings, training=small, compute=on_processor), data_made_up)
