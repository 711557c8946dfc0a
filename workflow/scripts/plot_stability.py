"""Draw the figure stability."""

import json

from hydra_steps.figures.stability import plot_stability
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_stability(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
