"""Look for the wrong labels among the lowest contributions."""

import json

from hydra_steps.evaluation.detection import evaluate_detection
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_detection(
        scores=snakemake.input.scores,
        labels=snakemake.input.labels,
        output=snakemake.output[0],
        inspect=json.loads(snakemake.params.inspect),
    )
