"""``python -m hydra_steps.config``: check a study and print it whole, or print the page of all keys."""

from __future__ import annotations

import argparse

from hydra_steps.config.document import document
from hydra_steps.config.resolve import load_study, study_yaml
from hydra_steps.errors import reported


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hydra_steps.config", description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument(
        "--document", action="store_true", help="print config/README.md, made from the schema"
    )
    choice.add_argument("--check", metavar="STUDY", help="check a study and print it with all defaults")
    arguments = parser.parse_args()
    with reported():
        print(document() if arguments.document else study_yaml(load_study(arguments.check)), end="")


if __name__ == "__main__":
    main()
