"""May the derivative be trusted on these runs? The verdict of the smoothness table in words."""

from __future__ import annotations

from hydra_steps.registry.decorators import sentence
from hydra_steps.report.variant_tables import Finding, VariantTables
from hydra_steps.report.words import all_of, listing, percent
from hydra_steps.tables.frames import over_seeds, per_run, plural

ALL_QUERIES = "all"  # the row of the median over the queries


@sentence("smoothness", chapter="How far from exact HyDRA?", paragraph=2, order=51)
def smoothness(tables: VariantTables) -> list[Finding]:
    """Say on how many runs the training map is smooth, and how well the derivative predicts small and whole steps."""
    verdicts = per_run(tables.rows("smoothness", "smooth")).dropna(subset=["value"])
    errors = tables.rows("smoothness", "relative_error")
    errors = over_seeds(errors[errors["query"] == ALL_QUERIES]).dropna(subset=["value"])
    if verdicts.empty or errors.empty:
        return []
    errors = errors.sort_values("step")
    at_steps = [
        f"{percent(value)} at a step of {step:g}"
        for step, value in zip(errors["step"], errors["value"], strict=True)
    ]
    about = f"(relative error of the predicted change {listing(at_steps)} of the removed weight)"
    rough = int((verdicts["value"] == 0).sum())
    if rough == 0:
        where = "this run" if len(verdicts) == 1 else all_of(len(verdicts), "runs")
        return [
            Finding(
                f"The training map is smooth on {where}: exact HyDRA agrees with small real steps {about}."
            )
        ]
    where = f"{rough} of {plural(len(verdicts), 'run')}" if len(verdicts) > 1 else "this run"
    text = f"The training map is not smooth on {where}: exact HyDRA should not be trusted there {about}."
    return [Finding(text, key=True)]
