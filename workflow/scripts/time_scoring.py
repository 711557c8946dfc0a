"""Time training and scoring side by side."""

from hydra_steps.benchmark.time_scoring import time_scoring
from hydra_steps.config.experiments import Benchmark
from hydra_steps.config.sections import OF_TRAINING, RunSettings
from hydra_steps.config.study import Method
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    time_scoring(
        run=RunSettings.of({name: snakemake.params[name] for name in OF_TRAINING}),
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        options=Benchmark.of(snakemake.params.options),
        methods={label: Method.of(plain) for label, plain in snakemake.params.methods.items()},
        output=snakemake.output.seconds,
    )
