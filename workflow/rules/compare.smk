# Methods side by side: damping sweeps where a study has some; all methods, accuracy against cost, which carry the
# clock's readings, so they are made where a study asks for them. Variants side by side: ablations, likewise.


localrules:
    plot_cost_accuracy,
    plot_damping,
    plot_ablations,


rule plot_cost_accuracy:
    input:
        code("figures.cost_accuracy", "figures.draw"),
        comparison=f"{OUT}/tables/comparison.csv",
    output:
        shown("cost_accuracy", "Cost"),
    log:
        f"{OUT}/logs/plot_cost_accuracy.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure cost_accuracy"
    script:
        "../scripts/draw_figure.py"


rule plot_damping:
    input:
        code("figures.damping", "figures.draw"),
        damping=f"{OUT}/tables/damping.csv",
    output:
        shown("damping", "Re-training"),
    log:
        f"{OUT}/logs/plot_damping.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure damping"
    script:
        "../scripts/draw_figure.py"


rule plot_ablations:
    input:
        code("figures.ablations", "figures.draw"),
        queries=f"{OUT}/tables/queries.csv",
        ablations=f"{OUT}/tables/ablations.csv",
    output:
        shown("ablations", "Ablations"),
    log:
        f"{OUT}/logs/plot_ablations.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure ablations"
    script:
        "../scripts/draw_figure.py"
