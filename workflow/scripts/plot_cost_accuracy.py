"""Draw accuracy against cost."""

import json

from hydra_steps.figures.cost_accuracy import plot_cost_accuracy
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_cost_accuracy(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
