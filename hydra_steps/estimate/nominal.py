"""What a study's steps and methods cost on a machine that is described by five numbers; nothing is run.

A training step costs, with b samples and the sizes of the network (counted by ``meta``),

    launch · operations  +  2 · b · multiplications / flops  +  bytes moved / bandwidth

(what an operation writes is read once; every number of the state is moved three times). The methods cost multiples
of steps and of single samples' gradients, as their documentation says. None of these numbers is fitted to
measurements: they are guesses of the right size, for what a cluster's jobs ask for (``requests``), where nothing can
be measured, and for what ``calibration`` has no time to measure. Imports no torch.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra_steps.config.datasets import dataset_of
from hydra_steps.config.sections import Optimizer, RunSettings
from hydra_steps.config.split_sizes import sizes_of
from hydra_steps.config.study import Method
from hydra_steps.estimate.rates import Calibration, Held, MethodCost, Network
from hydra_steps.queries.expansion import expand
from hydra_steps.registry import find
from hydra_steps.registry.expressions import evaluate


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

    def slower(self, times: float) -> Machine:
        """Return a machine on which every step takes so many times as long."""
        flops, bandwidth = self.flops / times, self.bandwidth / times
        return replace(self, flops=flops, bandwidth=bandwidth, launch=self.launch * times)


# One core of a processor of some years ago, estimated.
MOST_TANGENTS = 2 * 10**9  # bytes in one pass, as hydra_steps.process.room has it
CORE = Machine("one processor core", flops=3.0e10, bandwidth=4.0e9, launch=1.2e-5)
# 40 % of the peak of an NVIDIA A100 (312 TFLOP/s bfloat16, 2.0 TB/s, 80 GB): what well-kept training codes report.
A100 = Machine("one A100", flops=1.25e14, bandwidth=1.2e12, launch=1.0e-5, startup=30.0, memory=3.0e9)

TRIAL = (
    9  # vectors of all parameters in float64 that are held at once while a model is tried before its training
)
EVALUATIONS, SPLIT = 128, 1000  # samples of an evaluated chunk; of a typical query's split

# What a reader knows of the sizes that a method's memory follows from.
WORDS = {"q": "queries", "n": "training samples", "e": "epochs", "p": "parameters"}

PARTS = ("steps", "steps_per_query", "gradients", "gradients_per_query")
# Of a method that does not say what it costs: much rather than little.
OTHER = {"steps": "5", "steps_per_query": "2", "gradients": "50", "gradients_per_query": "50"}


def method_cost(
    method: Method, step: float, *, batch: int, samples: int, epochs: int, queries: int
) -> MethodCost:
    """Return the nominal cost of a method whose training has steps of ``step`` seconds, by the work that it
    declares.
    """
    entry = find("method", method.method)
    work = entry.traits["work"] or OTHER
    names = {**method.options, "n": samples, "e": epochs}
    steps, per_query, gradients, gradients_per_query = (
        float(evaluate(work.get(part, "0"), names)) for part in PARTS
    )
    return MethodCost(
        fixed=SPLIT * step / batch,
        per_step=(steps + per_query * queries) * step,
        per_sample=(gradients + gradients_per_query * queries) * step / batch,
        source="nominal",
    )


def method_memory(method: Method, sizes: Mapping[str, int], width: int) -> Held:
    """Return what a method is sure to hold, by what it declares.

    ``sizes``: the numbers of its expression beside the options, by their letters; ``width`` bytes of a number.
    """
    entry, chosen = find("method", method.method), method.options
    expression = entry.traits["memory"]
    numbers = float(evaluate(expression, {**chosen, **sizes}))
    used = {node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name)}
    told = [f"{name} {json.dumps(chosen[name])}" for name in entry.options if name in used]
    told += [f"{sizes[letter]:,} {word}" for letter, word in WORDS.items() if letter in used]
    return Held(numbers * width, ", ".join(told))


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


def slots_of(optimizer: Optimizer) -> int:
    """Return the number of the optimizer's vectors beside the parameters.

    >>> slots_of(Optimizer.of({"name": "sgd", "momentum": 0.9}))
    1
    """
    return int(evaluate(find("optimizer", optimizer.name).traits["slots"], optimizer.options))


def width_of(run: RunSettings) -> int:
    """Return the bytes of a number of a run."""
    return 8 if run.compute.dtype == "float64" else 4


def nominal(
    net: Network,
    run: RunSettings,
    methods: Mapping[str, Method],
    queries: Sequence[Mapping[str, Any]],
    machine: Machine = CORE,
) -> Calibration:
    """Return what ``calibration.calibrate`` would measure on ``machine`` for a run's configuration, whose model has
    the sizes ``net``.
    """
    training, sizes = run.training, sizes_of(run.data)
    classes = len(dataset_of(run.data).outputs)
    return nominal_costs(
        net,
        methods,
        machine,
        batch=training.batch_size,
        slots=slots_of(training.optimizer) + (training.average is not None),
        samples=sizes["train"],
        epochs=training.epochs,
        queries=len(expand(queries, classes, sizes)),
        width=width_of(run),
    )


def nominal_costs(
    net: Network,
    methods: Mapping[str, Method],
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
    step, held = step_seconds(net, batch, slots, machine) * width / 4, min(batch, at_once or batch)
    saved = net.saved * held * width / 4
    # One step: its activations and some of their gradients; parameters, slots, gradient and their successors.
    vectors = max(6, 4 * (1 + slots))
    training_memory = machine.memory + 1.5 * saved + width * vectors * net.parameters
    # One sweep: a tangent or cotangent beside each activation, for the queries that are taken at once.
    tangents = min(2 * saved * min(queries, 8), max(2 * saved, MOST_TANGENTS))
    scoring_memory = training_memory + tangents
    sizes = {"batch": batch, "samples": samples, "epochs": epochs, "queries": queries}
    costs = {label: method_cost(method, step, **sizes) for label, method in methods.items()}
    letters = {"p": net.parameters, "s": slots, "k": net.factors, "q": queries, "n": samples, "e": epochs}
    holds = {label: method_memory(method, letters, width) for label, method in methods.items()}
    return Calibration(
        parameters=net.parameters,
        slots=slots,
        buffers=net.buffers,
        seconds_per_step=step,
        seconds_per_evaluated_sample=evaluation_seconds(net, machine) * width / 4,
        methods=costs,
        startup=machine.startup,
        training_memory=int(training_memory),
        trial_memory=int(machine.memory + 8 * TRIAL * net.parameters),
        scoring_memory=int(scoring_memory),
        source="nominal",
        held=holds,
    )
