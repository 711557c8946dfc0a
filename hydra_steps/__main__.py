"""Run a study, in a folder of any kind: the command ``hydra-steps``, and what ``make study`` does.

``hydra-steps my_study.yaml --cores 2`` checks the study, lets Snakemake do what is not done yet, and says where the
outputs are. The workflow's own files are those of this checkout, or those that came with the installed package.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

from hydra_steps import __version__
from hydra_steps.config.__main__ import outputs
from hydra_steps.config.resolve import load_study
from hydra_steps.errors import StudyError, reported
from hydra_steps.interrupted import CODE
from hydra_steps.job_environment import START
from hydra_steps.plan.verify import VERIFY

DEFAULT = "config/config.yaml"
PACKAGE = Path(__file__).parents[1]


def workflow_folder() -> Path:
    """Return the folder of the Snakefile: this checkout, or where an installation puts it."""
    for folder in (PACKAGE, Path(sysconfig.get_path("data"), "share", "hydra-steps")):
        if (folder / "workflow" / "Snakefile").is_file():
            return folder
    raise StudyError(
        f"there is no workflow beside {PACKAGE / 'hydra_steps'}, nor among what was installed with it",
        "the Snakefile",
        "install the package as a whole, or clone the repository",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m hydra_steps",
        description=__doc__,
        epilog="What stands after -- are options of Snakemake.",
    )
    parser.add_argument(
        "study", nargs="?", help="the YAML file of a study; the quick study where there is none"
    )
    parser.add_argument(
        "--target", action="append", default=[], help="a part of it: figures, tables, report, a file"
    )
    parser.add_argument("--cores", default="all", help="how many jobs at a time (all cores)")
    parser.add_argument("--verbose", action="store_true", help="show what Snakemake says")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done")
    parser.add_argument(
        "--verify", action="store_true", help="say what of the results is whole and this study's"
    )
    parser.add_argument("--version", action="version", version=__version__)
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    asked, others = parser.parse_args(sys.argv[1:end]), sys.argv[end + 1 :]
    with reported():
        folder = workflow_folder()
        file = asked.study or next(str(f) for f in (Path(DEFAULT), folder / DEFAULT) if f.is_file())
        study = load_study(file)
        command = [sys.executable, "-m", "snakemake", *asked.target, "--snakefile", str(folder / "Snakefile")]
        command += ["--cores", asked.cores, "--configfile", file, *others]
        looks = asked.dry_run or asked.verify
        command += ["--dry-run"] if looks else []
        command += [] if asked.verbose or asked.dry_run else ["--logger=steps"]
        # Where a checkout is run without being installed, Snakemake finds its plug-in there.
        found = [str(PACKAGE)] if folder == PACKAGE else []
        path = os.pathsep.join([START, *found, *filter(None, [os.environ.get("PYTHONPATH")])])
        told = {"PYTHONPATH": path} | ({VERIFY: "1"} if asked.verify else {})
        # An end from the keyboard reaches Snakemake, too, which ends its jobs first.
        signal.signal(signal.SIGINT, lambda *_: None)
        code = subprocess.run(command, env=os.environ | told).returncode
        code = CODE if code == -signal.SIGINT else code
        if code or asked.verify:
            sys.exit(code)
        print(outputs(study))


if __name__ == "__main__":
    main()
