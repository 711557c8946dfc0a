"""Draw the removal curves."""

import json

from hydra_steps.figures.removal import plot_removal
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_removal(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
