"""Choose the damping of each sweep on the validation queries."""

from hydra_steps.evaluation.damping import evaluate_damping
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_damping(
        sweeps=snakemake.params.sweeps,
        scores=list(snakemake.input.scores),
        counterfactual=snakemake.input.counterfactual,
        output=snakemake.output[0],
    )
