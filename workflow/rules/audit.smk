# Copies of the training data with planted wrong labels, and what the data themselves are judged by. Splits, training and
# scores of the copies are made by the rules of all runs.

from hydra_steps.config.target_checks import study_classes
from hydra_steps.plan.code import page_code
from hydra_steps.plan.steps import cleaning_settings, method_looks, planting_settings

AUDIT = [f"{OUT}/audit.html", f"{OUT}/summary.json"] if PLANTED else []
AUDIT += [f"{OUT}/cleaned"] if PLANTED and STUDY["audit"]["decisions"] else []
# Its tables, with what stands beside them, and its figures.
OF_AUDIT = [
    name for name in ("audit_numbers", "audit_pairs", "audit_held_out", "audit_proof") if name in TABLES
]


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


rule check_decisions:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        predictions=f"{RUN}/predictions.csv",
        decisions=STUDY["audit"]["decisions"],
    output:
        f"{RUN}/decisions.json",
    log:
        f"{OUT}/logs/check_decisions/{{run}}.log",
    wildcard_constraints:
        run=AUDITED,
    conda:
        ENVIRONMENT
    params:
        classes=study_classes(STUDY),
        code=step_code(STUDY, "audit.decisions", run=AUDITED),
    message:
        "Check the decisions about {wildcards.run}"
    script:
        "../scripts/check_decisions.py"


rule prove_decisions:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
        suspects=f"{OUT}/tables/audit_suspects.csv",
        checked=f"{RUN}/decisions.json",
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
        gpu=ACCELERATORS,
        mem_mb=megabytes("train_model"),
        runtime=minutes("train_model"),
    params:
        seeds=STUDY["audit"]["seeds"],
        code=code("audit.proof", *TRAINED),
    message:
        "Train {wildcards.run} anew as decided, and otherwise"
    script:
        "../scripts/prove_decisions.py"


rule write_cleaned:
    input:
        data=ARTIFACTS.manifest(AUDITED),
        splits=f"{OUT}/runs/{AUDITED}/splits.csv",
        labels=f"{OUT}/runs/{AUDITED}/labels.csv",
        # First of all, as Snakemake removes a folder before it is made again.
        checked=f"{OUT}/runs/{AUDITED}/decisions.json",
        decisions=STUDY["audit"]["decisions"],
    output:
        directory(f"{OUT}/cleaned"),
    log:
        f"{OUT}/logs/write_cleaned.log",
    conda:
        ENVIRONMENT
    params:
        data=cleaning_settings(STUDY, AUDITED),
        code=step_code(STUDY, "audit.cleaned", "dataset", run=AUDITED),
    message:
        "Write the data as decided"
    script:
        "../scripts/write_cleaned.py"


rule write_audit:
    input:
        config=f"{OUT}/config.yaml",
        raw=where_it_lies(ARTIFACTS.manifest(AUDITED)),
        splits=f"{OUT}/runs/{AUDITED}/splits.csv",
        labels=f"{OUT}/runs/{AUDITED}/labels.csv",
        predictions=f"{OUT}/runs/{AUDITED}/predictions.csv",
        tables=[file for name in OF_AUDIT for file in TABLES[name].files],
        figures=[file for name in ("audit", "audit_proof") if name in FIGURES for file in FIGURES[name].files],
    output:
        page=report(
            f"{OUT}/audit.html",
            category="Audit",
            labels={"page": "which labels are wrong, and what to do"},
        ),
        summary=f"{OUT}/summary.json",
    log:
        f"{OUT}/logs/write_audit.log",
    conda:
        ENVIRONMENT
    params:
        looks=method_looks(STUDY),
        code=page_code("explorer.write_audit", "explorer/audit", "page.html.j2", "page.css"),
    message:
        "Write the audit"
    script:
        "../scripts/write_audit.py"
