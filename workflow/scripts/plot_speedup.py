"""Draw what each method's time is, and how it grows."""

import json

from hydra_steps.benchmark.speedup import plot_speedup
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_speedup(
        table=snakemake.input.table,
        scaling=snakemake.input.scaling,
        machines=snakemake.input.machines,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
