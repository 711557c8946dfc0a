"""Does an audit say the truth? Labels are made wrong, nobody tells it which, and its answers are compared with them.

    python -m tools.audit_coverage [--repeats 60] [--first 0] [--data digits cancer wine texts docstrings]

For each kind of data and rate of hidden wrong labels, over many repeats: how often the estimated number's 95 %
interval holds the true one, how far the chances are off (expected calibration error over all samples), by how much the
chosen ranking misses the best one in hindsight (average precision on the hidden labels), and what share of the wrong
labels the suspects hold that one is told to look at. Models are logistic regressions, of texts on bags of words, so
that a repeat takes a second; the statistics are the package's own. Planted labels are drawn anew for each repeat, by
the same rule as the hidden ones. Texts are those of ``examples/own_data/make_data.py``: ``texts`` asks whether one is
from the Python language's reference or a library's docstring, ``docstrings`` from which library, which words tell in
four cases of five only.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from examples.own_data.make_data import write_sentences, write_texts
from hydra_steps.audit.chances import calibration_error, reliability
from hydra_steps.audit.copies import Judged
from hydra_steps.audit.judge import judge
from hydra_steps.audit.suspicion import suspicion

COPIES, PLANTED = 4, 0.05
RATES = (0.02, 0.05, 0.10)
SAMPLES = 1000
WORDS = 400  # the commonest, of texts
PENALTY = 10.0  # texts' bags are larger by this, so that the penalty on weights suits them


def load(name: str, stream: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs [n, d] and labels [n], a random part of the data: one of scikit-learn's data sets, standardised, or
    bags of words."""
    from sklearn import datasets

    loaders: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
        "digits": datasets.load_digits,
        "cancer": datasets.load_breast_cancer,
        "wine": datasets.load_wine,
    }
    if name in loaders:
        inputs, labels = loaders[name](return_X_y=True)
        inputs = (inputs - inputs.mean(axis=0)) / np.maximum(inputs.std(axis=0), 1e-9)
    else:
        inputs, labels = bags(name)
    part = stream.permutation(len(labels))[:SAMPLES]
    return inputs[part], labels[part].astype(np.int64)


@cache
def bags(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the words [n, WORDS] of all ``texts`` or of ``docstrings`` alone, rare ones counting more, and labels."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, write in {"docstrings": write_texts, "sentences": write_sentences}.items():
            write(file := Path(folder) / f"{kind}.jsonl")
            rows[kind] = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    said = rows["docstrings"] + (rows["sentences"] if name == "texts" else [])
    classes = [str("library" in row) if name == "texts" else row["library"] for row in said]
    found = TfidfVectorizer(max_features=WORDS, sublinear_tf=True).fit_transform(
        [row["text"] for row in said]
    )
    return PENALTY * found.toarray(), np.unique(classes, return_inverse=True)[1]


def contributions(inputs: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return what three methods say of each sample [n]: its log-probability, its margin, and its neighbours' labels."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import NearestNeighbors

    model = LogisticRegression(C=0.1, max_iter=300).fit(inputs, labels)
    log_p = model.predict_log_proba(inputs)
    own = log_p[np.arange(len(labels)), labels]
    others = log_p.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    near = NearestNeighbors(n_neighbors=10).fit(inputs).kneighbors(return_distance=False)
    agree = (labels[near] == labels[:, None]).mean(axis=1)
    return {"final_loss": own, "margin": own - others.max(axis=1), "knn_disagreement": agree}


def mistaken(labels: np.ndarray, count: int, stream: np.random.Generator) -> np.ndarray:
    """Return labels [n] of which so many are replaced by another class at random."""
    wrong, touched = labels.copy(), stream.permutation(len(labels))[:count]
    classes = int(labels.max()) + 1
    wrong[touched] = (wrong[touched] + stream.integers(1, classes, count)) % classes
    return wrong


def repeat(name: str, rate: float, seed: int) -> dict[str, float]:
    """Return what one audit said, compared with the truth."""
    from sklearn.metrics import average_precision_score

    stream = np.random.default_rng([seed, round(1e4 * rate)])
    inputs, clean = load(name, stream)
    given = mistaken(clean, round(rate * len(clean)), stream)
    wrong, none = given != clean, np.zeros(len(clean), bool)

    def judged(run: str, labels: np.ndarray) -> Judged:
        planted = labels != given
        found = contributions(inputs, labels)
        return Judged(run, labels, planted, {m: suspicion(c, planted) for m, c in found.items()})

    data = judged("data", given)
    copies = [judged(str(i), mistaken(given, round(PLANTED * len(given)), stream)) for i in range(COPIES)]
    verdict = judge(data, copies, blends=True)
    hindsight = {m: average_precision_score(wrong, -u) for m, u in verdict.trusted.on_data.items()}
    amount = verdict.amount
    assert (data.planted == none).all()
    return {
        "inside": float(amount.low <= wrong.sum() <= amount.high),
        "estimate": amount.value / wrong.sum(),
        "width": (amount.high - amount.low) / wrong.sum(),
        "calibration": calibration_error(reliability(verdict.chance, wrong)),
        "missed": max(hindsight.values()) - hindsight[verdict.trusted.chosen],
        "found": float(wrong[verdict.order[: verdict.look]].sum() / wrong.sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.audit_coverage",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="the first repeat's seed")
    parser.add_argument("--data", nargs="+", default=["digits", "cancer", "wine", "texts"])
    parser.add_argument("--rates", nargs="+", type=float, default=RATES, help="shares of hidden wrong labels")
    asked = parser.parse_args()
    print("| data | hidden | inside | estimate / truth | width / truth | calibration | missed | found |")
    print("|---|---|---|---|---|---|---|---|")
    for name in asked.data:
        for rate in asked.rates:
            rows = [repeat(name, rate, seed) for seed in range(asked.first, asked.first + asked.repeats)]
            means = {key: np.mean([row[key] for row in rows]) for key in rows[0]}
            cells = " | ".join(f"{value:.3f}" for value in means.values())
            print(f"| {name} | {rate:.0%} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
