"""``python -m tools.fuzz results/<study>``: damage, edit, swap or age files of a finished study, one at a time.

Each case ends right where the output is known not to be the study's own (it is then made again), where reading it ends
in one message, or where what is read is what was there before. Wrong are another content, another error, and an end
that does not come. The study's folder itself is left as it is.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from hydra_steps.errors import StudyError
from hydra_steps.plan.verify import wrong_with
from hydra_steps.provenance.fits import misfit
from tools.fuzz.damage import WAYS
from tools.fuzz.reading import data_of, made_from_bank
from tools.fuzz.study import Finished, Target

PATIENCE = 20  # seconds for one case


class Hang(BaseException):
    """A case did not end."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("study", type=Path, help="the folder of a finished tiny study")
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    with TemporaryDirectory() as folder:
        ended, wrong = fuzz(Finished(asked.study, Path(folder, "study")), asked.cases, asked.seed)
    print("\n".join([*wrong, *(f"{count:6,}  {how}" for how, count in sorted(ended.items()))]))
    sys.exit(1 if wrong else 0)


def fuzz(study: Finished, cases: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Return how often each end came, and a line for each case that ended wrong."""
    draw = random.Random(seed)
    study.read()
    ended: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(cases):
        target, way = draw.choice(study.targets), draw.randrange(len(WAYS))
        with study.damaged(target, way, draw), patience():
            how = end(study, target)
        ended[how.split(":")[0]] += 1
        if how not in RIGHT:
            wrong.append(f"case {number} of seed {seed}: {WAYS[way].__name__} {target.file}: {how}")
    return ended, wrong


RIGHT = {MADE_AGAIN := "made again", ONE_MESSAGE := "one message", SAME := "the same content"}


def end(study: Finished, target: Target) -> str:
    """Return how a case ends."""
    try:
        if target.banked:
            before = study.made(target.output)
            return SAME if made_from_bank(target.output) == before else "other content from a kept training"
        made_by = study.outputs[target.output]
        planned, verified = misfit(target.output, made_by), wrong_with(target.output, made_by)
        try:
            same = study.data[target.output] == data_of(target.output)
        except StudyError as error:
            if not planned and not verified and "timing.json" not in str(error):
                return f"refused, though verified as whole: {error}"
            return (
                MADE_AGAIN if planned else ONE_MESSAGE if "\n" not in str(error) else f"many lines: {error}"
            )
        if planned:
            return MADE_AGAIN
        return SAME if same else "wrongly accepted"
    except Hang:
        return "hang"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@contextmanager
def patience() -> Iterator[None]:
    """Raise :class:`Hang` in what takes too long."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


if __name__ == "__main__":
    main()
