"""What a job asks a cluster for: memory and time by the estimate, with a margin, and more with every attempt.

Worked out from the sizes of the study's models, data, batches and queries (``meta``, ``nominal``) by a process of its
own, since the one that reads the Snakefile has no torch in it: seconds, once for a study. What was found is kept for as
long as the settings and the code that decide it stay the same: beside the results, where jobs of a cluster, each of
which reads the Snakefile again, find it; and in the user's cache, where plans find it before there are results. Where
no model can be measured, every job asks for the same, and much.

Too much costs time in the queue; too little costs an attempt, and the next one asks for twice as much.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import math
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra_steps.config.choices import TRAINING, chosen_entries
from hydra_steps.config.datasets import dataset_of
from hydra_steps.config.runs import PlainStudy, canonical_json, run_config, run_names, run_settings
from hydra_steps.config.study import Method
from hydra_steps.estimate.rates import Held
from hydra_steps.json_files import read_json_if_whole, write_whole
from hydra_steps.registry import find
from hydra_steps.registry.code import code_digest
from hydra_steps.user_cache import user_cache

if TYPE_CHECKING:
    from hydra_steps.estimate.rates import Calibration

ROOM_SECONDS, ROOM_MEMORY = 4.0, 1.5  # times the estimate
LEAST_MINUTES, LEAST_MEGABYTES = 10, 1000
UNKNOWN_MINUTES, UNKNOWN_MEGABYTES = 480, 8000  # where nothing can be measured
KEPT = ".requests.json"  # beside the results
CACHE = "requests"  # in the user's cache: a file for each digest
PATIENCE = 600.0  # seconds for what takes three; a model that never ends must not stop the plan
APART = ("study", "results", "seeds", "figures", "noise")  # of a study, what decides no request

# Line of the estimate → bytes and seconds of its largest job; bytes that this is sure to hold, what they follow from.
Lines = dict[str, tuple[float, float, float, str]]


class Requests:
    """The requests of a study's jobs, by the estimate's lines (``train_model``, ``score_samples: random``).

    Nothing is read or measured before a job asks, and among the results nothing is written before there are any: a plan
    makes none.
    """

    def __init__(self, study: PlainStudy) -> None:
        self._study = study
        self._path = Path(study["results"]) / study["study"] / KEPT
        self._unwritten: dict[str, Any] | None = None

    def memory(self, line: str, attempt: int = 1) -> int:
        """Return megabytes."""
        largest = self._largest(line)
        if largest is None:
            return UNKNOWN_MEGABYTES * (1 << (attempt - 1))
        needed = ROOM_MEMORY * largest[0] / 1e6
        return math.ceil(max(needed, LEAST_MEGABYTES) * (1 << (attempt - 1)) / 100) * 100

    def minutes(self, *lines: str, attempt: int = 1) -> int:
        """Return minutes, of one job for all of these lines."""
        seconds = 0.0
        for line in lines:
            largest = self._largest(line)
            if largest is None:
                return UNKNOWN_MINUTES * (1 << (attempt - 1))
            seconds += largest[1]
        return math.ceil(LEAST_MINUTES + ROOM_SECONDS * seconds / 60) * (1 << (attempt - 1))

    def held(self, line: str) -> Held:
        """Return what a job is sure to hold in memory at once; nothing where that could not be worked out."""
        largest = self._largest(line)
        return Held() if largest is None else Held(*largest[2:])

    def _largest(self, line: str) -> tuple[float, float, float, str] | None:
        """Return a line's entry; None where nothing could be measured."""
        lines = self._lines
        if self._unwritten is not None and self._path.parent.is_dir():
            _write(self._path, self._unwritten)
            self._unwritten = None
        return None if lines is None else lines.get(line, (0.0, 0.0, 0.0, ""))

    @cached_property
    def _lines(self) -> Lines | None:
        digest = _digest(self._study)
        cached = user_cache(CACHE, f"{digest}.json")
        kept = _read(self._path, digest)
        if kept is None:
            kept = self._unwritten = _read(cached, digest) or _measured_apart(self._study, digest)
            if kept["problem"]:
                print(
                    f"what jobs need cannot be measured here ({kept['problem']}); every job asks for "
                    f"{UNKNOWN_MEGABYTES / 1000:.0f} GB and {UNKNOWN_MINUTES / 60:.0f} h",
                    file=sys.stderr,
                )
            else:
                _write(cached, kept)
        return None if kept["problem"] else {name: tuple(line) for name, line in kept["lines"].items()}


def measured_lines(study: PlainStudy) -> Lines:
    """Return the lines of a study, by its models' sizes; imports torch. Seeds change nothing: one is taken."""
    from hydra_steps.estimate.costs import study_costs

    one = {**study, "seeds": study["seeds"][:1]}
    costs = study_costs(one, nominal_calibrations(study))
    return {cost.rule: (cost.memory, cost.longest, cost.held.bytes, cost.held.words) for cost in costs}


def nominal_calibrations(study: PlainStudy) -> Callable[[str], Calibration]:
    """Return what gives the nominal costs of a run's steps and methods, each kept; it imports torch."""
    from hydra_steps.estimate.meta import run_network
    from hydra_steps.estimate.nominal import nominal

    known: dict[str, Calibration] = {}
    methods = {label: Method.of(plain) for label, plain in study["methods"].items()}

    def calibration_of(run: str) -> Calibration:
        settings, config = run_settings(study, run), run_config(study, run)
        key = canonical_json({name: config[name] for name in ("data", "model", "training", "compute")})
        if key not in known:
            known[key] = nominal(run_network(settings), settings, methods, study["queries"])
        return known[key]

    return calibration_of


def _measured_apart(study: PlainStudy, digest: str) -> dict[str, Any]:
    """Return the ``lines`` of :func:`measured_lines` from a process of its own, or the ``problem`` with them."""
    lines, problem = {}, ""
    try:
        if importlib.util.find_spec("torch") is None:
            raise ValueError("torch is not installed here")
        command = [sys.executable, "-m", "hydra_steps.estimate.requests"]
        done = subprocess.run(
            command, input=json.dumps(study), text=True, capture_output=True, timeout=PATIENCE, check=True
        )
        lines = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        problem = (error.stderr.strip().splitlines() or [f"exit code {error.returncode}"])[-1]
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    return {"digest": digest, "lines": lines, "problem": problem}


def _digest(study: PlainStudy) -> str:
    """Return a digest of the settings and the code that decide the lines, and of whether there is torch."""
    one = {**study, "seeds": study["seeds"][:1]}
    kinds = ("dataset", *TRAINING)
    runs = [run_settings(one, run) for run in run_names(one)]
    chosen = {entry for run in runs for entry in chosen_entries(run, *kinds)}
    data = [repr(dataset_of(run.data)) for run in runs]  # a user's own are described by reading
    settings = {key: value for key, value in study.items() if key not in APART}
    used = {of["method"] for of in study["methods"].values()}
    work = {name: [find("method", name).traits[trait] for trait in ("work", "memory")] for name in used}
    code = code_digest("hydra_steps.estimate.requests", entries=sorted(chosen))
    torch = importlib.util.find_spec("torch") is not None
    return hashlib.sha256(canonical_json([settings, data, work, code, torch]).encode()).hexdigest()


def _read(path: Path, digest: str) -> dict[str, Any] | None:
    """Return what was kept of this digest; None where there is nothing that was kept by this module."""
    kept = read_json_if_whole(path)
    if kept is None:
        return None
    try:
        well = isinstance(kept["problem"], str) and all(len(line) == 4 for line in kept["lines"].values())
    except (TypeError, KeyError, AttributeError):
        return None
    return kept if well and kept.get("digest") == digest else None


def _write(path: Path, kept: dict[str, Any]) -> None:
    """Keep it, whole or not at all; where the folder cannot be written it is measured again the next time."""
    with suppress(OSError):
        write_whole(path, json.dumps(kept, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m hydra_steps.estimate.requests",
        description="Read a study as JSON, and write what the largest job of each rule takes as JSON.",
    )
    parser.parse_args()
    print(json.dumps(measured_lines(json.load(sys.stdin))))


if __name__ == "__main__":
    main()
