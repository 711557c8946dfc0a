"""Draw the paper's claims."""

import json

from hydra_steps.figures.claims import plot_claims
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_claims(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
