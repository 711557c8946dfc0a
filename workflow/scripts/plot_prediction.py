"""Draw predicted against real changes."""

import json

from hydra_steps.figures.prediction import plot_prediction
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_prediction(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
