"""Collect the distributions of the contributions."""

from hydra_steps.evaluation.contributions import describe_contributions
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_contributions(
        scores=snakemake.input.scores, labels=snakemake.input.labels, output=snakemake.output[0]
    )
