"""Hold every method against exact HyDRA."""

from hydra_steps.evaluation.agreement import evaluate_agreement
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_agreement(scores=snakemake.input.scores, output=snakemake.output[0])
