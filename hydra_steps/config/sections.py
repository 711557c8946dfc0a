"""The sections that decide a run: data, noise, model, training, trajectory, compute. Their fields are the schema.

A field's type and bounds are its annotation, its default the default, its sentence the docstring's line under
``Options:``. In a section that chooses something by name (``chosen``), the options of what is chosen stand beside the
section's own keys, and ``options`` holds them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from hydra_steps.config.forms import FOLDER, Clip, Keep, Replay
from hydra_steps.config.run import Run
from hydra_steps.config.typed import Plain, Section
from hydra_steps.registry import Entry
from hydra_steps.registry.entry import is_described


@dataclass(frozen=True, kw_only=True)
class Data(Section):
    """Which samples, and how they are split.

    Options:
        name: The dataset.
        folder: Folder of the verified raw files. A file that you put into `<folder>/<name>/` is used before any
            download.
        train: Training samples, drawn with equal shares of the classes from the dataset's training part. null takes
            all that are left. Your own data have null for the three splits, which then draw a tenth for validation
            and a fifth for the test, or take all of a part that is named for them.
        validation: Validation samples, disjoint from the training and the test samples.
        validation_from: The dataset's part that the validation samples are drawn from. `test` leaves the whole
            training part for training.
        test: Test samples, drawn from the dataset's test part. null takes all.
        seed: Decides which samples are drawn. It is the same in all runs, so that they share their splits.
        pad: Black pixels added on each side of the images.
        channels: How often grey images are repeated as channels. null leaves the images as they are.
    """

    chosen: ClassVar[tuple[str, str]] = ("dataset", "name")

    name: str = "digits"
    folder: Annotated[str, FOLDER] = "data"
    train: Annotated[int | None, "x >= 1"] = 1000
    validation: Annotated[int | None, "x >= 1"] = 200
    validation_from: Literal["train", "test"] = "train"
    test: Annotated[int | None, "x >= 1"] = 400
    seed: Annotated[int, "0 <= x <= 4294967295"] = 0
    pad: Annotated[int, "0 <= x <= 64"] = 0
    channels: Annotated[int | None, "1 <= x <= 16"] = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def defaults_of(cls, entry: Entry) -> Plain:
        """Nobody knows how many samples a user's own data have."""
        return dict.fromkeys(("train", "validation", "test")) if is_described(entry) else {}


@dataclass(frozen=True, kw_only=True)
class Noise(Section):
    """Wrong labels, put into the training split only.

    Options:
        kind: What becomes of the labels. Where the loss asks for several labels, numbers or next tokens, the default is
            `label_flips`, `outliers` or `replaced_tokens`.
        seed: Seed of the noise. null takes the run's seed.
    """

    chosen: ClassVar[tuple[str, str]] = ("noise", "kind")

    kind: str = "symmetric"
    seed: Annotated[int | None, "0 <= x <= 4294967295"] = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rate(self) -> float | None:
        """The share of labels that are redrawn; None for a kind without one."""
        rate = self.options.get("rate")
        return None if rate is None else float(rate)


@dataclass(frozen=True, kw_only=True)
class Model(Section):
    """The network, sized to the samples.

    Options:
        name: The model.
        initial: A file with the initial parameters and buffers, the `state_dict` of PyTorch or a `.safetensors` file,
            relative to the study's file. null draws them by the run's seed.
        initial_sha256: SHA-256 of that file. Filled in when the study is read; where it is given, another content is
            refused.
        fresh: Patterns of names, such as `"classifier.*"`, that are drawn nevertheless.
        frozen: Patterns of names that are not trained.
    """

    chosen: ClassVar[tuple[str, str]] = ("model", "name")

    name: str = "lenet5_tanh"
    initial: Annotated[str | None, {"minLength": 1}] = None
    initial_sha256: Annotated[str | None, {"pattern": r"^[0-9a-f]{64}\Z"}] = None
    fresh: Annotated[list[str], {"uniqueItems": True}] = field(default_factory=list)
    frozen: Annotated[list[str], {"uniqueItems": True}] = field(default_factory=list)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Loss(Section):
    """The loss that is minimised.

    Options:
        name: The loss of one sample.
    """

    chosen: ClassVar[tuple[str, str]] = ("task", "name")

    name: str = "cross_entropy"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ParameterGroup(Section):
    """Parameters with a rate and a weight decay of their own.

    Options:
        parameters: A pattern of their names, such as `"*.bias"`; of several groups the first that matches counts.
        rate: What the learning rate is multiplied by.
        weight_decay: Their weight decay. null takes the optimizer's.
    """

    parameters: Annotated[str, {"minLength": 1}]
    rate: Annotated[float, "0 <= x <= 1000"] = 1.0
    weight_decay: Annotated[float | None, "0 <= x <= 10"] = None


@dataclass(frozen=True, kw_only=True)
class Optimizer(Section):
    """The optimizer, with PyTorch's semantics.

    Options:
        name: The optimizer.
        learning_rate: The first learning rate.
        groups: Parameters, by patterns of their names, that are trained at another rate or with another weight decay.
    """

    chosen: ClassVar[tuple[str, str]] = ("optimizer", "name")

    name: str = "sgd"
    learning_rate: Annotated[float, "0 < x <= 100"] = 0.05
    groups: list[ParameterGroup] = field(default_factory=list)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Schedule(Section):
    """How the learning rate changes.

    Options:
        name: The schedule.
        warmup_epochs: Epochs in which the rate rises linearly to its first value.
    """

    chosen: ClassVar[tuple[str, str]] = ("schedule", "name")

    name: str = "constant"
    warmup_epochs: Annotated[int, "x >= 0"] = 0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Augment(Section):
    """Random changes of the training images, keyed by (seed, epoch, sample), so that a re-training sees the same
    ones.

    Options:
        crop: Pixels of padding before a random crop. 0 for none.
        flip: Random horizontal flips.
    """

    crop: Annotated[int, "0 <= x <= 16"] = 0
    flip: bool = False


@dataclass(frozen=True, kw_only=True)
class Training(Section):
    """The training process, of which every score is a property.

    Options:
        epochs: Passes over the training split.
        batch_size: Samples in a batch. The last batch of an epoch may be shorter.
        sampling: A new order in each epoch; or samples that are drawn independently, all with the same chance, or
            `balanced`, so that all classes come equally often.
        batch_norm_statistics: Whose statistics batch norm takes where samples are removed or weighted: those of `all`
            samples of the batch, so that a removed sample is only left out of the loss, or of the samples `weighted`
            as in the loss, as if it had not been there.
        clip: Whether each step's gradient is clipped: to a norm over all parameters, or each of its entries to a
            value. A removed sample changes how much is clipped, and scores know it.
        average: Decay of an exponential moving average of the parameters, taken after every step. Queries, metrics and
            the finished model have it in place of the parameters. null for none.
        early_stopping: Epochs without a lower validation loss after which the training ends; at most all of `epochs`.
            The run's last step is recorded, and re-trainings take as many. null for none.
    """

    epochs: Annotated[int, "1 <= x <= 100000"] = 20
    batch_size: Annotated[int, "1 <= x <= 1000000"] = 64
    sampling: Literal["shuffle", "with_replacement", "balanced"] = "shuffle"
    batch_norm_statistics: Literal["all", "weighted"] = "all"
    clip: Clip = None
    average: Annotated[float | None, "0 <= x < 1"] = None
    early_stopping: Annotated[int | None, "1 <= x <= 100000"] = None
    loss: Loss = field(default_factory=Loss)
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    augment: Augment = field(default_factory=Augment)


@dataclass(frozen=True, kw_only=True)
class Trajectory(Section):
    """What is kept of the training run; the rest is replayed when it is needed.

    Options:
        keep: Which full states are stored. `auto` decides when the training begins, by the disk and the memory that
            there are then; scores do not depend on it.
        replay: Whether a replayed state must equal the stored one bit by bit, or within an absolute difference of any
            entry.
    """

    keep: Keep = "all"
    replay: Replay = "strict"


@dataclass(frozen=True, kw_only=True)
class Compute(Section):
    """Where and how precisely it is computed.

    Options:
        device: `auto` takes a GPU where there is one.
        dtype: Precision of training and scoring.
        threads: Threads of one job. For small models many one-thread jobs are fastest.
    """

    device: Literal["cpu", "cuda", "auto"] = "cpu"
    dtype: Literal["float32", "float64"] = "float32"
    threads: Annotated[int, "1 <= x <= 64"] = 1


@dataclass(frozen=True, kw_only=True)
class RunSettings(Section):
    """All that decides one run: its sections, with its variant merged in, and its seed."""

    data: Data = field(default_factory=Data)
    noise: Noise = field(default_factory=Noise)
    model: Model = field(default_factory=Model)
    training: Training = field(default_factory=Training)
    trajectory: Trajectory = field(default_factory=Trajectory)
    compute: Compute = field(default_factory=Compute)
    seed: int = 0
    variant: str = "base"

    @property
    def run(self) -> Run:
        """Which run of the study it is."""
        return Run(self.variant, self.seed)

    def of_training(self) -> Plain:
        """Return what decides the training, as plain values: not the noise, which is in the labels, nor the name."""
        plain = self.plain()
        return {name: plain[name] for name in OF_TRAINING}


RUN_SECTIONS = ("data", "noise", "model", "training", "trajectory", "compute")
OF_TRAINING = ("data", "model", "training", "trajectory", "compute", "seed")  # what a training's job is told
