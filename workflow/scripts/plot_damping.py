"""Draw damping sweeps."""

import json

from hydra_steps.figures.damping import plot_damping
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_damping(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
