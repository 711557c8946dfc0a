"""``python -m hydra_steps.config``: check a study, say where its outputs are, document the keys."""

from __future__ import annotations

import argparse
from pathlib import Path

from hydra_steps.config.document import document
from hydra_steps.config.resolve import load_study, study_yaml
from hydra_steps.config.runs import PlainStudy
from hydra_steps.errors import reported


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hydra_steps.config", description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument(
        "--document", action="store_true", help="print config/README.md, made from the schema"
    )
    choice.add_argument("--check", metavar="STUDY", help="check a study and print it with all defaults")
    choice.add_argument("--where", metavar="STUDY", help="say where the outputs of a study are")
    arguments = parser.parse_args()
    with reported():
        if arguments.document:
            print(document(), end="")
        elif arguments.check:
            print(study_yaml(load_study(arguments.check)), end="")
        else:
            print(outputs(load_study(arguments.where)))


def outputs(study: PlainStudy) -> str:
    """Return the lines that say where the outputs of a resolved study are."""
    folder = Path(study["results"]) / study["study"]
    return (
        f"report   {folder / 'report.html'}\n"
        f"figures  {folder / 'figures'}\n"
        f"tables   {folder / 'tables'}\n"
        f"runs     {folder / 'runs'}"
    )


if __name__ == "__main__":
    main()
