"""Draw loss and accuracy over the epochs."""

import json

from hydra_steps.figures.training import plot_training
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_training(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
