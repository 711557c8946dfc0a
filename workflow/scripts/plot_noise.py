"""Draw the realised class-transition matrix."""

import json

from hydra_steps.figures.noise import plot_noise
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_noise(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
