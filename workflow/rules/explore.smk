# The explorer: a page to look at single samples with; made where a study asks for it.

from pathlib import Path

EXPLORER = [f"{OUT}/explorer.html"] if EXPLORED else []
PAGE_FILES = sorted(file.name for file in Path(workflow.basedir, "hydra_steps/explorer/page").iterdir())


rule predict_samples:
    input:
        chosen_code("trajectory.predictions", "data", "model"),
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
    message:
        "Ask the final model of {wildcards.run} about every sample"
    script:
        "../scripts/predict_samples.py"


rule write_explorer:
    input:
        code("explorer.write_explorer"),
        here(*(f"hydra_steps/explorer/page/{name}" for name in PAGE_FILES)),
        config=f"{OUT}/config.yaml",
        raw=raw_manifests(),
        splits=expand(f"{RUN}/splits.csv", run=EXPLORED),
        labels=expand(f"{RUN}/labels.csv", run=EXPLORED),
        predictions=expand(f"{RUN}/predictions.csv", run=EXPLORED),
        scores=expand(f"{RUN}/scores/{{method}}", run=EXPLORED, method=METHODS),
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
    message:
        "Write the explorer"
    script:
        "../scripts/write_explorer.py"
