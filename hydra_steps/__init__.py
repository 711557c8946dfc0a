"""Steps of a training-data attribution study: which training samples made this model behave as it does?

Rooms, in the direction of knowledge: ``data``, ``models`` → ``process`` → ``scoring`` → ``evaluation`` → ``figures``.
The package imports no snakemake; the workflow's scripts call it. ``terminal`` alone answers to Snakemake.
"""

__version__ = "0.1.0"
