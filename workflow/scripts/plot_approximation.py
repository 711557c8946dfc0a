"""Draw the figure approximation."""

import json

from hydra_steps.figures.approximation import plot_approximation
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_approximation(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
