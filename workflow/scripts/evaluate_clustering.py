"""Cluster the contribution vectors of each class in two, and hold the clusters against the true noise."""

import json

from hydra_steps.evaluation.clustering import evaluate_clustering
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_clustering(
        scores=snakemake.input.scores,
        labels=snakemake.input.labels,
        output=snakemake.output[0],
        **json.loads(snakemake.params.options),
    )
