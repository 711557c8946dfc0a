"""Draw the distributions of the contributions."""

import json

from hydra_steps.figures.contributions import plot_contributions
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_contributions(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
