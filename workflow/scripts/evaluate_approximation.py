"""Follow the approximation's error along the training."""

from hydra_steps.evaluation.approximation import evaluate_approximation
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_approximation(
        traced=snakemake.input.traced,
        measurements=snakemake.input.measurements,
        output=snakemake.output[0],
    )
