# What contributions look like sample by sample: clusters, a picture of them in two dimensions, class by class, and the
# most extreme samples. Each where a study asks for it.

from hydra_steps.config.explanations import explanation_labels

FIRST_RUNS = [run for run in RUNS if run_config(STUDY, run)["seed"] == min(STUDY["seeds"])]
EXPLAINED = {
    section: explanation_labels(STUDY, section)
    for section in ("clustering", "embedding", "class_contributions", "extremes")
}
BY_SAMPLE = STUDY["class_contributions"]["queries"] == "sample_loss"
RUN_DATA = {run: {key: run_config(STUDY, run)["data"][key] for key in ("name", "folder")} for run in RUNS}

for section, methods in EXPLAINED.items():
    if methods:
        TABLES.append(f"{OUT}/tables/{section}.csv")
        FIGURE_NAMES.append(section)
        FIGURES.extend(pictures(section))


localrules:
    plot_clustering,
    plot_embedding,
    describe_classes,
    plot_class_contributions,
    plot_extremes,


rule evaluate_clustering:
    input:
        code("evaluation.clustering"),
        scores=explained_scores("clustering"),
        labels=expand(f"{RUN}/labels.csv", run=RUNS),
    output:
        report(f"{OUT}/tables/clustering.csv", category="Tables", labels={"table": "clustering"}),
    log:
        f"{OUT}/logs/evaluate_clustering.log",
    conda:
        ENVIRONMENT
    params:
        options=section_options("clustering", "algorithms", "per_class", "scale_queries", "seed"),
    message:
        "Cluster the contribution vectors of each class"
    script:
        "../scripts/evaluate_clustering.py"


rule plot_clustering:
    input:
        code("figures.clustering", "figures.draw"),
        clustering=f"{OUT}/tables/clustering.csv",
    output:
        shown("clustering", "Noisy labels"),
    log:
        f"{OUT}/logs/plot_clustering.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure clustering"
    script:
        "../scripts/draw_figure.py"


rule embed_contributions:
    input:
        code("evaluation.embedding"),
        scores=explained_scores("embedding", FIRST_RUNS),
        labels=expand(f"{RUN}/labels.csv", run=FIRST_RUNS),
    output:
        report(f"{OUT}/tables/embedding.csv", category="Tables", labels={"table": "embedding"}),
    log:
        f"{OUT}/logs/embed_contributions.log",
    conda:
        ENVIRONMENT
    params:
        options=section_options("embedding", "samples", "perplexity", "scale_queries", "seed"),
    message:
        "Place the contribution vectors in two dimensions"
    script:
        "../scripts/embed_contributions.py"


rule plot_embedding:
    input:
        code("figures.embedding", "figures.draw"),
        embedding=f"{OUT}/tables/embedding.csv",
    output:
        shown("embedding", "Noisy labels"),
    log:
        f"{OUT}/logs/plot_embedding.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure embedding"
    script:
        "../scripts/draw_figure.py"


rule describe_classes:
    input:
        dataset_code("evaluation.class_contributions")
        if BY_SAMPLE
        else code("evaluation.class_contributions"),
        scores=explained_scores("class_contributions"),
        labels=expand(f"{RUN}/labels.csv", run=RUNS),
        splits=expand(f"{RUN}/splits.csv", run=RUNS) if BY_SAMPLE else [],
        raw=raw_data() if BY_SAMPLE else [],
    output:
        report(
            f"{OUT}/tables/class_contributions.csv",
            category="Tables",
            labels={"table": "class contributions"},
        ),
    log:
        f"{OUT}/logs/describe_classes.log",
    conda:
        ENVIRONMENT
    params:
        queries=STUDY["class_contributions"]["queries"],
        data=canonical_json(RUN_DATA),
    message:
        "Collect the mean contributions of labels to classes"
    script:
        "../scripts/describe_classes.py"


rule plot_class_contributions:
    input:
        code("figures.class_contributions", "figures.draw"),
        class_contributions=f"{OUT}/tables/class_contributions.csv",
    output:
        shown("class_contributions", "Contributions"),
    log:
        f"{OUT}/logs/plot_class_contributions.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure class_contributions"
    script:
        "../scripts/draw_figure.py"


rule describe_extremes:
    input:
        dataset_code("evaluation.extremes"),
        scores=explained_scores("extremes"),
        labels=expand(f"{RUN}/labels.csv", run=RUNS),
        splits=expand(f"{RUN}/splits.csv", run=RUNS),
        raw=raw_data(),
    output:
        table=report(f"{OUT}/tables/extremes.csv", category="Tables", labels={"table": "extremes"}),
        pictures=f"{OUT}/tables/extremes_images.npz",
    log:
        f"{OUT}/logs/describe_extremes.log",
    conda:
        ENVIRONMENT
    params:
        options=section_options("extremes", "queries", "count", "training_samples"),
        data=canonical_json(RUN_DATA),
    message:
        "List the samples that help and harm most"
    script:
        "../scripts/describe_extremes.py"


rule plot_extremes:
    input:
        code("figures.extremes", "figures.draw"),
        extremes=f"{OUT}/tables/extremes.csv",
        extremes_images=f"{OUT}/tables/extremes_images.npz",
    output:
        shown("extremes", "Contributions"),
    log:
        f"{OUT}/logs/plot_extremes.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure extremes"
    script:
        "../scripts/draw_figure.py"
