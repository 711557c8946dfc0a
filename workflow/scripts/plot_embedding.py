"""Draw the contribution vectors in two dimensions."""

import json

from hydra_steps.figures.embedding import plot_embedding
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_embedding(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
