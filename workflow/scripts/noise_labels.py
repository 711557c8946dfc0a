"""Put wrong labels into the training split of a run."""

from hydra_steps.data import noise_labels
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    noise_labels(splits_csv=snakemake.input.splits, **snakemake.params.noise, output=snakemake.output[0])
