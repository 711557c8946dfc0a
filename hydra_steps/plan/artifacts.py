"""What the steps of a study leave for its tables: the paths of each kind, for all runs or some.

The layout is a contract: ``<results>/<study>/runs/<run>/…``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hydra_steps.config.descriptions import described_by, prepared_folder
from hydra_steps.config.designs import batch_bounds, design_specs
from hydra_steps.config.removals import brittleness_labels, removal_labels
from hydra_steps.config.runs import (
    PlainStudy,
    audited_run,
    first_of_variant,
    planted_runs,
    run_config,
    run_names,
    study_runs,
)
from hydra_steps.config.sources import source_settings
from hydra_steps.config.traces import trace_labels
from hydra_steps.contents import MANIFEST

# Parameters of a table → what they are given, beside ``config`` and ``benchmarks``: lists of paths.
KINDS = (
    *("labels", "splits", "trajectories", "scores", "outcomes", "removals", "flips"),
    *("traced", "smoothness", "approximation", "raw", "readings", "memory", "machines"),
    *("planted_labels", "planted_scores", "planted_classes"),
    *("audited_labels", "audited_splits", "audited_scores", "audited_classes", "audited_predictions"),
    "audited_decided",
)
OF_TIMING = {"readings": "seconds.csv", "memory": "memory.csv", "machines": "machine.json"}
# What is kept of the run that an audit judges, and of its copies with planted labels.
OF_AUDIT = {"labels": "labels.csv", "splits": "splits.csv", "classes": "classes", "scores": "scores/{label}"}
OF_AUDIT["predictions"] = "predictions.csv"
OF_AUDIT["decided"] = "decided"  # the trainings that decisions are proved by, where there are decisions


@dataclass(frozen=True)
class Artifacts:
    """The artifacts of a study; every method returns paths in the order of runs, then of labels."""

    study: PlainStudy

    @property
    def out(self) -> str:
        """The folder of all outputs."""
        return f"{self.study['results']}/{self.study['study']}"

    @property
    def runs(self) -> list[str]:
        """The names of all runs."""
        return run_names(self.study)

    @property
    def first_runs(self) -> list[str]:
        """The runs with the lowest seed, one for each variant."""
        lowest = min(self.study["seeds"])
        return [name for name, run in study_runs(self.study).items() if run.seed == lowest]

    @property
    def timed_runs(self) -> list[str]:
        """The runs of the timing study: the first seed of each variant."""
        return self.runs[:: len(self.study["seeds"])]

    @property
    def planted(self) -> list[str]:
        """The runs of an audit's copies of the data; none where it is off."""
        return list(planted_runs(self.study))

    @property
    def audited(self) -> list[str]:
        """The run that an audit judges; none where it is off."""
        return [audited_run(self.study).name] if self.planted else []

    @property
    def exact(self) -> str | None:
        """The first label whose method is exact HyDRA."""
        methods = self.study["methods"]
        return next((label for label, options in methods.items() if options["method"] == "hydra_exact"), None)

    def given(self, kind: str, runs: Sequence[str], methods: Sequence[str]) -> list[str]:
        """Return the artifacts of one of ``KINDS`` on these runs, scores of these methods."""
        match kind:
            case "scores":
                return self.of_runs("scores/{label}", runs, methods)
            case "labels" | "splits" | "smoothness":
                return self.of_runs(f"{kind}.csv", runs)
            case "trajectories":
                return self.of_runs("trajectory", runs)
            case "outcomes":
                outcomes = self._outcomes()
                return [f"{self.out}/runs/{run}/{outcome}" for run in runs for outcome in outcomes]
            case "removals":
                return self.of_runs("removal/{label}", runs, removal_labels(self.study))
            case "flips":
                return self.of_runs("brittleness/{label}", runs, brittleness_labels(self.study))
            case "traced":
                return self.of_runs("epochs/{label}", runs, trace_labels(self.study))
            case "approximation":
                tracked = self.study["trace"]["epochs"] and self.study["trace"]["tracked"]
                return self.of_runs("approximation.csv", runs if tracked else [])
            case "readings" | "memory" | "machines":
                return self.of_runs(f"timing/{OF_TIMING[kind]}", self.timed_runs)
            case "raw":
                first = first_of_variant(self.study)
                return sorted({self.manifest(run) for run in {first[run] for run in runs}})
            case _:
                whose, what = kind.split("_")
                return self._of_audit(
                    {"planted": self.planted, "audited": self.audited}[whose], what, methods
                )

    def _of_audit(self, runs: Sequence[str], what: str, methods: Sequence[str]) -> list[str]:
        if what == "decided" and not self.study["audit"]["decisions"]:
            return []
        return self.of_runs(OF_AUDIT[what], runs, methods if what == "scores" else ("",))

    def measured(self) -> list[str]:
        """Return the outputs of all steps that compute; when they are there, so are their measurements."""
        methods = list(self.study["methods"])
        kinds = ["trajectories", "scores", "outcomes", "removals", "flips", "traced", "approximation"]
        kinds += ["smoothness"] if self.exact else []
        return [path for kind in kinds for path in self.given(kind, self.runs, methods)]

    def of_runs(self, pattern: str, runs: Sequence[str], labels: Sequence[str] = ("",)) -> list[str]:
        """Return ``pattern`` with ``{label}`` filled in, below the folders of these runs."""
        paths = [f"{self.out}/runs/{run}/{pattern}" for run in runs]
        return [path.replace("{label}", label) for path in paths for label in labels]

    def manifest(self, run: str) -> str:
        """Return the manifest of the verified raw files of a run's dataset, or of the files that describe it."""
        data: dict[str, Any] = run_config(self.study, run)["data"]
        if described_by(data["name"]):
            source = source_settings(data)
            return str(prepared_folder(**source) / MANIFEST)
        return f"{data['folder']}/{data['name']}/manifest.json"

    def _outcomes(self) -> list[str]:
        """Return the outcomes of a run, below its folder."""
        section = self.study["counterfactual"]
        return [
            f"counterfactual/{design}/{batch}"
            for design, spec in design_specs(section).items()
            for batch in range(len(batch_bounds(spec["groups"], section["batch"])))
        ]
