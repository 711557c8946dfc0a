# Scores as if the training had ended earlier: approximation errors per epoch, and the stability of rankings.

from hydra_steps.config.traces import trace_labels

TRACED = trace_labels(STUDY)
TRACKED = STUDY["trace"]["tracked"] if TRACED else 0


localrules:
    plot_approximation,
    plot_stability,


rule trace_scores:
    input:
        chosen_code("scoring.trace_scores", "data", "model", "scoring", "queries"),
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
        gpu=accelerators,
        mem_mb=megabytes("trace_scores"),
        runtime=minutes("trace_scores"),
    params:
        options=lambda wildcards: method_options(STUDY, wildcards.method),
        queries=canonical_json(STUDY["queries"]),
        names=canonical_json(STUDY["trace"]["queries"]),
        epochs=canonical_json(STUDY["trace"]["epochs"]),
    message:
        "Score {wildcards.run} by {wildcards.method} at the ends of epochs"
    script:
        "../scripts/trace_scores.py"


rule measure_approximation:
    input:
        chosen_code("scoring.approximation", "data", "model"),
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
        gpu=accelerators,
        mem_mb=megabytes("measure_approximation"),
        runtime=minutes("measure_approximation"),
    params:
        tracked=TRACKED,
    message:
        "Carry hypergradients with and without the Hessian along {wildcards.run}"
    script:
        "../scripts/measure_approximation.py"


rule plot_approximation:
    input:
        code("figures.approximation", "figures.draw"),
        approximation=f"{OUT}/tables/approximation.csv",
    output:
        shown("approximation", "Agreement"),
    log:
        f"{OUT}/logs/plot_approximation.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure approximation"
    script:
        "../scripts/draw_figure.py"


rule plot_stability:
    input:
        code("figures.stability", "figures.draw"),
        stability=f"{OUT}/tables/stability.csv",
    output:
        shown("stability", "Agreement"),
    log:
        f"{OUT}/logs/plot_stability.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure stability"
    script:
        "../scripts/draw_figure.py"
