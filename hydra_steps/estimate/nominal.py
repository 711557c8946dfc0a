"""What a study's steps and methods cost on a machine that is described by five numbers; nothing is run.

A training step costs, with b samples and the sizes of the network (counted by ``meta``),

    launch · operations  +  2 · b · multiplications / flops  +  bytes moved / bandwidth

(what an operation writes is read once; every number of the state is moved three times). The methods cost multiples
of steps and of single samples' gradients, as their documentation says. None of these numbers is fitted to
measurements: they are guesses of the right size, for what a cluster's jobs ask for (``requests``), where nothing can
be measured, and for what ``calibration`` has no time to measure. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra_steps.data.registry import dataset
from hydra_steps.data.splits import sizes_of
from hydra_steps.estimate.rates import Calibration, MethodCost, Network
from hydra_steps.queries.expansion import expand


@dataclass(frozen=True)
class Machine:
    """``flops`` and ``bandwidth`` (bytes) per second that a step really gets, ``launch`` seconds per
    operation, ``startup`` seconds and ``memory`` bytes of a job before it computes.
    """

    name: str
    flops: float
    bandwidth: float
    launch: float
    startup: float = 3.0
    memory: float = 4.5e8


# One core of a processor of some years ago, estimated.
CORE = Machine("one processor core", flops=3.0e10, bandwidth=4.0e9, launch=1.2e-5)
# 40 % of the peak of an NVIDIA A100 (312 TFLOP/s bfloat16, 2.0 TB/s, 80 GB): what well-kept training codes report.
A100 = Machine("one A100", flops=1.25e14, bandwidth=1.2e12, launch=1.0e-5, startup=30.0, memory=3.0e9)

EVALUATIONS, SPLIT = 128, 1000  # samples of an evaluated chunk; of a typical query's split

# (steps per step, steps per step and query, gradients per sample, gradients per sample and query)
Work = tuple[float, float, float, float]
METHODS: dict[str, Callable[[Mapping[str, Any], int, int], Work]] = {
    # As the timing study measured LeNet-5's (results/reference/benchmark), with some room.
    "hydra_exact": lambda o, n, e: (0.2, 1.8, 0.0, 0.0),
    "hydra_gauss_newton": lambda o, n, e: (0.2, 1.4, 0.0, 0.0),
    "hydra_hessian_free": lambda o, n, e: (0.7, 0.1, 0.0, 0.0),
    "hydra_averaged": lambda o, n, e: (4.0 * o.get("runs", 8), 2.0 * o.get("runs", 8), 0.0, 0.0),
    "hydra_forward": lambda o, n, e: (1.0 + 2.5 * _tracked(o, n), 0.0, 0.0, 0.0),
    "influence_cg": lambda o, n, e: (0.0, 0.0, 2.0, 2.0 * o.get("iterations", 50)),
    "influence_lissa": lambda o, n, e: (0.0, 0.0, 2.0, 2.0 * _lissa(o) / n),
    "influence_arnoldi": lambda o, n, e: (0.0, 0.0, 3.0 * o.get("dimensions", 100), 1.0),
    "influence_ekfac": lambda o, n, e: (0.0, 0.0, 25.0, 1.0),
    "relatif": lambda o, n, e: (0.0, 0.0, 40.0, 1.0),
    "gradient_product": lambda o, n, e: (0.0, 0.0, 2.0, 1.0),
    "gradient_cosine": lambda o, n, e: (0.0, 0.0, 3.0, 1.0),
    "tracin": lambda o, n, e: (0.0, 0.0, 2.0 * e, 1.0 * e),
    "trak": lambda o, n, e: (0.0, 0.0, 10.0 * o.get("checkpoints", 5), 1.0),
    "data_value_embedding": lambda o, n, e: (10.0, 0.1, 0.0, 0.0),
    "confident_learning": lambda o, n, e: (1.1 * o.get("folds", 5), 0.0, 1.0, 0.0),
    "datalab": lambda o, n, e: (0.0, 0.0, 5.0, 0.0),
    "knn_disagreement": lambda o, n, e: (0.0, 0.0, 2.0, 0.0),
    "area_under_margin": lambda o, n, e: (0.0, 0.0, 1.0 * e, 0.0),
    "forgetting": lambda o, n, e: (0.0, 0.0, 1.0 * e, 0.0),
    "el2n": lambda o, n, e: (0.0, 0.0, 1.0, 0.0),
    "final_loss": lambda o, n, e: (0.0, 0.0, 1.0, 0.0),
    "margin": lambda o, n, e: (0.0, 0.0, 1.0, 0.0),
    "random": lambda o, n, e: (0.0, 0.0, 0.01, 0.0),
}
OTHER: Work = (5.0, 2.0, 50.0, 50.0)  # a method of a user's own: much rather than little


def _tracked(options: Mapping[str, Any], samples: int) -> int:
    listed = options.get("samples")
    return max(1, round(options.get("fraction", 0.01) * samples)) if listed is None else len(listed)


def _lissa(options: Mapping[str, Any]) -> float:
    return float(options.get("iterations", 1000) * options.get("repeats", 3) * options.get("batch", 1024))


def step_seconds(net: Network, batch: int, slots: int, machine: Machine) -> float:
    """Return the seconds of one training step of ``batch`` samples."""
    moved = 4.0 * (2 * net.step.written * batch + 3 * (2 + slots) * net.parameters)
    return (
        machine.launch * net.step.operations
        + 2.0 * batch * net.step.multiplications / machine.flops
        + moved / machine.bandwidth
    )


def evaluation_seconds(net: Network, machine: Machine) -> float:
    """Return the seconds of evaluating one sample, among many."""
    moved = 4.0 * (2 * net.forward.written + net.parameters / EVALUATIONS)
    launch = machine.launch * net.forward.operations / EVALUATIONS
    return launch + 2.0 * net.forward.multiplications / machine.flops + moved / machine.bandwidth


def slots_of(optimizer: Mapping[str, Any]) -> int:
    """Return the number of the optimizer's vectors beside the parameters."""
    if optimizer["name"] == "sgd":
        return 1 if optimizer.get("momentum") else 0
    return 2


def nominal(
    net: Network,
    run: Mapping[str, Any],
    methods: Mapping[str, Mapping[str, Any]],
    queries: Sequence[Mapping[str, Any]],
    machine: Machine = CORE,
) -> Calibration:
    """Return what ``calibration.calibrate`` would measure on ``machine`` for a run's configuration, whose model has
    the sizes ``net``.
    """
    data, training = run["data"], run["training"]
    sizes = sizes_of(data)
    classes = len(dataset(data["name"]).classes)
    return nominal_costs(
        net,
        methods,
        machine,
        batch=int(training["batch_size"]),
        slots=slots_of(training["optimizer"]),
        samples=sizes["train"],
        epochs=int(training["epochs"]),
        queries=len(expand(queries, classes, sizes)),
        width=8 if run["compute"].get("dtype") == "float64" else 4,
    )


def nominal_costs(
    net: Network,
    methods: Mapping[str, Mapping[str, Any]],
    machine: Machine,
    *,
    batch: int,
    slots: int,
    samples: int,
    epochs: int,
    queries: int,
    width: int = 4,
    at_once: int | None = None,
) -> Calibration:
    """Return the costs of a network's steps and methods.

    ``width`` bytes of a number; ``at_once`` samples whose activations are held together, where a step adds up the
    gradients of parts of its batch.
    """
    step, held = step_seconds(net, batch, slots, machine), min(batch, at_once or batch)
    saved = net.saved * held * width / 4
    # One step: its activations and some of their gradients; parameters, slots, gradient and their successors.
    training_memory = machine.memory + 1.5 * saved + width * 4 * (1 + slots) * net.parameters
    # One sweep: a tangent or cotangent beside each activation, for the queries that are taken at once.
    scoring_memory = training_memory + 2 * saved * min(queries, 8)
    costs = {}
    for label, options in methods.items():
        of_method = METHODS.get(options["method"], lambda o, n, e: OTHER)
        steps, steps_each, passes, passes_each = of_method(options, samples, epochs)
        per_sample = (passes + passes_each * queries) * step / batch
        costs[label] = MethodCost(SPLIT * step / batch, (steps + steps_each * queries) * step, per_sample)
    return Calibration(
        parameters=net.parameters,
        slots=slots,
        buffers=net.buffers,
        seconds_per_step=step * width / 4,
        seconds_per_evaluated_sample=evaluation_seconds(net, machine) * width / 4,
        methods=costs,
        startup=machine.startup,
        training_memory=int(training_memory),
        scoring_memory=int(scoring_memory),
    )
