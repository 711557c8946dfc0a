"""Draw the samples that help and harm most."""

import json

from hydra_steps.figures.extremes import plot_extremes
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_extremes(
        table=snakemake.input.table,
        pictures=snakemake.input.pictures,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
