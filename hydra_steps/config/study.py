"""A study: everything that one YAML file says, typed; its fields are the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from hydra_steps.config import sections
from hydra_steps.config.typed import Section
from hydra_steps.registry.types import SomeMethods

Names = Annotated[list[str], {"uniqueItems": True}]


@dataclass(frozen=True, kw_only=True)
class QuerySpec(Section):
    """One kind of query.

    Options:
        kind: What is asked about: a mean over a split or a class, or single samples.
        split: The split that is asked about.
        samples: Positions in the split. For kinds about single samples; or give `count`.
        count: The first so many samples of the split. For kinds about single samples.
    """

    sparse: ClassVar[bool] = True

    kind: str
    split: Literal["test", "validation", "train"] = "test"
    samples: Annotated[list[Annotated[int, "x >= 0"]] | None, {"minItems": 1, "uniqueItems": True}] = None
    count: Annotated[int | None, "x >= 1"] = None


@dataclass(frozen=True, kw_only=True)
class Method(Section):
    """A scoring method of a study, by its label.

    Options:
        method: Name of the method, where the label is another.
    """

    chosen: ClassVar[tuple[str, str]] = ("method", "method")

    method: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


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
    """

    sparse: ClassVar[bool] = True

    kind: Literal["random_groups", "leave_one_out", "top_groups"]
    groups: Annotated[int, "2 <= x <= 100000"]
    fraction: Annotated[float | None, "0 < x < 1"] = None
    choice: Literal["largest", "smallest", "most_helpful", "most_harmful", "random"] | None = None
    side: Literal["most_helpful", "most_harmful"] | None = None
    method: str | None = None
    query: str | None = None


@dataclass(frozen=True, kw_only=True)
class Counterfactual(Section):
    """Re-training without random groups of samples, in the same order and with the same seed, to compare the scores
    with.

    Options:
        groups: Random groups (the design `groups`); each is one re-training.
        fraction: Share of the training samples in a group.
        batch: Re-trainings in one job.
        designs: More designs by name: `random_groups` of another `fraction`; `leave_one_out` of the samples that
            `choice` names in a method's contributions to a query; `top_groups`, blocks of the most helpful or harmful
            samples.
    """

    groups: Annotated[int, "2 <= x <= 100000"] = 40
    fraction: Annotated[float, "0 < x < 1"] = 0.02
    batch: Annotated[int, "1 <= x <= 100000"] = 10
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


@dataclass(frozen=True, kw_only=True)
class Explorer(Section):
    """A page, `explorer.html`, that shows for every query the training samples that helped and harmed it most, method
    by method, and lists suspected wrong labels; on the first seed of each variant. Queries of kind `sample_loss` make
    its list of samples. Off while `top` is 0.

    Options:
        top: Training samples on each side (helped, harmed) of each query and method.
        by_epoch: Also keep and show in which epoch contributions arose, for HyDRA's sweeps and TracIn. Takes 4 bytes
            × epochs × queries × training samples of disk and memory for each of these scores.
    """

    top: Annotated[int, "0 <= x <= 200"] = 0
    by_epoch: bool = True


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


@dataclass(frozen=True, kw_only=True)
class Figures(Section):
    """How the figures look.

    Options:
        formats: File formats.
        width: One or two columns of a paper. null takes each figure's own width.
        font_size: Size of the text in points.
        dpi: Dots per inch of the png.
        colours: Colours by method label, such as `{random: '#999999'}`, over the fixed ones.
        labels: Names in the figures by method label, over the fixed ones.
    """

    formats: Annotated[list[Literal["svg", "pdf", "png"]], {"minItems": 1, "uniqueItems": True}] = field(
        default_factory=lambda: ["svg", "pdf", "png"]
    )
    width: Literal["single", "double"] | None = None
    font_size: Annotated[float, "4 <= x <= 24"] = 7.5
    dpi: Annotated[int, "30 <= x <= 2400"] = 300
    colours: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)


def _default_queries() -> list[QuerySpec]:
    return [
        QuerySpec(kind="mean_loss", split="test"),
        QuerySpec(kind="mean_loss", split="validation"),
        QuerySpec(kind="sample_loss", split="test", count=4),
    ]


DEFAULT_METHODS = (
    "hydra_exact",
    "hydra_gauss_newton",
    "hydra_hessian_free",
    "influence_cg",
    "gradient_product",
    "final_loss",
    "random",
)


@dataclass(frozen=True, kw_only=True)
class Study(Section):
    """One YAML file describes one study. Every key may be left out; its default then holds.

    ``evaluations`` holds the sections of the tables that have options (:mod:`hydra_steps.evaluation`), by name.

    Options:
        study: Name of the study; its outputs are in the folder of this name in the results folder.
        results: Folder that holds one folder for each study.
        seeds: One run for each seed. The seed decides the initial parameters, the order of the batches, and the label
            noise unless `noise.seed` fixes that.
        plugins: Files beside the study (`my_study.py`), or installed modules, that bring datasets, models, methods,
            figures and more of your own.
        queries: The numbers whose change by each training sample is asked for. Each entry gives one query or several.
        methods: The scores to compute. Each label is the name of a method, or any name with the option `method`, so
            that one method can be there several times with different options.
        claims: Compare the paper's claims with this study's tables, each with a verdict, in `claims.csv`.
        comparison: Also put all methods into one table, `comparison.csv`, and draw accuracy against cost. Both carry
            the clock's readings.
        variants: Versions of the study that differ in `data`, `noise`, `model`, `training`, `trajectory` or
            `compute`; each is merged over the sections above and run for every seed. Without any there is one, called
            `base`.
    """

    study: Annotated[str, {"pattern": r"^[A-Za-z0-9][A-Za-z0-9_-]*\Z"}] = "quickstart"
    results: Annotated[str, {"minLength": 1}] = "results"
    seeds: Annotated[list[Annotated[int, "0 <= x <= 4294967295"]], {"minItems": 1, "uniqueItems": True}] = (
        field(default_factory=lambda: [0, 1])
    )
    plugins: Names = field(default_factory=list)
    data: sections.Data = field(default_factory=sections.Data)
    noise: sections.Noise = field(default_factory=sections.Noise)
    model: sections.Model = field(default_factory=sections.Model)
    training: sections.Training = field(default_factory=sections.Training)
    trajectory: sections.Trajectory = field(default_factory=sections.Trajectory)
    compute: sections.Compute = field(default_factory=sections.Compute)
    queries: list[QuerySpec] = field(default_factory=_default_queries)
    methods: dict[str, Method] = field(default_factory=dict)
    counterfactual: Counterfactual = field(default_factory=Counterfactual)
    removal: Removal = field(default_factory=Removal)
    brittleness: Brittleness = field(default_factory=Brittleness)
    smoothness: Smoothness = field(default_factory=Smoothness)
    trace: Trace = field(default_factory=Trace)
    claims: bool = False
    evaluations: dict[str, dict[str, Any]] = field(default_factory=dict)
    explorer: Explorer = field(default_factory=Explorer)
    benchmark: Benchmark = field(default_factory=Benchmark)
    figures: Figures = field(default_factory=Figures)
    comparison: bool = False
    ablations: Ablations = field(default_factory=Ablations)
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
