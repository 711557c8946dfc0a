"""Figures of a study, one module and one function each, drawn from tidy tables.

A figure is a function under ``@figure``: its parameters name the tables that it reads, its docstring holds the
caption. It writes the same picture in every format that the suffixes of ``outputs`` name.
:func:`~hydra_steps.figures.draw.draw_figure` draws any of them by name. Nothing here imports torch or snakemake.
"""
