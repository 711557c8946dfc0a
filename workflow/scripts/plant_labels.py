"""Plant wrong labels into a copy of a run's training labels."""

from hydra_steps.data.planting import plant_labels
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plant_labels(
        splits_csv=snakemake.input.splits,
        labels_csv=snakemake.input.labels,
        **snakemake.params.planted,
        output=snakemake.output[0],
    )
