"""Made-up tables of what every study measures: training, noise, and how good the scores are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.helpers.made_tables import LEADING, WITH_UNIT, Writing


class ScoreTables(Writing):
    """Training, label noise, and the scores against exact HyDRA, wrong labels, and re-training."""

    def training(self) -> Path:
        rows = []
        for about in self._runs():
            for epoch in range(21):
                fade = np.exp(-epoch / 4) + 0.02 * self.random.normal()
                for metric, value in {
                    "train_loss": 0.7 + 1.6 * fade,
                    "validation_loss": 0.5 + 1.75 * fade + 0.004 * epoch,
                    "test_loss": 0.52 + 1.72 * fade + 0.004 * epoch,
                    "train_accuracy": 0.8 - 0.7 * fade,
                    "validation_accuracy": 0.95 - 0.84 * fade,
                    "test_accuracy": 0.94 - 0.83 * fade,
                }.items():
                    rows.append(about | {"metric": metric, "epoch": epoch, "n": 1000, "value": value})
        return self._write("training", rows, ["epoch"])

    def noise(self, classes: int = 10, rate: float = 0.2) -> Path:
        rows = []
        for about in self._runs():
            for clean in range(classes):
                shares = np.full(classes, rate / (classes - 1))
                shares[clean] = 1 - rate
                counts = self.random.multinomial(100, shares)
                for label, count in enumerate(counts):
                    cell = {"clean_label": clean, "label": label, "metric": "transition", "n": 100}
                    rows.append(about | cell | {"value": count / 100})
            rows.append(about | {"metric": "rate", "n": 100 * classes, "value": rate})
        return self._write("noise", rows, ["clean_label", "label"])

    def agreement(self) -> Path:
        rows = []
        for about in self._runs():
            for method in self.methods:
                if method == "hydra_exact":
                    continue
                for query in self.asked:
                    rho = np.clip(self.quality[method][0] + 0.05 * self.random.normal(), -1, 1)
                    metrics = {"spearman": rho}
                    if method in WITH_UNIT:
                        metrics["sign_disagreement"] = 0.5 * (1 - rho) + 0.01
                        metrics["relative_error"] = (1.05 - rho) * (3 if method == "gradient_product" else 1)
                    for metric, value in metrics.items():
                        key = {"method": method, "query": query, "metric": metric}
                        rows.append(about | key | {"n": 1000, "value": value})
        return self._write("agreement", rows, [])

    def detection(self, inspect=(0.05, 0.1, 0.2, 0.3, 0.5), noisy: float = 0.2) -> Path:
        rows = []
        for about in self._runs():
            for method in self.methods:
                for query in ("validation_mean", "test_mean"):
                    area = self.quality[method][2] + 0.01 * self.random.normal()
                    key = {"method": method, "query": query, "n": 1000}
                    ap = noisy + (1 - noisy) * max(2 * area - 1, 0) ** 1.5
                    for metric, value in {"auroc": area, "average_precision": ap}.items():
                        rows.append(about | key | self._ci(metric, value, 0.02))
                    for share in inspect:
                        found = share + (min(share / noisy, 1) - share) * max(2 * area - 1, 0)
                        rows.append(
                            about | key | {"fraction": share} | self._ci("found_in_inspected", found, 0.03)
                        )
        return self._write("detection", rows, ["fraction"])

    def counterfactual(self) -> Path:
        rows = []
        for about in self._runs():
            for method in self.methods:
                for query in (*self.asked, *(["mean_over_queries"] if len(self.asked) > 1 else [])):
                    value = np.clip(self.quality[method][1] + 0.04 * self.random.normal(), -1, 0.999)
                    key = {"method": method, "query": query, "design": "groups", "fraction": 0.02, "n": 40}
                    rows.append(about | key | self._ci("lds", value, 0.3 * (1.02 - abs(value))))
                    if method in WITH_UNIT:
                        rows.append(about | key | {"metric": "slope", "value": 1.0 / (0.2 + abs(value))})
        return self._write("counterfactual", rows, ["design", "fraction"])

    def counterfactual_points(self) -> Path:
        rows = []
        for about in self._runs():
            for query in self.asked:
                real = 0.01 + 0.012 * self.random.normal(size=40)
                for method in (m for m in self.methods if m in WITH_UNIT):
                    quality = self.quality[method][1]
                    blur = np.sqrt(1 - min(quality, 1) ** 2) * 0.012 * self.random.normal(size=40)
                    predicted = (real * quality + blur) * (0.2 if method == "gradient_product" else 1)
                    for group in range(40):
                        key = {"method": method, "query": query, "design": "groups", "group": group}
                        pair = {"predicted": predicted[group], "real": real[group]}
                        rows.append(about | key | {"fraction": 0.02, "n": 20} | pair)
        columns = [*LEADING[:5], "design", "group", "fraction", "n", "predicted", "real"]
        return self._save("counterfactual_points", pd.DataFrame(rows, columns=columns))

    def contributions(self) -> Path:
        rows = []
        levels = np.linspace(0, 1, 101)
        for about in self._runs():
            for method in self.methods:
                shift = 3 * max(2 * self.quality[method][2] - 1, 0)
                for flag, size in ((0, 800), (1, 200)):
                    sample = 1e-4 * (self.random.standard_t(2, size=size) + 0.3 - flag * shift)
                    for level, value in zip(levels, np.quantile(sample, levels), strict=True):
                        key = {"method": method, "query": "validation_mean", "metric": "quantile"}
                        rows.append(
                            about | key | {"is_noisy": flag, "level": level, "n": size, "value": value}
                        )
        return self._write("contributions", rows, ["is_noisy", "level"])

    def removal(self, fractions=(0.0, 0.2, 0.5, 0.8), sides=("most_harmful",)) -> Path:
        rows = []
        for about in self._runs():
            for method in (*self.methods, "random_order", "oracle"):
                quality = {"random_order": 0.5, "oracle": 1.0}.get(method) or self.quality[method][2]
                query = "" if method in ("random_order", "oracle") else "validation_mean"
                for side in sides:
                    for share in fractions:
                        gain = (2 * quality - 1) * 0.1 * min(share / 0.2, 1) - 0.05 * share
                        value = (
                            0.82 + (gain if side == "most_harmful" else -gain) + 0.004 * self.random.normal()
                        )
                        key = {"method": method, "query": query, "side": side, "fraction": share, "n": 5}
                        rows.append(about | key | self._ci("test_accuracy", value, 0.015))
                        rows.append(about | key | self._ci("test_loss", 2 * (1 - value), 0.04))
        return self._write("removal", rows, ["side", "fraction"])

    def brittleness(self) -> Path:
        rows = []
        singles = [query for query in self.asked if "sample" in query or "margin" in query] or [
            "test_sample_0"
        ]
        for about in self._runs():
            for method in (*self.methods, "random_order"):
                quality = self.quality.get(method, (0, 0.0, 0))[1]
                found = np.round(400 * np.exp(-3 * quality + 0.3 * self.random.normal(size=len(singles))))
                key = {"method": method, "fraction": 0.5}
                for query, size in zip(singles, found, strict=True):
                    rows.append(
                        about | key | {"query": query, "metric": "smallest_group", "n": 9, "value": size}
                    )
                key |= {"query": "mean_over_queries", "n": len(singles)}
                rows.append(about | key | self._ci("flipped", 0.5 + 0.5 * max(quality, 0), 0.1))
                median = {"value": np.median(found), "ci_low": found.min(), "ci_high": found.max()}
                rows.append(about | key | {"metric": "median_smallest_group"} | median)
        return self._write("brittleness", rows, ["fraction"])

    def timing(self) -> Path:
        rows = []
        for about in self._runs():
            for method in self.methods:
                ratio = 0.001 if method in ("random", "final_loss") else 2.4 * self.quality[method][1]
                values = {"seconds": 5.1 * ratio, "seconds_training": 5.1, "ratio_to_training": ratio}
                for metric, value in (values | {"peak_memory_bytes": 4.1e8}).items():
                    rows.append(about | {"method": method, "metric": metric, "n": 5, "value": value})
        return self._write("timing", rows, [])
