"""What a re-training costs beside an ordinary training loop, in processor seconds; not a test.

    python -m tools.throughput results/<study>/runs/<run> [--groups 20] [--workers 2] [--turns 3]

Plain: ``torch.optim`` on PyTorch's own layers, the run's batches and rates, one thread, no record, no measurement, as
in the timing study; in the same process where its processor time is compared, in a process of its own where wall time
is: once as it is, once keeping freed memory as our jobs do (their environment, hydra_steps.jobs).
Re-training: the step, and what it ends with (all queries, test accuracy). Together: the same for each of several at
once, which jobs do where it is faster. Job: a whole process that re-trains so many
groups, its start included. Both are measured in turns, so that a busy machine slows both down. Workers: so many jobs at
once in wall time, against so many plain processes at once, whose own start does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np
import torch

from hydra_steps.benchmark.plain import plain_module
from hydra_steps.counterfactual.outcomes import read_outcomes
from hydra_steps.counterfactual.retrainer import Retrainer
from hydra_steps.job_environment import ENVIRONMENT, start_as_job
from hydra_steps.models.build import build_model
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run, weights_without
from hydra_steps.process.together import ON_PROCESSOR
from hydra_steps.trajectory.trajectory import Trajectory, open_run

QUERIES = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "mean_loss", "split": "validation"},
    {"kind": "sample_loss", "split": "test", "count": 4},
]
JOB = """
import json, sys
from hydra_steps.counterfactual.retraining import retrain_without
retrain_without(**json.loads(sys.argv[1]))
"""


def plain(base: Trajectory) -> None:
    """One training as anyone would write it."""
    process = base.process
    optimized, model = process.settings.training.optimizer, process.settings.model
    assert optimized.name == "sgd"
    names = ("momentum", "dampening", "nesterov", "weight_decay")
    shape, classes = process.inputs.shape[1:], int(process.targets.max()) + 1
    size = (shape[0], shape[1], shape[2])
    module = plain_module(build_model(model.name, size, classes, model.options, process.seed)).train()
    optimizer = torch.optim.SGD(
        module.parameters(), base.rates[0], **{name: optimized.options[name] for name in names}
    )
    for step in range(process.steps):
        index = torch.from_numpy(process.table[step][process.table[step] >= 0].astype(np.int64))
        for group in optimizer.param_groups:
            group["lr"] = base.rates[step]
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(process.inputs[index]), process.targets[index])
        loss.backward()
        optimizer.step()


def seconds(function, *arguments) -> float:
    began = time.process_time()
    function(*arguments)
    return time.process_time() - began


def at_once(workers: int, run: Path, groups: int, told: str, turns: int) -> None:
    """Print the wall time of jobs at once over that of as many plain trainings at once, taken in turns; median, least
    and most over the turns.
    """
    single = [sys.executable, "-m", "tools.throughput", str(run), "--plain", str(groups)]
    ratios: dict[str, list[float]] = defaultdict(list)
    for turn in range(turns):
        alone = {}
        for how, more in (("plain trainings", {}), ("plain trainings that keep freed memory", ENVIRONMENT)):
            started = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT} | more
            plains = [
                subprocess.Popen(single, stdout=subprocess.PIPE, text=True, env=started)
                for _ in range(workers)
            ]
            alone[how] = max(float(process.communicate()[0]) for process in plains)
        began = time.perf_counter()
        jobs = [
            subprocess.Popen([sys.executable, "-c", JOB, told % (turn, worker)], stderr=subprocess.DEVNULL)
            for worker in range(workers)
        ]
        assert all(job.wait() == 0 for job in jobs)
        taken = time.perf_counter() - began
        print(
            f"turn {turn}: {taken:.1f} s, plain", *(f"{value:.1f} s" for value in alone.values()), flush=True
        )
        for how, seconds_alone in alone.items():
            ratios[how].append(taken / seconds_alone)
    for how, found in ratios.items():
        print(
            f"{workers} jobs of {groups} at once: {statistics.median(found):.3f} ({min(found):.3f}–{max(found):.3f}) "
            f"of as many {how} at once, {turns} turns"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--groups", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--turns", type=int, default=3, help="how often the workers' wall time is taken")
    parser.add_argument(
        "--plain", type=int, help="print the seconds of so many plain trainings, and nothing else"
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if not asked.plain:
        start_as_job()
    files = {"trajectory": asked.run / "trajectory", "splits": asked.run / "splits.csv"}
    files["labels"] = asked.run / "labels.csv"
    base, data = open_run(**files)
    if asked.plain:
        began = time.perf_counter()
        for _ in range(asked.plain):
            plain(base)
        print(time.perf_counter() - began)
        return
    queries = QuerySet(expand_queries(QUERIES, data), data, base.process)
    retrainer = Retrainer(base, queries, data.test.inputs, data.test.targets)
    group = np.arange(0, base.process.samples, 50)
    weights = weights_without(base.process, torch.from_numpy(group))
    once_more = partial(run, base.process, base.load(0), base.rates, weights=weights)
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(asked.repeats):
        taken["plain"].append(seconds(plain, base))
        taken["steps"].append(seconds(once_more))
        taken["re-training"].append(seconds(retrainer.outcome, group))
        several = [group] * ON_PROCESSOR
        taken[f"{ON_PROCESSOR} together, each"].append(seconds(retrainer.outcomes, several) / ON_PROCESSOR)
    once = statistics.median(taken["plain"])
    with tempfile.TemporaryDirectory() as folder:
        arguments = {name: str(path) for name, path in files.items()}
        design = {"kind": "random_groups", "fraction": 0.02}
        arguments |= {
            "queries": QUERIES,
            "name": "d",
            "design": design,
            "output": f"{folder}/a/b/0",
        }
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = json.dumps(arguments | {"first": 0, "count": asked.groups})
        subprocess.run([sys.executable, "-c", JOB, told], check=True, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert len(read_outcomes(f"{folder}/a/b/0").value) == asked.groups
        if asked.workers > 1:
            others = arguments | {"output": f"{folder}/b%d-%d/b/0", "first": 0, "count": asked.groups}
            at_once(asked.workers, asked.run, asked.groups, json.dumps(others), asked.turns)
    job = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    for name, values in taken.items():
        print(f"{name}: {statistics.median(values):.3f} s ({statistics.median(values) / once:.3f} of plain)")
    print(
        f"job of {asked.groups}: {job:.1f} s, {job / asked.groups / once:.3f} of plain for each re-training"
    )


if __name__ == "__main__":
    main()
