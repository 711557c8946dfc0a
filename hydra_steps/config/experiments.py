"""The sections of what a study tries on its trained models: re-training, removal, traces, ablations, timing.

Their fields are the schema, as in :mod:`hydra_steps.config.sections`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from hydra_steps.config.typed import Section
from hydra_steps.registry.types import SomeMethods, Window

Names = Annotated[list[str], {"uniqueItems": True}]


@dataclass(frozen=True, kw_only=True)
class Design(Section):
    """One more design of re-training.

    Options:
        kind: What is left out.
        groups: Number of groups.
        fraction: Share of the training samples in a group.
        choice: Which samples.
        side: Which end of the ranking.
        method: Label of the method that ranks the samples.
        query: Name of the query, such as `test_mean`.
        seeds: Fresh seeds from which the groups are left out instead of the run's own: the outcomes are the means over
            them, the linear datamodelling score as the literature has it.
        window: The steps that the groups are left out of, as `{last_epochs: 2}` or `{from_step: 100}`: before it all
            samples take part. For scores with the same window.
        by: How a group is left out. `weights`, the default, sets its data weights to 0 and leaves all else as it is;
            `subset` trains on the rest alone, with batches and a number of steps of its own, as the literature does.
    """

    sparse: ClassVar[bool] = True

    kind: Literal["random_groups", "leave_one_out", "top_groups"]
    groups: Annotated[int, "2 <= x <= 100000"]
    fraction: Annotated[float | None, "0 < x < 1"] = None
    choice: Literal["largest", "smallest", "most_helpful", "most_harmful", "random"] | None = None
    side: Literal["most_helpful", "most_harmful"] | None = None
    method: str | None = None
    query: str | None = None
    seeds: Annotated[int | None, "1 <= x <= 1000"] = None
    window: Window = None
    by: Literal["weights", "subset"] | None = None


@dataclass(frozen=True, kw_only=True)
class Counterfactual(Section):
    """Re-training without random groups of samples, in the same order and with the same seed, to compare the scores
    with.

    Options:
        groups: Random groups (the design `groups`); each is one re-training.
        fraction: Share of the training samples in a group.
        batch: Re-trainings in one job.
        repeats: How often all re-trainings are done again from initial parameters that are moved by a factor
            1 + 10⁻⁶ · normal, everything else the same. How well the truths agree gives their reliability, and the
            ceiling of every score. 0: not measured.
        designs: More designs by name: `random_groups` of another `fraction`; `leave_one_out` of the samples that
            `choice` names in a method's contributions to a query; `top_groups`, blocks of the most helpful or harmful
            samples.
    """

    groups: Annotated[int, "2 <= x <= 100000"] = 40
    fraction: Annotated[float, "0 < x < 1"] = 0.02
    batch: Annotated[int, "1 <= x <= 100000"] = 10
    repeats: Annotated[int, "0 <= x <= 100"] = 0
    designs: dict[str, Design] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Removal(Section):
    """Removal curves: how good the model is after training anew, with fresh seeds, without the samples that a score
    points at. Off while `fractions` is empty. Costs, for each method and control, seeds × sides × fractions trainings
    on what is left.

    Options:
        fractions: Shares of the training samples that are removed; nothing removed is measured, too. Removing 0.8 of
            the most harmful keeps the top 20 %.
        sides: Which end of the ranking is removed first.
        seeds: Fresh trainings for each share, the same seeds for all methods.
        query: Name of the query whose contributions rank the samples. The test set should not choose.
        methods: Labels of the methods that take part. null takes all.
        controls: Orders that need no score: a random one for each fresh seed, and the samples with truly wrong labels
            first.
        empty_class: Where a removal takes every sample of a class, stop with the counts, or train on the classes that
            are left.
    """

    fractions: Annotated[list[Annotated[float, "0 < x < 1"]], {"uniqueItems": True}] = field(
        default_factory=list
    )
    sides: Annotated[list[Literal["most_harmful", "most_helpful"]], {"minItems": 1, "uniqueItems": True}] = (
        field(default_factory=lambda: ["most_harmful"])
    )
    seeds: Annotated[int, "1 <= x <= 1000"] = 3
    query: str = "validation_mean"
    methods: SomeMethods = None
    controls: Annotated[list[Literal["random_order", "oracle"]], {"uniqueItems": True}] = field(
        default_factory=lambda: ["random_order", "oracle"]
    )
    empty_class: Literal["refuse", "train"] = "refuse"


@dataclass(frozen=True, kw_only=True)
class Brittleness(Section):
    """The smallest group of training samples whose removal flips a correct prediction, as each method finds it and
    re-training verifies it. Off while `queries` is empty. Costs about 2 log₂ of the group's size re-trainings for
    each query and method.

    Options:
        queries: Names of queries about single test samples, such as `test_sample_3` or `test_margin_3`; each one must
            be among the study's queries.
        most: Largest share of the training samples that is removed.
        methods: Labels of the methods that take part. null takes all.
        controls: `random_order` removes samples in random order.
    """

    queries: Names = field(default_factory=list)
    most: Annotated[float, "0 < x < 1"] = 0.5
    methods: SomeMethods = None
    controls: Annotated[list[Literal["random_order"]], {"uniqueItems": True}] = field(
        default_factory=lambda: ["random_order"]
    )


@dataclass(frozen=True, kw_only=True)
class Smoothness(Section):
    """Whether exact HyDRA's derivative agrees with small real steps of the data weights. Costs groups × steps
    trainings.

    Options:
        groups: Random groups of samples whose weight is lowered.
        fraction: Share of the training samples in a group.
        steps: By how much the weight is lowered; 1 is removal.
    """

    groups: Annotated[int, "1 <= x <= 10000"] = 4
    fraction: Annotated[float, "0 < x <= 1"] = 0.02
    steps: Annotated[list[Annotated[float, "0 < x <= 1"]], {"minItems": 1, "uniqueItems": True}] = field(
        default_factory=lambda: [0.1, 0.3, 1.0]
    )


@dataclass(frozen=True, kw_only=True)
class Trace(Section):
    """Scores as if the training had ended earlier: how an approximation's error grows, and how stable a ranking is
    from epoch to epoch and from seed to seed. Off while `epochs` is empty. Costs, for a method that goes along the
    training, its whole cost times the sum of the epochs over their number.

    Options:
        epochs: Ends of epochs, counted from 1.
        methods: Labels of the methods that take part. null takes all.
        queries: Names of queries, such as `test_mean`; each one must be among the study's queries.
        tracked: Samples whose hypergradients are carried forward with and without the Hessian, for their distance and
            its bound. Each costs two trainings.
    """

    epochs: Annotated[list[Annotated[int, "x >= 1"]], {"uniqueItems": True}] = field(default_factory=list)
    methods: SomeMethods = None
    queries: Annotated[list[str], {"minItems": 1, "uniqueItems": True}] = field(
        default_factory=lambda: ["test_mean"]
    )
    tracked: Annotated[int, "0 <= x <= 100000"] = 0


@dataclass(frozen=True, kw_only=True)
class Ablations(Section):
    """What the scores depend on: each variant's results compared with those of one of them, paired by seed, in
    `ablations.csv` and a figure. Off while `reference` is null.

    Options:
        reference: Name of the variant that the others differ from in one thing; the study needs at least two
            variants.
    """

    reference: str | None = None


Sizes = Annotated[list[Annotated[int, "x >= 1"]], {"uniqueItems": True}]


@dataclass(frozen=True, kw_only=True)
class Scaling(Section):
    """Other sizes of the timed training, for the growth of each method's time.

    Options:
        samples: Numbers of training samples, at the same number of epochs.
        epochs: Numbers of epochs, on the same samples.
        widths: Widths of the hidden layer of a perceptron that takes the model's place.
    """

    samples: Sizes = field(default_factory=lambda: [128, 256, 512, 1024])
    epochs: Sizes = field(default_factory=lambda: [1, 2, 4, 8])
    widths: Annotated[list[Annotated[int, "1 <= x <= 65536"]], {"uniqueItems": True}] = field(
        default_factory=lambda: [32, 128, 512, 2048]
    )


@dataclass(frozen=True, kw_only=True)
class Benchmark(Section):
    """The timing study (`make benchmark`), on the first seed of each variant: a small training, and every method of
    the study on it, side by side in one process on compute.threads.

    Options:
        samples: Training samples of the timed training, the run's first, in whole batches.
        epochs: Epochs of the timed training.
        record_samples: Training samples of the training that is timed with and without its record; null takes all of
            the run's.
        record_epochs: Epochs of the training that is timed with and without its record: long enough that creating and
            finishing the store do not decide.
        repeats: Turns that count, after one that does not; in each, what took under 0.4 s in that one is read three
            times.
        budget: Seconds that a contestant may take in one turn; what would take longer is left out.
        queries: Numbers of queries scored at once.
        tracked: Numbers of samples tracked by the forward recurrence.
        all_samples: Samples to which the forward recurrence is extrapolated where its fit allows it.
    """

    samples: Annotated[int, "1 <= x <= 100000000"] = 512
    epochs: Annotated[int, "1 <= x <= 100000"] = 2
    record_samples: Annotated[int | None, "1 <= x <= 1000000"] = None
    record_epochs: Annotated[int, "1 <= x <= 100000"] = 40
    repeats: Annotated[int, "1 <= x <= 10000"] = 5
    budget: Annotated[float, "0 < x <= 1000000"] = 20.0
    queries: Annotated[list[Annotated[int, "x >= 1"]], {"minItems": 1, "uniqueItems": True}] = field(
        default_factory=lambda: [1, 4, 8, 16, 64]
    )
    tracked: Sizes = field(default_factory=lambda: [1, 4, 16, 64])
    all_samples: Annotated[int, "1 <= x <= 1000000000"] = 60000
    scaling: Scaling = field(default_factory=Scaling)
