"""``snakemake --logger=steps``: what a study says while it runs is what a person reads (:mod:`hydra_steps.terminal`).

A package of its own, as Snakemake looks for its plug-ins by their names. Imported at every start of Snakemake.
"""

from hydra_steps.terminal.handler import LogHandler

__all__ = ["LogHandler"]
