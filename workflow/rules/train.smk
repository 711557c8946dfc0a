# The training of each run, and its re-training without groups of samples.


rule train_model:
    input:
        chosen_code("process.training", "data", "model"),
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
    output:
        directory(f"{RUN}/trajectory"),
    log:
        f"{OUT}/logs/train_model/{{run}}.log",
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    params:
        run=of_run("data", "model", "training", "trajectory", "compute", "seed"),
    message:
        "Train {wildcards.run}"
    script:
        "../scripts/train_model.py"


rule retrain_without:
    input:
        chosen_code("process.retraining", "data", "model"),
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
        scores=design_scores,
    output:
        directory(f"{RUN}/counterfactual/{{design}}/{{batch}}"),
    log:
        f"{OUT}/logs/retrain_without/{{run}}/{{design}}/{{batch}}.log",
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    params:
        queries=canonical_json(STUDY["queries"]),
        design=design_options,
        groups=batch_options,
    message:
        "Re-train {wildcards.run} without {wildcards.design}, batch {wildcards.batch}"
    script:
        "../scripts/retrain_without.py"
