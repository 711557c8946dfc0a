"""A study: everything that one YAML file says, typed; its fields are the schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml

from hydra_steps.config import audits, experiments, forms, sections
from hydra_steps.config.typed import Plain, Section, field_types
from hydra_steps.errors import StudyError


@dataclass(frozen=True, kw_only=True)
class QuerySpec(Section):
    """One kind of query.

    Options:
        kind: What is asked about: a mean over a split or a class, or single samples.
        split: The split that is asked about.
        samples: Positions in the split. For kinds about single samples; or give `count`.
        count: The first so many samples of the split. For kinds about single samples.
    """

    chosen: ClassVar[tuple[str, str]] = ("query", "kind")
    sparse: ClassVar[bool] = True

    kind: str
    split: Literal["test", "validation", "train"] = "test"
    samples: Annotated[list[Annotated[int, "x >= 0"]] | None, {"minItems": 1, "uniqueItems": True}] = None
    count: Annotated[int | None, "x >= 1"] = None
    options: Mapping[str, Any] = field(default_factory=dict)


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
    labels: dict[str, Annotated[str, {"minLength": 1}]] = field(default_factory=dict)


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
        together: What one job makes instead of many. `scores`: a run's scores by every method; each start of Python
            takes a second or two, longer than a cheap score of a small run. They are then made anew together, too,
            when one method changes or fails.
        claims: Compare the paper's claims with this study's tables, each with a verdict, in `claims.csv`.
        comparison: Also put all methods into one table, `comparison.csv`, and draw accuracy against cost. Both carry
            the clock's readings.
        variants: Versions of the study that differ in `data`, `noise`, `model`, `training`, `trajectory` or
            `compute`; each is merged over the sections above and run for every seed. Without any there is one, called
            `base`.
    """

    study: Annotated[str, {"pattern": r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z"}] = "quickstart"
    results: Annotated[str, forms.FOLDER] = "results"
    seeds: Annotated[list[Annotated[int, "0 <= x <= 4294967295"]], {"minItems": 1, "uniqueItems": True}] = (
        field(default_factory=lambda: [0, 1])
    )
    plugins: Annotated[list[str], {"uniqueItems": True}] = field(default_factory=list)
    data: sections.Data = field(default_factory=sections.Data)
    noise: sections.Noise = field(default_factory=sections.Noise)
    model: sections.Model = field(default_factory=sections.Model)
    training: sections.Training = field(default_factory=sections.Training)
    trajectory: sections.Trajectory = field(default_factory=sections.Trajectory)
    compute: sections.Compute = field(default_factory=sections.Compute)
    queries: list[QuerySpec] = field(default_factory=_default_queries)
    methods: dict[str, Method] = field(default_factory=dict)
    together: Annotated[list[Literal["scores"]], {"uniqueItems": True}] = field(default_factory=list)
    counterfactual: experiments.Counterfactual = field(default_factory=experiments.Counterfactual)
    removal: experiments.Removal = field(default_factory=experiments.Removal)
    brittleness: experiments.Brittleness = field(default_factory=experiments.Brittleness)
    smoothness: experiments.Smoothness = field(default_factory=experiments.Smoothness)
    trace: experiments.Trace = field(default_factory=experiments.Trace)
    audit: audits.Audit = field(default_factory=audits.Audit)
    claims: bool = False
    evaluations: dict[str, dict[str, Any]] = field(default_factory=dict)
    explorer: Explorer = field(default_factory=Explorer)
    benchmark: experiments.Benchmark = field(default_factory=experiments.Benchmark)
    figures: Figures = field(default_factory=Figures)
    comparison: bool = False
    ablations: experiments.Ablations = field(default_factory=experiments.Ablations)
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, plain: Plain) -> Self:
        """Return the study of resolved plain values; what is no key of its own is a table's section."""
        own = field_types(cls)
        return super().of(plain | {"evaluations": {k: v for k, v in plain.items() if k not in own}})

    def plain(self) -> Plain:
        """Return plain values, in the order of the schema: what was resolved."""
        values: Plain = {}
        for name, value in super().plain().items():
            values |= value if name == "evaluations" else {name: value}
        return values

    @property
    def method_of(self) -> dict[str, str]:
        """Each label with its method, in the study's order."""
        return {label: method.method or label for label, method in self.methods.items()}


def read_study(path: str | Path) -> Study:
    """Read the resolved study that stands beside its results, ``config.yaml``."""
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise StudyError(
            f"the configuration {path} cannot be read: {error}", "a study's config.yaml"
        ) from error
    if not isinstance(found, dict):
        raise StudyError(f"the configuration {path} holds no settings", "a study's config.yaml")
    return Study.of(found)
