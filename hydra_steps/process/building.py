"""The process of a run, from its settings and its data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from hydra_steps.config.sections import RunSettings
from hydra_steps.config.targets import metric_of, outputs_of
from hydra_steps.data import RunData, load_run_data
from hydra_steps.data.group import sample_shape
from hydra_steps.errors import StudyError
from hydra_steps.models.dropout import Keyed
from hydra_steps.models.settled import settled_model
from hydra_steps.models.take_over import take_over
from hydra_steps.process.batches import balanced_chances, batch_table
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.optimizers.build import training_optimizer
from hydra_steps.process.process import Process, place
from hydra_steps.tasks.losses import build_loss


def build_process(
    settings: RunSettings, data: RunData, given: Callable[[], nn.Module] | None = None
) -> Process:
    """The process of one run, of the module that its settings name, or that ``given`` makes.

    Raises :class:`StudyError` for what is not supported.
    """
    training, model, seed = settings.training, settings.model, settings.seed
    dtype = {"float32": torch.float32, "float64": torch.float64}[settings.compute.dtype]
    device = choose_device(settings.compute.device)
    outputs = outputs_of(training.loss.name, len(data.outputs))
    shape = sample_shape(data.train.inputs)
    module = take_over(settled_model(model, shape, outputs, seed) if given is None else given())
    flat = FlatModel(module).to(device, dtype)
    process = Process(
        model=flat,
        loss=build_loss(training.loss.name, training.loss.options),
        optimizer=training_optimizer(training, flat.layout),
        inputs=place(data.train.inputs, device, dtype),
        targets=place(data.train.targets, device, dtype),
        dtype=dtype,
        table=batch_table(
            len(data.train.targets),
            training.batch_size,
            training.epochs,
            training.sampling,
            seed,
            balanced_chances(data.train.targets) if training.sampling == "balanced" else None,
        ),
        epochs=training.epochs,
        seed=seed,
        crop=training.augment.crop,
        flip=training.augment.flip,
        keyed=any(isinstance(layer, Keyed) for layer in module.modules()),
        outputs=outputs,
        asks=data.asks,
        metric=metric_of(training.loss.name).name,
        weighted_statistics=training.batch_norm_statistics == "weighted",
        settings=settings,
        given=given,
    )
    _check_smallest_batch(process)
    return process


def load_data(settings: RunSettings, splits: str | Path, labels: str | Path) -> RunData:
    """The run's data, as its ``data`` section describes them."""
    data = settings.data
    return load_run_data(
        data.name, data.folder, splits, labels, pad=data.pad, channels=data.channels, options=data.options
    )


def choose_device(name: str) -> torch.device:
    """``cpu``, ``cuda`` or ``auto`` (CUDA where it is found); :class:`StudyError` where CUDA is asked for in vain."""
    if name == "cuda" and not torch.cuda.is_available():
        raise StudyError(
            "compute.device is 'cuda' but PyTorch finds no CUDA device", fix="set it to 'cpu' or 'auto'"
        )
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _check_smallest_batch(process: Process) -> None:
    """Try the model on a batch of one sample where the training has one: batch norm may not stand it."""
    if not (process.model.coupled and 1 in process.sizes):
        return
    state, batch = process.initial_state(), process.batch(process.sizes.index(1))
    try:
        with torch.no_grad():
            process.model.train_logits(state.parameters, state.buffers, batch.inputs, batch.keys)
    except StudyError as error:
        raise StudyError(
            f"training.batch_size {process.table.shape[1]} makes a batch of 1 of {process.samples} training samples: "
            f"{error.found}",
            error.expected,
            "choose another training.batch_size or data.train, so that no batch is left with one sample, or set "
            "model.batch_norm to false",
        ) from error
