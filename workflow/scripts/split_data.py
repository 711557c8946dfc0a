"""Draw the splits of a run."""

import json

from hydra_steps.data import split_data
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    split_data(**json.loads(snakemake.params.data), output=snakemake.output[0])
