# Names and helpers that the rules share.

from functools import cache

from hydra_steps.config import explored_runs, run_config, run_names
from hydra_steps.config.runs import audited_run, first_of_variant, planted_runs
from hydra_steps.config.controls import CONTROLS
from hydra_steps.config.descriptions import PREPARED
from hydra_steps.config.sections import OF_TRAINING
from hydra_steps.config.designs import design_specs, needs_scores
from hydra_steps.estimate.memory import memory_warnings
from hydra_steps.estimate.requests import Requests
from hydra_steps.plan.artifacts import Artifacts
from hydra_steps.plan.code import TRAINED, step_code

ARTIFACTS = Artifacts(WRITTEN)
REQUESTS = Requests(STUDY)

OUT = ARTIFACTS.out
RUN = f"{OUT}/runs/{{run}}"
RUNS = run_names(STUDY)
# An audit's copies of the data with planted labels: runs that only the audit's tables read.
AUDITED, PLANTED = audited_run(STUDY).name, list(planted_runs(STUDY))
METHODS = list(STUDY["methods"])
EXPLORED = explored_runs(STUDY)

# The methods of a job that scores, and their lines in the estimate.
TOGETHER = "scores" in STUDY["together"]
SCORED = METHODS if TOGETHER else ["{method}"]
SCORES = [f"score_samples: {label}" for label in SCORED]

ENVIRONMENT = "../../environment.yml"


def alternatives(names):
    """A pattern that matches these names alone; without any, nothing."""
    return "|".join(names) or "(?!)"


wildcard_constraints:
    run=alternatives([*RUNS, *PLANTED]),
    method="|".join(METHODS),
    design="|".join(design_specs(STUDY["counterfactual"])),
    batch="[0-9]+",
    label="|".join([*METHODS, *CONTROLS]),
    figure="|".join(FIGURES),


# A variant's runs differ by their seeds alone, and Snakemake is slow at calling functions: what all variants have in
# common is a plain value, and the rest is worked out once for each variant.
FIRST = first_of_variant(STUDY)


def by_variant(of_run):
    """What follows from a run's variant: for a rule, a value or a function."""
    found = {run: of_run(run) for run in set(FIRST.values())}
    values = list(found.values())
    if all(value == values[0] for value in values):
        return values[0]
    return lambda wildcards: found[FIRST[wildcards.run]]


def where_it_lies(paths):
    """A path, or each of several: what a plan read of a user's own data is no output, and no module's prefix moves it."""
    if not isinstance(paths, str):
        return [where_it_lies(path) for path in paths]
    return local(paths) if paths.startswith(f"{PREPARED}/") else paths


def of_run(section):
    """A section of a run's settings, or its seed."""
    if section == "seed":
        return lambda wildcards: run_config(STUDY, wildcards.run)["seed"]
    return by_variant(lambda run: run_config(STUDY, run)[section])


def scored_by(wildcards):
    """The labels of the methods that a job scores by."""
    return METHODS if TOGETHER else [wildcards.method]


def code(module, *kinds, labels=lambda wildcards: [wildcards.get("method", "")]):
    """The digests of the code that decides a step: its module's, and that of what the run chooses by name; one for
    each of the methods that it uses.

    Worked out when a job asks: each job reads all rules, and needs the digests of its own alone.
    """

    @cache
    def digest(run, method):
        return step_code(STUDY, module, *kinds, run=run, label=method)

    return lambda wildcards: " ".join(digest(FIRST[wildcards.run], label) for label in labels(wildcards))


MANIFESTS = {run: where_it_lies(ARTIFACTS.manifest(run)) for run in set(FIRST.values())}


def raw_data(wildcards):
    """The manifest of what a run's data are read from: an input of all that does not follow from the trajectory."""
    return MANIFESTS[FIRST[wildcards.run]]


# The number of GPUs that a job asks for; none for `auto`, which takes what it finds.
ACCELERATORS = by_variant(lambda run: int(run_config(STUDY, run)["compute"]["device"] == "cuda"))


def held_by(jobs):
    """What jobs are sure to hold in memory at once, by their lines in the estimate."""
    scored = {label for job in jobs if job.rule.name == "score_samples" for label in scored_by(job.wildcards)}
    trained = {job.rule.name for job in jobs} & {"train_model"}
    return {
        line: REQUESTS.held(line) for line in sorted(trained | {f"score_samples: {one}" for one in scored})
    }


@cache
def warn_of_memory(line):
    """Say once, in a dry run, what would be refused where jobs run on this machine."""
    for warning in memory_warnings(STUDY, {line: REQUESTS.held(line)}):
        print(warning, file=sys.stderr)


def megabytes(*lines):
    """The memory that a job asks for, by its lines in the estimate, one after another; more with every attempt."""

    def of_job(wildcards, attempt):
        own = [line.format(**dict(wildcards)) for line in lines]
        if workflow.dryrun:
            for line in own:
                warn_of_memory(line)
        return max(REQUESTS.memory(line, attempt) for line in own)

    return of_job


def minutes(*lines):
    """The time that a job asks for, by its lines in the estimate, one after another; more with every attempt."""
    return lambda wildcards, attempt: REQUESTS.minutes(
        *(line.format(**dict(wildcards)) for line in lines), attempt=attempt
    )


def made_by(target, planned):
    """The files of the tables or figures that a target asks for."""
    return [file for one in planned.values() if one.target == target for file in one.files]


def design_scores(wildcards):
    """The score that chooses the groups of a design, where one does."""
    design = design_specs(STUDY["counterfactual"])[wildcards.design]
    return f"{OUT}/runs/{wildcards.run}/scores/{design['method']}" if needs_scores(design) else []


def label_scores(wildcards):
    """The scores of a method; none for a control."""
    return [] if wildcards.label in CONTROLS else f"{OUT}/runs/{wildcards.run}/scores/{wildcards.label}"


def by_epoch(wildcards):
    """Whether a run's scores are to be kept by epoch, too: where the explorer shows them."""
    return wildcards.run in EXPLORED


def left_behind():
    """What lies among the results and is none of them, in a sentence."""
    if STUDY is WRITTEN:
        return left_over_sentence(left_over(STUDY, TABLES, FIGURES))
    tables = plan_tables(STUDY)
    return left_over_sentence(left_over(STUDY, tables, plan_figures(STUDY, tables)))
