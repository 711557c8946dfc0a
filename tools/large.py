"""``python -m tools.large``: the memory that a network of a hundred million parameters takes, and what was estimated.

A perceptron with two equal hidden layers trains on made-up digits for a few steps with every state recorded, and the
exact hypergradients of one query are swept back through them: the training and the sweep each in a process of its own,
tried, recorded and read as in a study, whose peak is compared with what ``make estimate`` says of such a job, and with
what a cluster is asked for. Takes a folder for the states (2 GB for the defaults) and removes it.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hydra_steps.config.sections import RunSettings
from hydra_steps.config.study import Method
from hydra_steps.estimate.meta import run_network
from hydra_steps.estimate.nominal import nominal
from hydra_steps.estimate.requests import ROOM_MEMORY
from hydra_steps.estimate.run_costs import RunCosts, RunSize
from hydra_steps.job_environment import start_as_job
from hydra_steps.trajectory.keep import format_bytes

PARAMETERS, STEPS, BATCH, OTHERS = 100_000_000, 4, 8, 16
QUERIES = [{"kind": "mean_loss", "split": "test"}]
METHODS = {"exact": Method.of({"method": "hydra_exact"})}
PHASES = ("train_model", "score_samples: exact")
INPUTS, OUTPUTS = 64, 10  # of a digit


def settings(parameters: int, steps: int, momentum: float) -> RunSettings:
    """Return a run of about so many parameters."""
    # h² + h (inputs + outputs + 2) + outputs parameters.
    half = (INPUTS + OUTPUTS + 2) / 2
    width = round(math.sqrt(parameters - OUTPUTS + half**2) - half)
    plain = {
        "seed": 0,
        "data": {"name": "digits", "train": steps * BATCH, "validation": OTHERS, "test": OTHERS},
        "model": {"name": "mlp", "hidden": [width, width]},
        "training": {
            "epochs": 1,
            "batch_size": BATCH,
            "optimizer": {"name": "sgd", "learning_rate": 1e-3, "momentum": momentum},
        },
    }
    return RunSettings.of(plain)


def predicted(run: RunSettings) -> dict[str, float]:
    """Return the bytes of memory of each phase's job, as the estimate has them before anything runs."""
    samples = {"train": run.data.train, "validation": OTHERS, "test": OTHERS}
    size = RunSize(samples, 1, BATCH, 1, OTHERS, "float32", run.trajectory.keep, 0.0)
    costs = RunCosts(size, nominal(run_network(run), run, METHODS, QUERIES))
    return dict(zip(PHASES, (costs.train()[2], costs.score("exact")[2]), strict=True))


def work(run: RunSettings, phase: str, folder: Path) -> dict[str, float]:
    """Do one phase here; return its seconds and the process's peak of memory in bytes."""
    import torch

    from hydra_steps.estimate.calibration import peak_memory
    from hydra_steps.estimate.tiny import random_data
    from hydra_steps.process.building import build_process
    from hydra_steps.process.queries.query_set import QuerySet, expand_queries
    from hydra_steps.process.trial.try_model import try_model
    from hydra_steps.scoring.hydra import hydra_exact
    from hydra_steps.trajectory.training import record_training
    from hydra_steps.trajectory.trajectory import Trajectory

    torch.set_num_threads(1)
    data = random_data(run, int(run.data.train or 0), OTHERS)
    began = time.perf_counter()
    if phase == PHASES[0]:
        process = build_process(run, data)
        try_model(process)
        record_training(process, data, run, folder / "scratch", folder / "trajectory")
    else:
        trajectory = Trajectory.open(folder / "trajectory", data)
        queries = QuerySet(expand_queries(QUERIES, data), data, trajectory.process)
        found = hydra_exact(trajectory, queries).values
        assert bool(torch.isfinite(found).all())
        assert bool(found.any())
    return {"seconds": time.perf_counter() - began, "memory": float(peak_memory())}


def compare(arguments: argparse.Namespace) -> list[str]:
    """Run both phases and return the table in Markdown."""
    run = settings(arguments.parameters, arguments.steps, arguments.momentum)
    costs, parameters = predicted(run), run_network(run).parameters
    lines = [
        f"{parameters:,} parameters, momentum {arguments.momentum}, {arguments.steps} steps of batches of {BATCH}:",
        "",
        "| job | memory measured | estimated | asked of a cluster | seconds |",
        "|---|---:|---:|---:|---:|",
    ]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for phase in PHASES:
            command = [sys.executable, "-m", "tools.large", *sys.argv[1:], "--phase", phase, "--in", folder]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout)
            sizes = (found["memory"], costs[phase], ROOM_MEMORY * costs[phase])
            cells = [*map(format_bytes, sizes), f"{found['seconds']:.0f}"]
            lines.append(f"| `{phase}` | {' | '.join(cells)} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.large",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--parameters", type=int, default=PARAMETERS, help="about (%(default)s)")
    parser.add_argument("--steps", type=int, default=STEPS, help="(%(default)s)")
    parser.add_argument(
        "--momentum", type=float, default=0.0, help="a second vector in each state (%(default)s)"
    )
    parser.add_argument("--folder", default=".", help="where there is space for the states (here)")
    parser.add_argument("--phase", choices=PHASES, help="do this alone, and print what it took as JSON")
    parser.add_argument("--in", dest="inside", type=Path, help="the folder of the phase's store")
    arguments = parser.parse_args()
    if arguments.phase:
        run = settings(arguments.parameters, arguments.steps, arguments.momentum)
        print(json.dumps(work(run, arguments.phase, arguments.inside)))
    else:
        print("\n".join(compare(arguments)))


if __name__ == "__main__":
    start_as_job()
    main()
