"""Draw how clusters of contribution vectors overlap with the true noise."""

import json

from hydra_steps.figures.clustering import plot_clustering
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_clustering(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
