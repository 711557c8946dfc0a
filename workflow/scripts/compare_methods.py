"""Put all methods into one table, and print it."""

import sys

from hydra_steps.evaluation.comparison import compare_methods, table_text
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    table = compare_methods(
        scores=list(snakemake.input.scores),
        counterfactual=snakemake.input.counterfactual,
        detection=snakemake.input.detection,
        timing=snakemake.input.timing,
        output=snakemake.output[0],
    )
print(table_text(table), file=sys.stderr)
