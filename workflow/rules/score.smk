# One score of every training sample for every query, by each method on each run.


rule score_samples:
    input:
        chosen_code("scoring.score_samples", "data", "model", "scoring"),
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
        trajectory=f"{RUN}/trajectory",
    output:
        directory(f"{RUN}/scores/{{method}}"),
    log:
        f"{OUT}/logs/score_samples/{{run}}/{{method}}.log",
    conda:
        ENVIRONMENT
    threads: STUDY["compute"]["threads"]
    params:
        options=lambda wildcards: method_options(STUDY, wildcards.method),
        queries=canonical_json(STUDY["queries"]),
    message:
        "Score {wildcards.run} by {wildcards.method}"
    script:
        "../scripts/score_samples.py"
