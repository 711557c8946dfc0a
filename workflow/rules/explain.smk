# What contributions look like sample by sample: clusters, a picture of them in two dimensions, class by class, and the
# most extreme samples. Each where a study asks for it.


localrules:
    plot_clustering,
    plot_embedding,
    plot_class_contributions,
    plot_extremes,


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


rule plot_extremes:
    input:
        code("figures.extremes", "figures.draw"),
        queries=f"{OUT}/tables/queries.csv",
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
