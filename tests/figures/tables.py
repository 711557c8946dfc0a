"""Made-up tables with the look of real ones: same columns, plausible numbers, fixed seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

LEADING = ["variant", "run", "seed", "method", "query", "metric"]
TRAILING = ["n", "value", "ci_low", "ci_high", "sd_seeds"]
METHODS = (
    "hydra_exact",
    "hydra_gauss_newton",
    "hydra_hessian_free",
    "influence_cg",
    "gradient_product",
    "final_loss",
    "random",
)
WITH_UNIT = METHODS[:5]
QUERIES = ("test_mean", "test_sample_3", "test_sample_17", "test_sample_40", "validation_mean")
# rank correlation with exact, LDS, AUROC: about what a smooth LeNet-5 on MNIST gives
QUALITY = {
    "hydra_exact": (1.0, 0.995, 0.904),
    "hydra_gauss_newton": (0.93, 0.95, 0.870),
    "hydra_hessian_free": (0.35, 0.45, 0.697),
    "influence_cg": (0.71, 0.66, 0.886),
    "gradient_product": (0.40, 0.50, 0.74),
    "final_loss": (-0.20, -0.1, 0.98),
    "random": (0.0, 0.0, 0.5),
}


class Tables:
    """Writes one made-up table per call into ``folder`` and returns its path."""

    def __init__(
        self, folder: Path, seeds=(0, 1), methods=METHODS, variants=("base",), queries=QUERIES
    ) -> None:
        self.folder, self.seeds, self.methods = folder, seeds, methods
        self.variants, self.queries = variants, queries
        self.random = np.random.default_rng(7)
        self.quality = {name: QUALITY.get(name, (0.5, 0.5, 0.7)) for name in methods}

    def all(self) -> dict[str, Path]:
        names: tuple[str, ...] = (
            "training",
            "noise",
            "agreement",
            "detection",
            "counterfactual",
            "points",
            "contributions",
            "removal",
            "brittleness",
            "timing",
            "approximation",
            "claims",
            "stability",
            "clustering",
            "embedding",
            "class_contributions",
            "extremes",
            "ablations",
        )
        return {name: getattr(self, name)() for name in names}

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
                for query in self.queries:
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
                for query in (*self.queries, *(["mean_over_queries"] if len(self.queries) > 1 else [])):
                    value = np.clip(self.quality[method][1] + 0.04 * self.random.normal(), -1, 0.999)
                    key = {"method": method, "query": query, "design": "groups", "fraction": 0.02, "n": 40}
                    rows.append(about | key | self._ci("lds", value, 0.3 * (1.02 - abs(value))))
                    if method in WITH_UNIT:
                        rows.append(about | key | {"metric": "slope", "value": 1.0 / (0.2 + abs(value))})
        return self._write("counterfactual", rows, ["design", "fraction"])

    def points(self) -> Path:
        rows = []
        for about in self._runs():
            for query in self.queries:
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
        singles = [query for query in self.queries if "sample" in query or "margin" in query] or [
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

    def approximation(self, epochs: int = 4) -> Path:
        rows = []
        for about in self._runs():
            for epoch in range(1, epochs + 1):
                for method in self.methods[1:]:
                    key = about | {"method": method, "epoch": epoch, "n": 100, "query": self.queries[0]}
                    values = {"spearman": 1 - 0.1 * epoch}
                    if method in WITH_UNIT:
                        values |= {"sign_disagreement": 0.05 * epoch, "relative_error": 0.1 * 3**epoch}
                    for metric, value in values.items():
                        rows.append(key | {"metric": metric, "value": value * self.random.uniform(0.9, 1.1)})
                tracked = {"hypergradient_norm": 1.0, "hypergradient_distance": 0.3}
                tracked |= {"bound_measured": 50.0, "bound": 10.0 ** (3 * epoch)}
                for metric, value in tracked.items():
                    key = about | {"method": "hydra_hessian_free", "epoch": epoch, "n": 8, "query": ""}
                    rows.append(key | {"metric": metric, "value": value * epoch})
        return self._write("approximation", rows, ["epoch"])

    def claims(self) -> Path:
        rows = []
        for claim, measured in (
            ("1a", "relative error"),
            ("2", "difference in LDS"),
            ("3a", "difference in AUROC"),
        ):
            for variant in self.variants:
                for verdict, value in (("holds", 0.2), ("does not hold", -0.2), ("undecided", 0.01)):
                    value += 1.0 if claim == "1a" else 0.0
                    low, high = (value - 0.05, value + 0.05) if len(self.seeds) > 1 else (np.nan, np.nan)
                    row = {"claim": claim, "statement": f"claim {claim} holds", "variant": variant}
                    row |= {"method": "hydra_hessian_free", "against": "influence_cg", "measured": measured}
                    row |= {"n": len(self.seeds), "value": value, "ci_low": low, "ci_high": high}
                    rows.append(row | {"verdict": verdict, "conditions": "tiny", "source": "tables/x.csv"})
            rows.append(rows[-1] | {"variant": "all", "against": "all", "value": np.nan})
        columns = ["claim", "statement", "variant", "method", "against", "measured", "n", "value"]
        columns += ["ci_low", "ci_high", "verdict", "conditions", "source"]
        return self._save("claims", pd.DataFrame(rows, columns=columns))

    def stability(self, epochs: int = 4) -> Path:
        rows = []
        for about in self._runs():
            for method in self.methods:
                for query in self.queries:
                    key = about | {"method": method, "query": query}
                    for epoch in range(2, epochs + 1):
                        value = 0.5 + 0.1 * epoch * self.random.uniform(0.8, 1.0)
                        rows.append(
                            key | {"metric": "between_epochs", "epoch": epoch, "n": 100, "value": value}
                        )
                    rows.append(
                        key | {"metric": "between_seeds", "n": 1, "value": 0.4 + 0.1 * self.random.normal()}
                    )
        return self._write("stability", rows, ["epoch"])

    def clustering(self, classes: int = 4) -> Path:
        rows = []
        for about in self._runs():
            for method in self.methods:
                quality = max(2 * self.quality[method][2] - 1, 0)
                for algorithm in ("kmeans", "kmeans_unit", "agglomerative"):
                    key = about | {"method": method, "algorithm": algorithm, "queries": 12}
                    drawn = np.clip(quality + 0.1 * self.random.normal(size=classes), -0.1, 1)
                    for metric, values in {
                        "adjusted_rand": drawn,
                        "f1": 0.4 + 0.6 * drawn,
                        "share_noisy": np.full(classes, 0.3),
                    }.items():
                        for label, value in enumerate(values):
                            rows.append(key | {"metric": metric, "label": label, "n": 100, "value": value})
                        rows.append(key | {"n": classes} | self._ci(metric, values.mean(), 0.1))
        return self._write("clustering", rows, ["algorithm", "queries", "label"])

    def embedding(self, samples: int = 90) -> Path:
        rows = []
        for about in self._runs():
            if about["seed"] != str(self.seeds[0]):
                continue
            for method in self.methods:
                for index in range(samples):
                    label, noisy = index % 4, int(index % 5 == 0)
                    place = 5 * np.array([label, label % 2 + noisy]) + self.random.normal(size=2)
                    x, y = (np.nan, np.nan) if method == "final_loss" else place
                    key = {"method": method, "index": index, "label": label, "is_noisy": noisy}
                    clean = (label + noisy) % 4
                    rows.append(about | key | {"clean_label": clean, "queries": 12, "x": x, "y": y})
        columns = ["variant", "run", "seed", "method", "index", "label", "clean_label", "is_noisy"]
        return self._save("embedding", pd.DataFrame(rows, columns=[*columns, "queries", "x", "y"]))

    def class_contributions(self, classes: int = 5) -> Path:
        rows = []
        for about in self._runs():
            for method in self.methods:
                for flag in (0, 1):
                    square = 1e-3 * (
                        (4 - 5 * flag) * np.eye(classes) + 0.2 * self.random.normal(size=(classes,) * 2)
                    )
                    for (label, test_label), value in np.ndenumerate(square):
                        if flag and label == 2:
                            continue  # a label without wrong ones
                        metric = "mean_contribution" if method in WITH_UNIT else "mean_score"
                        key = {"method": method, "query": f"test_class_{test_label}", "metric": metric}
                        key |= {
                            "label": label,
                            "test_label": test_label,
                            "is_noisy": flag,
                            "n": 80 - 60 * flag,
                        }
                        rows.append(about | key | {"value": value})
        return self._write("class_contributions", rows, ["label", "test_label", "is_noisy"])

    def ablations(self) -> Path:
        rows = []
        for line, variant in enumerate(self.variants):
            for method in self.methods:
                rho, lds, area = self.quality[method]
                measured = {"lds": ("mean_over_queries", lds), "spearman": ("test_mean", rho)}
                for metric, (query, value) in (measured | {"auroc": ("validation_mean", area)}).items():
                    if metric == "spearman" and method == "hydra_exact":
                        continue
                    value = value * (1 - 0.1 * line) + 0.02 * self.random.normal()
                    row = {"variant": variant, "run": variant, "seed": "all", "method": method}
                    row |= {"query": query, "n": len(self.seeds), "reference": self.variants[0]}
                    row |= self._ci(metric, value, 0.05 if len(self.seeds) > 1 else np.nan)
                    rows.append(row | {"pairs": len(self.seeds), "difference": -0.1 * line * value})
        columns = [*LEADING, *TRAILING[:-1], "reference", "pairs"]
        columns += ["difference", "difference_low", "difference_high"]
        return self._save("ablations", pd.DataFrame(rows, columns=columns))

    def extremes(self, count: int = 3) -> Path:
        singles = [query for query in self.queries if query.startswith("test_sample")] or ["test_sample_0"]
        rows = []
        for about in self._runs():
            for method in self.methods[:2]:
                unit = "query" if method in WITH_UNIT else "rank only"
                for side, sign in (("helpful", 1), ("harmful", -1)):
                    for rank in range(1, count + 1):
                        pair = {"method": method, "unit": unit, "side": side, "rank": rank}
                        pair["contribution"] = sign * 1e-3 / rank
                        for query in self.queries[:3]:  # a study names the few that it wants to see
                            test = int(query.split("_")[-1]) % 8 if query in singles else np.nan
                            key = {"given": "query", "query": query, "training": rank + 2 * (sign < 0)}
                            key |= {"label": rank % 3, "clean_label": (rank + (sign < 0)) % 3}
                            key |= {"is_noisy": int(sign < 0), "test": test, "test_label": test % 3}
                            rows.append(about | pair | key)
                        key = {"given": "training", "subject": 1, "training": 4, "label": 1, "clean_label": 2}
                        key |= {"is_noisy": 1, "query": singles[0], "test": rank, "test_label": rank % 3}
                        rows.append(about | pair | key)
        columns = ["variant", "run", "seed", "method", "unit", "given", "query", "subject", "side", "rank"]
        columns += ["training", "label", "clean_label", "is_noisy", "test", "test_label", "contribution"]
        return self._save("extremes", pd.DataFrame(rows, columns=columns))

    def extremes_images(self) -> Path:
        path = self.folder / "extremes_images.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {}
        for variant in self.variants:
            for split, channels in (("train", 1), ("test", 3)):
                images = np.random.default_rng(3).integers(0, 256, (8, channels, 6, 6), dtype=np.uint8)
                arrays |= {f"{variant}/{split}": images, f"{variant}/{split}_index": np.arange(8)}
            arrays[f"{variant}/classes"] = np.array(["shirt", "shoe", "bag"])
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)
        return path

    def _runs(self):
        for variant in self.variants:
            for seed in self.seeds:
                yield {"variant": variant, "run": f"{variant}-seed{seed}", "seed": str(seed)}

    def _ci(self, metric: str, value: float, half: float) -> dict:
        return {
            "metric": metric,
            "value": value,
            "ci_low": max(value - half, -1),
            "ci_high": min(value + half, 1),
        }

    def _write(self, name: str, rows: list[dict], keys: list[str]) -> Path:
        table = pd.DataFrame(rows, columns=[*LEADING, *keys, *TRAILING])
        for column in ("method", "query"):
            table[column] = table[column].astype(object).where(table[column].notna(), "")
        by = ["variant", "method", "query", "metric", *keys]
        grouped = table.groupby(by, dropna=False, sort=True)
        summary = grouped.agg(
            n=("n", "min"),
            value=("value", "mean"),
            ci_low=("ci_low", "mean"),
            ci_high=("ci_high", "mean"),
            sd_seeds=("value", "std"),
        ).reset_index()
        summary["run"], summary["seed"] = summary["variant"], "all"
        return self._save(name, pd.concat([table, summary])[table.columns])

    def _save(self, name: str, table: pd.DataFrame) -> Path:
        path = self.folder / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False, float_format="%.10g", lineterminator="\n")
        return path
