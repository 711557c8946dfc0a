# The training of each run, and its re-training without groups of samples, or anew on a part of them.

from hydra_steps.plan.steps import batch_settings, design_settings, flip_queries


rule train_model:
    input:
        data=raw_data,
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
    output:
        directory(f"{RUN}/trajectory"),
    log:
        f"{OUT}/logs/train_model/{{run}}.log",
    benchmark:
        f"{OUT}/benchmarks/train_model/{{run}}.tsv"
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    resources:
        gpu=ACCELERATORS,
        mem_mb=megabytes("train_model"),
        runtime=minutes("train_model"),
    params:
        **{section: of_run(section) for section in OF_TRAINING},
        code=code("trajectory.training", *TRAINED),
    message:
        "Train {wildcards.run}"
    script:
        "../scripts/train_model.py"


rule retrain_without:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
        scores=design_scores,
    output:
        directory(f"{RUN}/counterfactual/{{design}}/{{batch}}"),
    log:
        f"{OUT}/logs/retrain_without/{{run}}/{{design}}/{{batch}}.log",
    benchmark:
        f"{OUT}/benchmarks/retrain_without/{{run}}/{{design}}/{{batch}}.tsv"
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    resources:
        gpu=ACCELERATORS,
        mem_mb=megabytes("retrain_without: {design}"),
        runtime=minutes("retrain_without: {design}"),
    params:
        queries=STUDY["queries"],
        design=lambda wildcards: design_settings(STUDY, wildcards.design),
        groups=lambda wildcards: batch_settings(STUDY, wildcards.design, int(wildcards.batch)),
        code=code("counterfactual.retraining", *TRAINED, "query"),
    message:
        "Re-train {wildcards.run} without {wildcards.design}, batch {wildcards.batch}"
    script:
        "../scripts/retrain_without.py"


rule retrain_subsets:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
        scores=label_scores,
    output:
        directory(f"{RUN}/removal/{{label}}"),
    log:
        f"{OUT}/logs/retrain_subsets/{{run}}/{{label}}.log",
    benchmark:
        f"{OUT}/benchmarks/retrain_subsets/{{run}}/{{label}}.tsv"
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    resources:
        gpu=ACCELERATORS,
        mem_mb=megabytes("retrain_subsets"),
        runtime=minutes("retrain_subsets"),
    params:
        query=STUDY["removal"]["query"],
        fractions=STUDY["removal"]["fractions"],
        sides=STUDY["removal"]["sides"],
        seeds=STUDY["removal"]["seeds"],
        empty_class=STUDY["removal"]["empty_class"],
        code=code("counterfactual.subsets", *TRAINED),
    message:
        "Train {wildcards.run} anew without what {wildcards.label} points at"
    script:
        "../scripts/retrain_subsets.py"


rule find_flips:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
        scores=label_scores,
    output:
        directory(f"{RUN}/brittleness/{{label}}"),
    log:
        f"{OUT}/logs/find_flips/{{run}}/{{label}}.log",
    benchmark:
        f"{OUT}/benchmarks/find_flips/{{run}}/{{label}}.tsv"
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    resources:
        gpu=ACCELERATORS,
        mem_mb=megabytes("find_flips"),
        runtime=minutes("find_flips"),
    params:
        queries=lambda wildcards: flip_queries(STUDY, wildcards.run),
        most=STUDY["brittleness"]["most"],
        code=code("counterfactual.flips", *TRAINED),
    message:
        "Look for the smallest groups that flip predictions of {wildcards.run}, by {wildcards.label}"
    script:
        "../scripts/find_flips.py"
