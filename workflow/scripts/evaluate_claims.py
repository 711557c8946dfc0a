"""Hold the paper's claims against the study's tables."""

from hydra_steps.evaluation.claims import evaluate_claims
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_claims(
        tables=snakemake.input.tables,
        methods=snakemake.params.methods,
        conditions=snakemake.params.conditions,
        output=snakemake.output[0],
    )
