"""Collect how good the models are that were trained anew."""

from hydra_steps.evaluation.removal import evaluate_removal
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_removal(removals=snakemake.input.removals, output=snakemake.output[0])
