"""Hold every variant's results against those of the reference."""

from hydra_steps.evaluation.ablations import evaluate_ablations
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_ablations(
        tables=snakemake.input.tables,
        reference=snakemake.params.reference,
        output=snakemake.output[0],
    )
