# Names and helpers that the rules share.

import json
import os
import re

from hydra_steps.config import (
    canonical_json,
    explored_runs,
    method_options,
    run_config,
    run_names,
    run_section,
)
from hydra_steps.config.choices import TRAINING, chosen_entries
from hydra_steps.registry.code import code_files
from hydra_steps.config.queries import study_queries
from hydra_steps.estimate.requests import Requests
from hydra_steps.plan import Artifacts, plan_tables
from hydra_steps.figures.methods import methods_of_labels
from hydra_steps.config.controls import CONTROLS
from hydra_steps.config.designs import batch_bounds, design_specs, needs_scores
from hydra_steps.registry import find

PLAN = plan_tables(STUDY)
ARTIFACTS = Artifacts(STUDY)

OUT = ARTIFACTS.out
RUN = f"{OUT}/runs/{{run}}"
RUNS = run_names(STUDY)
METHODS = list(STUDY["methods"])
DESIGNS = design_specs(STUDY["counterfactual"])
EXPLORED = explored_runs(STUDY)

REQUESTS = Requests(STUDY)

ENVIRONMENT = "../../environment.yml"


wildcard_constraints:
    run="|".join(RUNS),
    method="|".join(METHODS),
    dataset="[a-z0-9_]+",
    design="|".join(DESIGNS),
    batch="[0-9]+",
    label="|".join([*METHODS, *CONTROLS]),
    folder="|".join({re.escape(run_config(STUDY, run)["data"]["folder"]) for run in RUNS}),


def here(*files):
    """Files of this workflow, as inputs of a rule."""
    return [os.path.normpath(os.path.join(os.path.relpath(workflow.basedir), file)) for file in files]


def code(*modules):
    """The files of hydra_steps that decide the numbers of these modules, as inputs of a rule."""
    return here(*code_files(*(f"hydra_steps.{module}" for module in modules)))


def chosen_code(module, *sections):
    """The same, with the files of what a run's configuration chooses by name: its dataset, model or method."""

    def files(wildcards):
        config = run_config(STUDY, wildcards.run)
        kinds = {"data": ["dataset"], "noise": ["noise"], "model": TRAINING}
        entries = chosen_entries(config, *(kind for section in sections for kind in kinds.get(section, [])))
        if "scoring" in sections:
            entries.append(("method", STUDY["methods"][wildcards.method]["method"]))
        if "queries" in sections:
            entries += [("query", query["kind"]) for query in STUDY["queries"]]
        found = [find(kind, name) for kind, name in entries]
        chosen = [entry.module for entry in found if not entry.plugin]
        plugins = sorted({str(entry.file) for entry in found if entry.plugin})
        return here(*code_files(f"hydra_steps.{module}", *chosen)) + plugins

    return files


def megabytes(line):
    """The memory that a job asks for, by its line in the estimate; more with every attempt."""
    return lambda wildcards, attempt: REQUESTS.memory(line.format(**dict(wildcards)), attempt)


def minutes(line):
    """The time that a job asks for, by its line in the estimate; more with every attempt."""
    return lambda wildcards, attempt: REQUESTS.minutes(line.format(**dict(wildcards)), attempt)


def accelerators(wildcards):
    """The number of GPUs that a job asks for; none for `auto`, which takes what it finds."""
    return int(run_config(STUDY, wildcards.run)["compute"]["device"] == "cuda")


def of_run(*sections):
    """Sections of a run's configuration as one canonical string: the job runs again when a value in them changes."""
    return lambda wildcards: run_section(STUDY, wildcards.run, *sections)


def split_options(wildcards):
    """What decides the splits of a run."""
    data = run_config(STUDY, wildcards.run)["data"]
    return canonical_json(
        {
            key: data[key]
            for key in ("name", "folder", "train", "validation", "test", "seed", "validation_from")
        }
    )


def noise_options(wildcards):
    """What decides the labels of a run, besides its splits."""
    config = run_config(STUDY, wildcards.run)
    data, noise = config["data"], config["noise"]
    options = {name: noise[name] for name in find("noise", noise["kind"]).options}
    return canonical_json(
        {
            "name": data["name"],
            "folder": data["folder"],
            "kind": noise["kind"],
            "options": options,
            "seed": noise["seed"],
        }
    )


def manifest(wildcards):
    """The manifest of the verified raw files of a run's dataset."""
    data = run_config(STUDY, wildcards.run)["data"]
    return f"{data['folder']}/{data['name']}/manifest.json"


def batches(design):
    """The first group and the number of groups of each batch of a design."""
    return batch_bounds(DESIGNS[design]["groups"], STUDY["counterfactual"]["batch"])


def batch_options(wildcards):
    """The first group and the number of groups of one batch."""
    first, count = batches(wildcards.design)[int(wildcards.batch)]
    return canonical_json({"first": first, "count": count})


def design_options(wildcards):
    """What decides the groups of a design; their number does not, so that more can be asked for."""
    design = DESIGNS[wildcards.design]
    return canonical_json({key: value for key, value in design.items() if key != "groups"})


def design_scores(wildcards):
    """The score that chooses the groups of a design, where one does."""
    design = DESIGNS[wildcards.design]
    return f"{OUT}/runs/{wildcards.run}/scores/{design['method']}" if needs_scores(design) else []


def exact_scores(wildcards):
    """Exact HyDRA's scores, whatever their label."""
    return f"{OUT}/runs/{wildcards.run}/scores/{ARTIFACTS.exact}"


def label_scores(wildcards):
    """The scores of a method; none for a control."""
    return [] if wildcards.label in CONTROLS else f"{OUT}/runs/{wildcards.run}/scores/{wildcards.label}"


def flip_queries(wildcards):
    """The queries whose predictions are to be flipped, with what each asks."""
    asked = study_queries(STUDY, run_config(STUDY, wildcards.run)["data"])
    by_name = {query.name: query.plain() for query in asked}
    return canonical_json([by_name[name] for name in STUDY["brittleness"]["queries"]])


def by_epoch(wildcards):
    """Whether a run's scores are to be kept by epoch, too: where the explorer shows them."""
    return wildcards.run in EXPLORED and STUDY["explorer"]["by_epoch"]


def pictures(name):
    """The files of one figure."""
    return [f"{OUT}/figures/{name}.{suffix}" for suffix in STUDY["figures"]["formats"]]


def shown(name, category):
    """The files of one figure, the first of them marked for Snakemake's own report."""
    first, *others = pictures(name)
    mark = report(
        first,
        caption="../report/figure.rst",
        category=category,
        labels={"figure": name.replace("_", " ")},
    )
    return [mark, *others]


def raw_manifests():
    """The manifests of the verified raw files of the datasets that the explorer shows."""
    data = [run_config(STUDY, run)["data"] for run in EXPLORED]
    return sorted({f"{one['folder']}/{one['name']}/manifest.json" for one in data})


def in_report(table):
    """The files of one table by name, the table itself marked for Snakemake's own report."""
    about = {"table": table.name.replace("_", " ")}
    category = "Claims" if table.name == "claims" else "Tables"
    first = report(table.outputs["output"], category=category, labels=about)
    return {**table.outputs, "output": first}


# In the order of the study, which a canonical text has not.
METHODS_OF_LABELS = json.dumps(methods_of_labels(STUDY))
LOOK = canonical_json({key: value for key, value in STUDY["figures"].items() if key != "formats"})
TABLES = [file for table in PLAN.values() for file in table.outputs.values() if file.endswith(".csv")]
DRAWN = {
    **{
        name: name
        for name in ("noise", "training", "agreement", "detection", "contributions", "counterfactual")
    },
    **{name: name for name in ("removal", "brittleness")},
    "prediction": "counterfactual",
    **{name: name for name in ("approximation", "stability", "damping")},
    "cost_accuracy": "comparison",
    **{
        name: name
        for name in ("ablations", "clustering", "embedding", "class_contributions", "extremes", "claims")
    },
}
FIGURE_NAMES = [figure for figure, table in DRAWN.items() if table in PLAN]
FIGURES = [file for name in FIGURE_NAMES for file in pictures(name)]
