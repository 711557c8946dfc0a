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
        code("figures.noise"),
        table=f"{OUT}/tables/noise.csv",
    output:
        shown("noise", "Data"),
    log:
        f"{OUT}/logs/plot_noise.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(METHODS),
        style=LOOK,
    message:
        "Draw the figure noise"
    script:
        "../scripts/plot_noise.py"


rule plot_training:
    input:
        code("figures.training"),
        table=f"{OUT}/tables/training.csv",
    output:
        shown("training", "Training"),
    log:
        f"{OUT}/logs/plot_training.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(METHODS),
        style=LOOK,
    message:
        "Draw the figure training"
    script:
        "../scripts/plot_training.py"


rule plot_agreement:
    input:
        code("figures.agreement"),
        table=f"{OUT}/tables/agreement.csv",
    output:
        shown("agreement", "Agreement"),
    log:
        f"{OUT}/logs/plot_agreement.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(METHODS),
        style=LOOK,
    message:
        "Draw the figure agreement"
    script:
        "../scripts/plot_agreement.py"


rule plot_detection:
    input:
        code("figures.detection"),
        table=f"{OUT}/tables/detection.csv",
        noise=f"{OUT}/tables/noise.csv",
    output:
        shown("detection", "Noisy labels"),
    log:
        f"{OUT}/logs/plot_detection.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(METHODS),
        style=LOOK,
    message:
        "Draw the figure detection"
    script:
        "../scripts/plot_detection.py"


rule plot_contributions:
    input:
        code("figures.contributions"),
        table=f"{OUT}/tables/contributions.csv",
    output:
        shown("contributions", "Noisy labels"),
    log:
        f"{OUT}/logs/plot_contributions.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(METHODS),
        style=LOOK,
    message:
        "Draw the figure contributions"
    script:
        "../scripts/plot_contributions.py"


rule plot_counterfactual:
    input:
        code("figures.counterfactual"),
        table=f"{OUT}/tables/counterfactual.csv",
    output:
        shown("counterfactual", "Re-training"),
    log:
        f"{OUT}/logs/plot_counterfactual.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(METHODS),
        style=LOOK,
    message:
        "Draw the figure counterfactual"
    script:
        "../scripts/plot_counterfactual.py"


rule plot_prediction:
    input:
        code("figures.prediction"),
        table=f"{OUT}/tables/counterfactual_points.csv",
    output:
        shown("prediction", "Re-training"),
    log:
        f"{OUT}/logs/plot_prediction.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(METHODS),
        style=LOOK,
    message:
        "Draw the figure prediction"
    script:
        "../scripts/plot_prediction.py"


rule plot_removal:
    input:
        code("figures.removal"),
        table=f"{OUT}/tables/removal.csv",
    output:
        shown("removal", "Re-training"),
    log:
        f"{OUT}/logs/plot_removal.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(METHODS),
        style=LOOK,
    message:
        "Draw the figure removal"
    script:
        "../scripts/plot_removal.py"


rule plot_brittleness:
    input:
        code("figures.brittleness"),
        table=f"{OUT}/tables/brittleness.csv",
    output:
        shown("brittleness", "Re-training"),
    log:
        f"{OUT}/logs/plot_brittleness.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(METHODS),
        style=LOOK,
    message:
        "Draw the figure brittleness"
    script:
        "../scripts/plot_brittleness.py"
