"""Hold predicted changes against those of real re-training."""

from hydra_steps.evaluation.counterfactual import evaluate_counterfactual
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_counterfactual(
        scores=snakemake.input.scores,
        outcomes=snakemake.input.outcomes,
        output=snakemake.output.table,
        points=snakemake.output.points,
    )
