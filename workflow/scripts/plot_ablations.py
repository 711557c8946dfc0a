"""Draw the figure ablations."""

import json

from hydra_steps.figures.ablations import plot_ablations
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_ablations(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
