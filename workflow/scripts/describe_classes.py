"""Collect the mean contributions of each training label to each test class."""

import json

from hydra_steps.evaluation.class_contributions import describe_classes
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_classes(
        scores=snakemake.input.scores,
        labels=snakemake.input.labels,
        output=snakemake.output[0],
        queries=snakemake.params.queries,
        splits=snakemake.input.splits,
        data=json.loads(snakemake.params.data),
    )
