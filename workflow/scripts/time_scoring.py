"""Time training and scoring side by side."""

from hydra_steps.jobs import job
from hydra_steps.scoring.time_scoring import time_scoring

with job(snakemake.log[0]):
    time_scoring(
        run=snakemake.params.run,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        options=snakemake.params.options,
        methods=snakemake.params.methods,
        output=snakemake.output.seconds,
    )
