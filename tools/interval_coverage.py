"""How often the intervals of this project's tables hold what they are of: a simulation, printed as a table.

    python -m tools.interval_coverage [--studies 1000] [--only SECTION]

Nominal are 95 %. Of each kind of measurement the interval in use (first) stands beside those that it was chosen from:
Student's of values that share pairs, the mean of the runs' ends, the percentile bootstrap, the bias-corrected one
(BCa), Bonett and Wright's by itself; ``docs/intervals.md`` sums it up. With 400 studies of each kind some ten minutes
on one idle core, most of it the correlations; a share of .95 is then known to ± .02.
"""

from __future__ import annotations

import argparse

import numpy as np

from tools.coverage_over_groups import correlations, detection, lines, shares
from tools.coverage_over_seeds import families, runs, seeds

SECTIONS = {
    "seeds": seeds,
    "families": families,
    "runs": runs,
    "correlations": correlations,
    "lines": lines,
    "shares": shares,
    "detection": detection,
}


def main() -> None:
    """Print the sections that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.interval_coverage", description=__doc__)
    parser.add_argument("--studies", type=int, default=1000, help="simulated studies of each kind")
    parser.add_argument("--only", choices=SECTIONS, help="one section")
    asked = parser.parse_args()
    for name, section in SECTIONS.items():
        if asked.only in (None, name):
            for label, found in section(asked.studies, np.random.default_rng(0)):
                print(f"{label:75s} " + "  ".join(f"{how} {share:.3f}" for how, share in found.items()))


if __name__ == "__main__":
    main()
