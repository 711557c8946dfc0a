"""Figures of a study, one module and one function each, drawn from tidy tables.

``plot_<name>(*, <table>=path, outputs=[paths])`` reads CSV and writes the same picture in every format that
the suffixes of ``outputs`` name. Nothing here imports torch or snakemake.
"""

from hydra_steps.figures.ablations import plot_ablations
from hydra_steps.figures.agreement import plot_agreement
from hydra_steps.figures.approximation import plot_approximation
from hydra_steps.figures.brittleness import plot_brittleness
from hydra_steps.figures.claims import plot_claims
from hydra_steps.figures.class_contributions import plot_class_contributions
from hydra_steps.figures.clustering import plot_clustering
from hydra_steps.figures.contributions import plot_contributions
from hydra_steps.figures.counterfactual import plot_counterfactual
from hydra_steps.figures.detection import plot_detection
from hydra_steps.figures.embedding import plot_embedding
from hydra_steps.figures.extremes import plot_extremes
from hydra_steps.figures.noise import plot_noise
from hydra_steps.figures.prediction import plot_prediction
from hydra_steps.figures.removal import plot_removal
from hydra_steps.figures.stability import plot_stability
from hydra_steps.figures.training import plot_training

__all__ = [
    "plot_ablations",
    "plot_agreement",
    "plot_approximation",
    "plot_brittleness",
    "plot_claims",
    "plot_class_contributions",
    "plot_clustering",
    "plot_contributions",
    "plot_counterfactual",
    "plot_detection",
    "plot_embedding",
    "plot_extremes",
    "plot_noise",
    "plot_prediction",
    "plot_removal",
    "plot_stability",
    "plot_training",
]
