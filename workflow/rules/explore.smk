# The explorer: a page to look at single samples with; made where a study asks for it.

from hydra_steps.plan.code import page_code
from hydra_steps.plan.steps import method_looks
from hydra_steps.registry.code import ROOT

EXPLORER = [f"{OUT}/explorer.html"] if EXPLORED else []
# An audit's lists of suspects, to decide about.
SUSPECTS = [f"{OUT}/tables/audit_suspects.csv"] if PLANTED else []
HELD_OUT = [f"{OUT}/tables/audit_held_out.csv"] if PLANTED else []
PAGE_FILES = sorted(file.name for file in (ROOT / "hydra_steps/explorer/page").iterdir())


rule predict_samples:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
    output:
        f"{RUN}/predictions.csv",
    log:
        f"{OUT}/logs/predict_samples/{{run}}.log",
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    params:
        code=code("trajectory.predictions", *TRAINED),
    message:
        "Ask the final model of {wildcards.run} about every sample"
    script:
        "../scripts/predict_samples.py"


rule write_explorer:
    input:
        config=f"{OUT}/config.yaml",
        raw=where_it_lies(sorted({ARTIFACTS.manifest(run) for run in EXPLORED})),
        splits=expand(f"{RUN}/splits.csv", run=EXPLORED),
        labels=expand(f"{RUN}/labels.csv", run=EXPLORED),
        predictions=expand(f"{RUN}/predictions.csv", run=EXPLORED),
        scores=expand(f"{RUN}/scores/{{method}}", run=EXPLORED, method=METHODS),
        suspects=SUSPECTS,
        held_out=HELD_OUT,
    output:
        report(
            f"{OUT}/explorer.html",
            category="Explorer",
            labels={"page": "whom each sample helped and harmed"},
        ),
    log:
        f"{OUT}/logs/write_explorer.log",
    conda:
        ENVIRONMENT
    params:
        looks=method_looks(STUDY),
        code=page_code("explorer.write_explorer", "explorer/page", *PAGE_FILES),
    message:
        "Write the explorer"
    script:
        "../scripts/write_explorer.py"
