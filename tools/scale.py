"""``python -m tools.scale``: what studies would cost that nobody can start on a workstation.

ResNet-50 on ImageNet and a language model of a billion parameters, on one A100, under each ``keep`` policy: the same
costs that plan real studies (``run_costs``), for steps worked out from the networks' sizes (``nominal``), which are
counted on PyTorch's meta device. With ``--check`` those are compared with trainings that run here (``scale_check``).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra_steps.config.study import Method
from hydra_steps.errors import reported
from hydra_steps.estimate.__main__ import duration
from hydra_steps.estimate.nominal import A100, Machine, nominal_costs
from hydra_steps.estimate.run_costs import RunCosts, RunSize
from hydra_steps.trajectory.keep import format_bytes
from tools.networks import size_of

METHODS = {
    "exact": Method.of({"method": "hydra_exact"}),
    "hessian-free": Method.of({"method": "hydra_hessian_free"}),
}
POLICIES: dict[str, str | dict[str, Any]] = {
    "all": "all",
    "every: 100": {"every": 100},
    "sqrt": "sqrt",
    "budget: 1TB": {"budget": "1TB"},
}
GROUPS = 40  # re-trainings for a linear datamodeling score, each a job


@dataclass(frozen=True)
class Workload:
    """A training that is published in these sizes; ``at_once`` samples of a batch fit a device together."""

    title: str
    model: str
    samples: Mapping[str, int]
    epochs: int
    batch: int
    slots: int
    at_once: int
    sample_bytes: float


WORKLOADS = (
    Workload(
        "ResNet-50, ImageNet (1,281,167 images, 90 epochs of batches of 256, SGD with momentum)",
        "resnet50",
        {"train": 1_281_167, "validation": 25_000, "test": 25_000},
        epochs=90,
        batch=256,
        slots=1,
        at_once=64,
        sample_bytes=110e3,  # as JPEG
    ),
    Workload(
        "A decoder of 1.0 billion parameters (20 billion tokens in sequences of 2,048, batches of 512, Adam)",
        "decoder",
        {"train": 9_765_625, "validation": 1000, "test": 1000},
        epochs=1,
        batch=512,
        slots=2,
        at_once=1,
        sample_bytes=4096.0,
    ),
)


def costs_of(
    work: Workload, keep: str | dict[str, Any], queries: int = 1, machine: Machine = A100
) -> RunCosts:
    """Return the costs of one run of a workload under a ``keep`` policy; the samples stay on the disk."""
    asked = queries * work.samples["test"]
    size = RunSize(work.samples, work.epochs, work.batch, queries, asked, "float32", keep, 0.0)
    measured = nominal_costs(
        size_of(work.model),
        METHODS,
        machine,
        batch=work.batch,
        slots=work.slots,
        samples=work.samples["train"],
        epochs=work.epochs,
        queries=queries,
        at_once=work.at_once,
    )
    return RunCosts(size, measured)


def table(work: Workload, machine: Machine = A100) -> list[str]:
    """Return a workload's table in Markdown."""
    train = costs_of(work, "sqrt", machine=machine)
    state = format_bytes(train.state)
    steps = f"{train.size.steps:,}"
    raw = format_bytes(work.sample_bytes * work.samples["train"])
    once = train.trainings(1, 0.0)
    lines = [
        f"**{work.title}**: {steps} steps, {state} a state, {raw} of data; one training {duration(once[0])} and "
        f"{format_bytes(once[2])} on {machine.name}.",
        "",
        "| `keep` | states | storage | exact, one query | memory | Hessian-free, one query | exact, 100 queries |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, keep in POLICIES.items():
        one, hundred = costs_of(work, keep, machine=machine), costs_of(work, keep, 100, machine)
        seconds, _, memory = one.score("exact")
        cells = [
            f"{len(one.shape.checkpoints):,}",
            format_bytes(one.shape.bytes),
            duration(seconds),
            format_bytes(memory),
            duration(one.score("hessian-free")[0]),
            duration(hundred.score("exact")[0]),
        ]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    together = duration(GROUPS * once[0])
    return [
        *lines,
        "",
        f"A study of one run with {GROUPS} re-trainings is {3 + GROUPS} jobs, {together} of re-training in all.",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--check", action="store_true", help="also compare predictions with trainings that run here (minutes)"
    )
    arguments = parser.parse_args()
    with reported():
        for work in WORKLOADS:
            print("\n".join(table(work)), end="\n\n")
        if arguments.check:
            from tools.scale_check import check

            print("\n".join(check()))


if __name__ == "__main__":
    main()
