# From tables to figures; no torch.

from hydra_steps.config.target_checks import study_classes, study_targets
from hydra_steps.plan.steps import method_looks

FORMATS = STUDY["figures"]["formats"]


# Seconds each: on a cluster they are no jobs.
localrules:
    plot_figure,


rule plot_figure:
    input:
        unpack(lambda wildcards: FIGURES[wildcards.figure].inputs),
    output:
        report(
            f"{OUT}/figures/{{figure}}.{FORMATS[0]}",
            caption="../report/figure.rst",
            category=lambda wildcards: FIGURES[wildcards.figure].category,
            labels=lambda wildcards: {"figure": wildcards.figure.replace("_", " ")},
        ),
        [f"{OUT}/figures/{{figure}}.{suffix}" for suffix in FORMATS[1:]],
    log:
        f"{OUT}/logs/plot_figure/{{figure}}.log",
    conda:
        ENVIRONMENT
    params:
        methods={label: options["method"] for label, options in STUDY["methods"].items()},
        style={key: value for key, value in STUDY["figures"].items() if key != "formats"}
        | {"asks": study_targets(STUDY), "classes": study_classes(STUDY)},
        looks=method_looks(STUDY),
        code=lambda wildcards: FIGURES[wildcards.figure].code,
    message:
        "Draw the figure {wildcards.figure}"
    script:
        "../scripts/plot_figure.py"
