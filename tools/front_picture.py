"""The README's picture, from a committed study: which score predicts a removal of which size.

``python -m tools.front_picture`` draws ``images/removals.png`` from ``results/reference/values/``: of the smooth form
of the network, the methods that tell the story. The study's own figure has all of them, and both forms.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from PIL import Image

from hydra_steps.config import load_study
from hydra_steps.csv_files import read_csv
from hydra_steps.errors import reported
from hydra_steps.figures.removal_sizes import plot_removal_sizes
from hydra_steps.figures.style import Style

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "results" / "reference" / "values"
VARIANT = "tanh"
COLOURS = 64
METHODS = (  # by their labels in the study
    *("hydra_exact", "hydra_centred", "centred_seeds", "hydra_hessian_free"),
    *("influence_ekfac", "tracin", "in_run_shapley", "trak"),
)


def draw_front_picture(output: Path) -> None:
    """Draw the picture to ``output``, a PNG."""
    table = read_csv(STUDY / "tables" / "removal_sizes.csv")
    part = table[(table["variant"] == VARIANT) & table["method"].isin([*METHODS, float("nan")])]
    study = load_study(str(STUDY / "config.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        chosen = Path(folder, "removal_sizes.csv")
        part.to_csv(chosen, index=False)
        plot_removal_sizes(
            removal_sizes_table=chosen,
            queries_table=STUDY / "tables" / "queries.csv",
            outputs=[output],
            methods={label: study["methods"][label]["method"] for label in METHODS},
            style=Style.of(study["figures"] | {"dpi": 200}),
        )
    with Image.open(output) as drawn:
        few = drawn.convert("RGB").quantize(COLOURS)
    few.save(output, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.front_picture", description=__doc__)
    parser.add_argument("output", nargs="?", type=Path, default=ROOT / "images" / "removals.png")
    output = parser.parse_args().output
    with reported():
        draw_front_picture(output)
    print(f"{output}: {output.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
