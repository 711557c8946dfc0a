# From tables to figures; no torch.


localrules:
    plot_noise,
    plot_training,
    plot_agreement,
    plot_detection,
    plot_contributions,
    plot_counterfactual,
    plot_prediction,
    plot_removal,
    plot_brittleness,


rule plot_noise:
    input:
        code("figures.noise", "figures.draw"),
        noise=f"{OUT}/tables/noise.csv",
    output:
        shown("noise", "Data"),
    log:
        f"{OUT}/logs/plot_noise.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure noise"
    script:
        "../scripts/draw_figure.py"


rule plot_training:
    input:
        code("figures.training", "figures.draw"),
        training=f"{OUT}/tables/training.csv",
    output:
        shown("training", "Training"),
    log:
        f"{OUT}/logs/plot_training.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure training"
    script:
        "../scripts/draw_figure.py"


rule plot_agreement:
    input:
        code("figures.agreement", "figures.draw"),
        agreement=f"{OUT}/tables/agreement.csv",
    output:
        shown("agreement", "Agreement"),
    log:
        f"{OUT}/logs/plot_agreement.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure agreement"
    script:
        "../scripts/draw_figure.py"


rule plot_detection:
    input:
        code("figures.detection", "figures.draw"),
        queries=f"{OUT}/tables/queries.csv",
        detection=f"{OUT}/tables/detection.csv",
        noise=f"{OUT}/tables/noise.csv",
    output:
        shown("detection", "Noisy labels"),
    log:
        f"{OUT}/logs/plot_detection.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure detection"
    script:
        "../scripts/draw_figure.py"


rule plot_contributions:
    input:
        code("figures.contributions", "figures.draw"),
        queries=f"{OUT}/tables/queries.csv",
        contributions=f"{OUT}/tables/contributions.csv",
    output:
        shown("contributions", "Noisy labels"),
    log:
        f"{OUT}/logs/plot_contributions.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure contributions"
    script:
        "../scripts/draw_figure.py"


rule plot_counterfactual:
    input:
        code("figures.counterfactual", "figures.draw"),
        queries=f"{OUT}/tables/queries.csv",
        counterfactual=f"{OUT}/tables/counterfactual.csv",
    output:
        shown("counterfactual", "Re-training"),
    log:
        f"{OUT}/logs/plot_counterfactual.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure counterfactual"
    script:
        "../scripts/draw_figure.py"


rule plot_prediction:
    input:
        code("figures.prediction", "figures.draw"),
        queries=f"{OUT}/tables/queries.csv",
        counterfactual_points=f"{OUT}/tables/counterfactual_points.csv",
    output:
        shown("prediction", "Re-training"),
    log:
        f"{OUT}/logs/plot_prediction.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure prediction"
    script:
        "../scripts/draw_figure.py"


rule plot_removal:
    input:
        code("figures.removal", "figures.draw"),
        removal=f"{OUT}/tables/removal.csv",
    output:
        shown("removal", "Re-training"),
    log:
        f"{OUT}/logs/plot_removal.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure removal"
    script:
        "../scripts/draw_figure.py"


rule plot_brittleness:
    input:
        code("figures.brittleness", "figures.draw"),
        brittleness=f"{OUT}/tables/brittleness.csv",
    output:
        shown("brittleness", "Re-training"),
    log:
        f"{OUT}/logs/plot_brittleness.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure brittleness"
    script:
        "../scripts/draw_figure.py"
