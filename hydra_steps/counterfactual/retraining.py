"""Re-training without groups of samples: the ground truth that scores are compared with.

    f_q(s_T(w)),  w_n = 0 for the samples of a group and 1 for all others

The same Φ, seed, batch order, noise and learning rates as the run itself: only the weights differ, so two
outcomes differ by the removal and by nothing else; small models are trained several at once, in the same arithmetic
up to round-off. One job does a batch of groups and pays for its start
once; every finished re-training is kept in a bank, so that a killed job continues and nothing is done
twice.

What "removed" means: a sample of weight 0 has no part in the loss. The batch keeps its size |B|, by which the loss is
divided, and with batch norm the sample still enters the batch's statistics, which all others are normalised with,
unless ``training.batch_norm_statistics`` is ``weighted``: then they are those of the samples that are left, as if it
had never been there. HyDRA's derivatives are those of the same choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hydra_steps.config.designs import needs_scores
from hydra_steps.counterfactual.bank import Bank, circumstances
from hydra_steps.counterfactual.designs import check_classes, draw_groups
from hydra_steps.counterfactual.draws import Draw, draws_of
from hydra_steps.counterfactual.outcomes import write_outcomes
from hydra_steps.counterfactual.retrainer import Outcome, Retrainer
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.progress import Progress
from hydra_steps.scoring.store import read_scores
from hydra_steps.trajectory.trajectory import open_run


def retrain_without(
    *,
    trajectory: str | Path,
    splits: str | Path,
    labels: str | Path,
    queries: Sequence[Mapping[str, Any]],
    name: str,
    design: Mapping[str, Any],
    first: int,
    count: int,
    output: str | Path,
    scores: str | Path | None = None,
    bank: str | Path | None = None,
    repeats: int = 0,
) -> None:
    """Re-train without the groups ``first`` … ``first + count − 1`` of a design and store the outcomes.

    ``queries`` is the study's section of that name and ``design`` the design ``name``
    (:mod:`hydra_steps.counterfactual.designs`; its own ``groups`` is not read); ``scores`` is the
    score folder of the method that the design names. ``output`` becomes a folder of
    :mod:`hydra_steps.counterfactual.outcomes`; ``bank`` keeps finished re-trainings, by default in ``.bank``
    beside the design's folder. ``repeats``: how often all of it is done again from initial parameters that are moved
    by a hair, for the truth's reliability; a design with ``seeds`` is done from so many fresh seeds instead
    (:mod:`hydra_steps.counterfactual.draws`). Cost: ``count`` trainings for each draw, less those in the bank, and in
    the run itself less the steps before a group's first sample comes up. Raises :class:`StudyError` for a group that
    empties a class.
    """
    base, data = open_run(trajectory, splits, labels)
    spec = {**design, "groups": first + count}
    contribution = read_contribution(scores, spec) if scores is not None and needs_scores(spec) else None
    groups = draw_groups(name, spec, base.process.samples, base.process.seed, contribution)[first:]
    check_classes(name, groups, data.train.targets, data.classes)

    query_set = QuerySet(expand_queries(queries, data), data, base.process)
    retrainer = Retrainer(base, query_set, data.test.inputs, data.test.targets)
    kept = Bank(
        bank or Path(output).parents[1] / ".bank",
        {"trajectory": base.digest, "queries": list(queries)} | circumstances(__name__, base.process),
    )
    draws = draws_of(
        base, repeats, int(spec.get("seeds") or 0), spec.get("window"), subset=spec.get("by") == "subset"
    )
    made = [_draw(draw, retrainer, kept, groups, f"re-training without {name}") for draw in draws]
    values, bases = np.stack([one.values for one in made]), np.stack([one.base.value for one in made])
    truth = made if spec.get("seeds") else made[:1]
    write_outcomes(
        output,
        queries=query_set.queries,
        group=range(first, first + count),
        removed=groups,
        value=values[: len(truth)].mean(0),
        base_value=bases[: len(truth)].mean(0),
        test_metric=np.mean([[o.test_metric for o in one.outcomes] for one in truth], 0),
        final_loss=np.mean([[o.final_loss for o in one.outcomes] for one in truth], 0),
        draws=values,
        base_draws=bases,
        attributes={
            "design": name,
            "kind": spec["kind"],
            "fraction": spec.get("fraction", 1 / base.process.samples),
            "spec": {key: value for key, value in spec.items() if key != "groups"},
            "base_test_metric": float(np.mean([one.base.test_metric for one in truth])),
            "data_digest": data.digest,
            "trajectory_digest": base.digest,
        },
    )


class _Drawn(NamedTuple):
    """What one draw gave: the outcome of its training with all samples, and those without each group."""

    base: Outcome
    outcomes: list[Outcome]

    @property
    def values(self) -> np.ndarray:
        """[r, q]"""
        return np.array([outcome.value for outcome in self.outcomes])


def _draw(draw: Draw, run: Retrainer, kept: Bank, groups: Sequence[np.ndarray], doing: str) -> _Drawn:
    run = run.of(draw)
    if not draw.name:
        return _Drawn(run.measured(run.base.final_state), _outcomes(run, kept, draw, groups, doing))
    # Its training with all samples is one without nobody: what the bank has is not trained again.
    made = _outcomes(run, kept, draw, [np.array([], np.int64), *groups], f"{doing}, {draw.name}")
    return _Drawn(made[0], made[1:])


def _outcomes(
    retrainer: Retrainer, kept: Bank, draw: Draw, groups: Sequence[np.ndarray], doing: str
) -> list[Outcome]:
    """The outcomes of ``groups``, from the bank or made now, as many at once as is fastest."""
    entries = [kept.read(draw.change(group)) for group in groups]
    missing = [position for position, entry in enumerate(entries) if entry is None]
    size = retrainer.at_once
    with Progress(total=len(groups), initial=len(groups) - len(missing), desc=doing, unit="group") as bar:
        for first in range(0, len(missing), size):
            part = missing[first : first + size]
            removed = [groups[position] for position in part]
            made = retrainer.outcomes(removed) if size > 1 else [retrainer.outcome(removed[0])]
            for position, outcome in zip(part, made, strict=True):
                entries[position] = outcome.as_json()
                kept.write(draw.change(groups[position]), outcome.as_json())
            bar.update(len(part))
    return [Outcome.from_json(entry) for entry in entries if entry is not None]


def read_contribution(scores: str | Path, spec: Mapping[str, Any]) -> np.ndarray:
    """Return the contributions [n] to ``spec["query"]`` from a score folder."""
    return read_scores(scores).of_query(spec["query"])
