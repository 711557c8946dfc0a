# Copies of the training data with planted wrong labels, and what the data themselves are judged by. Splits, training and
# scores of the copies are made by the rules of all runs.

from hydra_steps.plan.steps import planting_settings


rule plant_labels:
    input:
        data=raw_data,
        splits=f"{RUN}/splits.csv",
        labels=f"{OUT}/runs/{AUDITED}/labels.csv",
    output:
        f"{RUN}/labels.csv",
    log:
        f"{OUT}/logs/plant_labels/{{run}}.log",
    wildcard_constraints:
        run=alternatives(PLANTED),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("noise_labels"),
        runtime=minutes("noise_labels"),
    params:
        planted=lambda wildcards: planting_settings(STUDY, wildcards.run),
        code=code("data.planting", "dataset", "noise"),
    message:
        "Plant wrong labels into {wildcards.run}"
    script:
        "../scripts/plant_labels.py"


rule predict_classes:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
    output:
        directory(f"{RUN}/classes"),
    log:
        f"{OUT}/logs/predict_classes/{{run}}.log",
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    params:
        code=code("scoring.class_probabilities", *TRAINED),
    message:
        "Ask the final model of {wildcards.run} about every class"
    script:
        "../scripts/predict_classes.py"


rule prove_decisions:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
        suspects=f"{OUT}/tables/audit_suspects.csv",
        decisions=STUDY["audit"]["decisions"],
    output:
        directory(f"{RUN}/decided"),
    log:
        f"{OUT}/logs/prove_decisions/{{run}}.log",
    wildcard_constraints:
        run=AUDITED,
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    resources:
        gpu=accelerators,
        mem_mb=megabytes("train_model"),
        runtime=minutes("train_model"),
    params:
        seeds=STUDY["audit"]["seeds"],
        code=code("audit.proof", *TRAINED),
    message:
        "Train {wildcards.run} anew as decided, and otherwise"
    script:
        "../scripts/prove_decisions.py"
