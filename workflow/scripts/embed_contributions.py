"""Place the contribution vectors of training samples in two dimensions."""

import json

from hydra_steps.evaluation.embedding import embed_contributions
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    embed_contributions(
        scores=snakemake.input.scores,
        labels=snakemake.input.labels,
        output=snakemake.output[0],
        **json.loads(snakemake.params.options),
    )
