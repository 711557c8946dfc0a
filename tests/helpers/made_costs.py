"""Made-up tables of what scores cost: against accuracy, over the damping, and as sizes grow."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from tests.helpers.made_tables import Writing

MACHINE = {
    "model": "mlp",
    "processor": "a processor",
    "cores": 2,
    "device": "cpu",
    "threads": 1,
    "batch_size": 64,
    "versions": {"torch": "2"},
    "load_average_before": [0, 0, 0],
    "load_average_after": [1, 1, 1],
    "left_out": [],
}


class CostTables(Writing):
    """All methods side by side, damping sweeps, and the timing study."""

    def comparison(self) -> Path:
        rows = []
        for variant in self.variants:
            for place, method in enumerate(self.methods):
                _, lds, area = self.quality[method]
                row = {"variant": variant, "method": method, "status": "diverged" if place == 2 else "scored"}
                row |= {"ratio_to_training": 0.004 * 4**place, "lds": lds, "auroc": area}
                rows.append(row | {"lds_low": lds - 0.1, "lds_high": lds + 0.1, "value": lds})
        return self._save("comparison", pd.DataFrame(rows))

    def removal_sizes(self) -> Path:
        rows = []
        for variant in self.variants:
            for truth in ("same_seed", "fresh_seeds"):
                for fraction in (0.01, 0.05, 0.5):
                    about = {"variant": variant, "run": variant, "seed": "all", "query": self.asked[0]}
                    about |= {"design": f"{truth}_{fraction}", "fraction": fraction, "truth": truth}
                    for method in self.methods:
                        value = self.quality[method][1] * (1 - fraction)
                        row = {"method": method, "metric": "lds", "predicts": 0.0, "n": 40, "value": value}
                        rows.append(about | row | {"ci_low": value - 0.1, "ci_high": value + 0.05})
                    row = {
                        "method": "",
                        "metric": "ceiling",
                        "predicts": float("nan"),
                        "n": 40,
                        "value": 0.97,
                    }
                    rows.append(about | row | {"ci_low": 0.94, "ci_high": 0.99})
        return self._save("removal_sizes", pd.DataFrame(rows))

    def values(self) -> Path:
        rows = []
        for variant in self.variants:
            about = {"variant": variant, "run": variant, "seed": "all", "n": 60}
            for place, method in enumerate(self.methods):
                rows.append(about | {"method": method, "metric": "trainings", "value": 0.02 * 8.0**place})
                value = self.quality[method][1]
                row = {"method": method, "metric": "pearson", "query": self.asked[0], "value": value}
                rows.append(about | row | {"ci_low": value - 0.1, "ci_high": value + 0.05})
            rows.append(about | {"method": "shapley_truth", "metric": "trainings", "value": 18_000.0})
            rows.append(about | {"metric": "ceiling", "query": self.asked[0], "value": 0.97})
        return self._save("values", pd.DataFrame(rows))

    def damping(self) -> Path:
        rows = []
        for variant in self.variants:
            for place in range(4):
                row = {"variant": variant, "method": "influence_cg", "effective_damping": 0.01 * 10**place}
                for split in ("validation", "test"):
                    value = 0.6 - 0.1 * abs(place - 2) + 0.02 * self.random.normal()
                    row |= {f"lds_{split}": value, f"lds_{split}_low": value - 0.1}
                    row |= {f"lds_{split}_high": value + 0.1}
                rows.append(row | {"chosen": int(place == 2), "value": value})
        return self._save("damping", pd.DataFrame(rows))

    def speed(self) -> Path:
        rows = []
        for variant in self.variants:
            for slow, method in enumerate(("plain_training", *self.methods), start=1):
                for queries in (1, 2, 4, 8):
                    row = {"variant": variant, "method": method, "queries": queries, "tracked": 512}
                    row |= {"samples": 512, "parameters": 61_706, "steps": 16, "n": 5}
                    row |= {"axis": "main" if queries == 1 else "queries", "extrapolated": int(queries == 8)}
                    for metric, value in (
                        ("seconds", slow * queries),
                        ("ratio_to_plain", slow * queries / 2),
                    ):
                        rows.append(
                            row | {"metric": metric, "value": value, "low": 0.9 * value, "high": 1.1 * value}
                        )
        return self._save("speed", pd.DataFrame(rows))

    def scaling(self) -> Path:
        rows = []
        for variant in self.variants:
            for slow, method in enumerate(("plain_training", *self.methods), start=1):
                row = {"variant": variant, "method": method, "axis": "queries", "smallest": 1.0, "points": 3}
                rows.append(row | {"law": "power", "exponent": 1.0, "coefficient": slow, "r_squared": 0.98})
                rows.append(row | {"law": "line", "intercept": 0.0, "coefficient": slow, "r_squared": 1.0})
        columns = ["variant", "method", "axis", "law", "points", "exponent", "coefficient", "intercept"]
        return self._save("scaling", pd.DataFrame(rows, columns=[*columns, "r_squared", "smallest"]))

    def machines(self) -> list[Path]:
        path = self.folder / "machine.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(MACHINE))
        return [path]
