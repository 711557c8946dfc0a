# One score of every training sample for every query, by each method on each run.


rule score_samples:
    input:
        chosen_code("scoring.score_samples", "data", "model", "scoring", "queries"),
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
    output:
        directory(f"{RUN}/scores/{{method}}"),
    log:
        f"{OUT}/logs/score_samples/{{run}}/{{method}}.log",
    benchmark:
        f"{OUT}/benchmarks/score_samples/{{run}}/{{method}}.tsv"
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    resources:
        gpu=accelerators,
        mem_mb=megabytes("score_samples: {method}"),
        runtime=minutes("score_samples: {method}"),
    params:
        options=lambda wildcards: method_options(STUDY, wildcards.method),
        queries=canonical_json(STUDY["queries"]),
        by_epoch=by_epoch,
    message:
        "Score {wildcards.run} by {wildcards.method}"
    script:
        "../scripts/score_samples.py"


rule measure_smoothness:
    input:
        chosen_code("counterfactual.smoothness", "data", "model", "queries"),
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
        scores=exact_scores,
    output:
        f"{RUN}/smoothness.csv",
    log:
        f"{OUT}/logs/measure_smoothness/{{run}}.log",
    benchmark:
        f"{OUT}/benchmarks/measure_smoothness/{{run}}.tsv"
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    resources:
        gpu=accelerators,
        mem_mb=megabytes("measure_smoothness"),
        runtime=minutes("measure_smoothness"),
    params:
        options=canonical_json(STUDY["smoothness"]),
        queries=canonical_json(STUDY["queries"]),
    message:
        "Measure how smoothly {wildcards.run} depends on its data"
    script:
        "../scripts/measure_smoothness.py"
