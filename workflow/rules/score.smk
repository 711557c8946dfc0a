# One score of every training sample for every query, by each method on each run; and the same as if the training had
# ended earlier.

# With `together: [scores]` a job scores a run by every method, and they share its start.
JOB = "{run}" if TOGETHER else "{run}/{method}"


rule score_samples:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
    output:
        [directory(f"{RUN}/scores/{label}") for label in SCORED],
    log:
        f"{OUT}/logs/score_samples/{JOB}.log",
    benchmark:
        f"{OUT}/benchmarks/score_samples/{JOB}.tsv"
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    resources:
        gpu=ACCELERATORS,
        mem_mb=megabytes(*SCORES),
        runtime=minutes(*SCORES),
    params:
        methods=lambda wildcards: {label: STUDY["methods"][label] for label in scored_by(wildcards)},
        queries=STUDY["queries"],
        by_epoch=by_epoch if STUDY["explorer"]["by_epoch"] else False,
        code=code("scoring.score_samples", *TRAINED, "query", "method", labels=scored_by),
    message:
        "Score {wildcards.run} by " + ("every method" if TOGETHER else "{wildcards.method}")
    script:
        "../scripts/score_samples.py"


rule measure_smoothness:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
        scores=f"{RUN}/scores/{ARTIFACTS.exact}",
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
        gpu=ACCELERATORS,
        mem_mb=megabytes("measure_smoothness"),
        runtime=minutes("measure_smoothness"),
    params:
        options=STUDY["smoothness"],
        queries=STUDY["queries"],
        code=code("counterfactual.smoothness", *TRAINED, "query"),
    message:
        "Measure how smoothly {wildcards.run} depends on its data"
    script:
        "../scripts/measure_smoothness.py"


rule trace_scores:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
    output:
        directory(f"{RUN}/epochs/{{method}}"),
    log:
        f"{OUT}/logs/trace_scores/{{run}}/{{method}}.log",
    benchmark:
        f"{OUT}/benchmarks/trace_scores/{{run}}/{{method}}.tsv"
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    resources:
        gpu=ACCELERATORS,
        mem_mb=megabytes("trace_scores"),
        runtime=minutes("trace_scores"),
    params:
        options=lambda wildcards: STUDY["methods"][wildcards.method],
        queries=STUDY["queries"],
        asked=STUDY["trace"]["queries"],
        epochs=STUDY["trace"]["epochs"],
        code=code("scoring.trace_scores", *TRAINED, "query", "method"),
    message:
        "Score {wildcards.run} by {wildcards.method} at the ends of epochs"
    script:
        "../scripts/trace_scores.py"


rule measure_approximation:
    input:
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
    output:
        f"{RUN}/approximation.csv",
    log:
        f"{OUT}/logs/measure_approximation/{{run}}.log",
    benchmark:
        f"{OUT}/benchmarks/measure_approximation/{{run}}.tsv"
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    resources:
        gpu=ACCELERATORS,
        mem_mb=megabytes("measure_approximation"),
        runtime=minutes("measure_approximation"),
    params:
        tracked=STUDY["trace"]["tracked"],
        code=code("scoring.approximation", *TRAINED),
    message:
        "Carry hypergradients with and without the Hessian along {wildcards.run}"
    script:
        "../scripts/measure_approximation.py"
