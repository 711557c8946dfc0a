"""``python -m hydra_steps.config``: check a study, say where its outputs are, document the keys."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from hydra_steps.config.document import document
from hydra_steps.config.published import schema_text
from hydra_steps.config.resolve import load_study, study_yaml
from hydra_steps.config.runs import PlainStudy, run_config, run_names
from hydra_steps.errors import reported


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hydra_steps.config", description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument(
        "--document", action="store_true", help="print config/README.md, made from the schema"
    )
    choice.add_argument("--schema", action="store_true", help="print the JSON schema of all studies, as YAML")
    choice.add_argument("--check", metavar="STUDY", help="check a study and print it with all defaults")
    choice.add_argument("--where", metavar="STUDY", help="say where the outputs of a study are")
    arguments = parser.parse_args()
    with reported():
        if arguments.document:
            print(document(), end="")
        elif arguments.schema:
            print(schema_text(), end="")
        elif arguments.check:
            study = load_study(arguments.check)
            for warning in warnings(study):
                print(warning, file=sys.stderr)
            paths = [*models(study), *kept(study)]
            print(study_yaml(study), end="")
            for path in paths:
                print(f"# {path}")
        else:
            print(outputs(load_study(arguments.where)))


def warnings(study: PlainStudy) -> list[str]:
    """Return a line for each method whose options ask for more memory than this machine has, where it can be told."""
    if find_spec("torch") is None:
        return []
    # Above all that this package's other modules know: a command may ask who measures models.
    from hydra_steps.estimate.memory import memory_warnings
    from hydra_steps.estimate.requests import Requests

    requests = Requests(study)
    lines = ["train_model", *(f"score_samples: {label}" for label in study["methods"])]
    return memory_warnings(study, {line: requests.held(line) for line in lines})


def models(study: PlainStudy) -> list[str]:
    """Return a line for each variant, how its model is differentiated, where it can be told; a :class:`StudyError` for
    one whose scores would not be exact."""
    if find_spec("torch") is None:
        return []
    from hydra_steps.process.check_models import model_lines

    return model_lines(study)


def kept(study: PlainStudy) -> list[str]:
    """Return a line for each variant with ``trajectory.keep: auto``: what that would store, were it trained now."""
    names = run_names(study)
    if find_spec("torch") is None or all(
        run_config(study, run)["trajectory"]["keep"] != "auto" for run in names
    ):
        return []
    from hydra_steps.estimate.kept import kept_lines, runs_costs
    from hydra_steps.estimate.requests import nominal_calibrations
    from hydra_steps.machine import available

    there = available(Path(study["results"]))
    return kept_lines(study, runs_costs(study, names, nominal_calibrations(study), there), there)


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
