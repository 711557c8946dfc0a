"""Draw which labels help which classes."""

import json

from hydra_steps.figures.class_contributions import plot_class_contributions
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_class_contributions(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
