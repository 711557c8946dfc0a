"""List the samples that help and harm most, with their images."""

import json

from hydra_steps.evaluation.extremes import describe_extremes
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_extremes(
        scores=snakemake.input.scores,
        labels=snakemake.input.labels,
        splits=snakemake.input.splits,
        output=snakemake.output.table,
        pictures=snakemake.output.pictures,
        data=json.loads(snakemake.params.data),
        **json.loads(snakemake.params.options),
    )
