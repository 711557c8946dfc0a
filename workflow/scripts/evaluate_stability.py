"""Compare rankings between epochs and between seeds."""

import json

from hydra_steps.evaluation.stability import evaluate_stability
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_stability(
        traced=snakemake.input.traced,
        scores=snakemake.input.scores,
        labels=snakemake.input.labels,
        queries=json.loads(snakemake.params.queries),
        output=snakemake.output[0],
    )
