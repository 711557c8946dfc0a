"""What the jobs of a study are told: plain values, in the order of the schema, so that a job runs again exactly when
one of them has changed."""

from __future__ import annotations

from hydra_steps.config.designs import batch_bounds, design_specs
from hydra_steps.config.queries import study_queries
from hydra_steps.config.runs import PlainStudy, planted_runs, run_config, run_settings
from hydra_steps.config.sources import source_settings
from hydra_steps.config.typed import Plain
from hydra_steps.registry import find

SPLIT_KEYS = ("train", "validation", "test", "seed", "validation_from")


def split_settings(study: PlainStudy, run: str) -> Plain:
    """Return what decides the splits of a run."""
    data = run_config(study, run)["data"]
    return source_settings(data) | {key: data[key] for key in SPLIT_KEYS}


def noise_settings(study: PlainStudy, run: str) -> Plain:
    """Return what decides the labels of a run, besides its splits."""
    config = run_config(study, run)
    data, noise = config["data"], config["noise"]
    options = {name: noise[name] for name in find("noise", noise["kind"]).options}
    where = source_settings(data)
    where |= {"source": where.pop("options")} if "options" in where else {}
    return {**where, "kind": noise["kind"], "options": options, "seed": noise["seed"]}


def planting_settings(study: PlainStudy, run: str) -> Plain:
    """Return what decides the labels of a copy with planted ones, besides those of the run that it is a copy of."""
    audit, planted = study["audit"], planted_runs(study)[run]
    where = source_settings(run_config(study, run)["data"])
    where |= {"source": where.pop("options")} if "options" in where else {}
    kind = audit["kinds"][planted.number % len(audit["kinds"])]
    return {**where, "kind": kind, "rate": audit["rate"], "seed": planted.seed, "number": planted.number}


def cleaning_settings(study: PlainStudy, run: str) -> Plain:
    """Return which data are written as decided."""
    return source_settings(run_config(study, run)["data"])


def design_settings(study: PlainStudy, design: str) -> Plain:
    """Return what decides the groups of a design; their number does not, so that more can be asked for."""
    spec = design_specs(study["counterfactual"])[design]
    return {key: value for key, value in spec.items() if key != "groups"}


def batch_settings(study: PlainStudy, design: str, batch: int) -> Plain:
    """Return the first group and the number of groups of one batch of a design."""
    section = study["counterfactual"]
    first, count = batch_bounds(design_specs(section)[design]["groups"], section["batch"])[batch]
    more = {} if "seeds" in design_specs(section)[design] else {"repeats": section["repeats"]}
    return {"first": first, "count": count, **more}


def method_looks(study: PlainStudy) -> Plain:
    """Return how the declarations of the study's methods let them look: what pages and figures show of them."""
    used = dict.fromkeys(options["method"] for options in study["methods"].values())
    known = {name: find("method", name) for name in used}
    return {
        name: [entry.title, *(entry.traits[trait] for trait in ("colour", "marker", "line", "order"))]
        for name, entry in known.items()
    }


def flip_queries(study: PlainStudy, run: str) -> list[Plain]:
    """Return the queries whose predictions are to be flipped, with what each asks."""
    by_name = {query.name: query.plain() for query in study_queries(study, run_settings(study, run).data)}
    return [by_name[name] for name in study["brittleness"]["queries"]]
