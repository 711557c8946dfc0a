"""Collect what each score cost."""

from hydra_steps.evaluation.cost import describe_cost
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_cost(scores=snakemake.input.scores, output=snakemake.output[0])
