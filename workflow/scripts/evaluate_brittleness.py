"""Collect how few training samples predictions hang on."""

from hydra_steps.evaluation.brittleness import evaluate_brittleness
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_brittleness(flips=snakemake.input.flips, output=snakemake.output[0])
