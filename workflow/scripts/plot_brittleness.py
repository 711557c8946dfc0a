"""Draw how few samples a prediction hangs on."""

import json

from hydra_steps.figures.brittleness import plot_brittleness
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_brittleness(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
