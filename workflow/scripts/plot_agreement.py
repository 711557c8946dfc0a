"""Draw the agreement with exact HyDRA."""

import json

from hydra_steps.figures.agreement import plot_agreement
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_agreement(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
