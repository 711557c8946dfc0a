"""Made-up tables of an audit: methods on planted labels, chances that were told, and trainings as decided."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hydra_steps.audit.blends import BLENDS
from hydra_steps.config.audits import FORMS
from tests.helpers.made_tables import Writing


class AuditTables(Writing):
    """What the figures of an audit read."""

    def audit_methods(self) -> Path:
        rows = []
        for place, method in enumerate([*self.methods, *BLENDS]):
            value = 0.9 - 0.1 * place
            rows.append({"method": method, "value": value, "ci_low": value - 0.1, "ci_high": value + 0.05})
        return self._save("audit_methods", pd.DataFrame(rows))

    def audit_reliability(self) -> Path:
        rows = [{"told": told, "real": told * 0.9, "n": 100 * (1 - told)} for told in (0.05, 0.3, 0.6, 0.95)]
        return self._save("audit_reliability", pd.DataFrame(rows))

    def audit_proof(self) -> Path:
        rows = []
        for place, form in enumerate(FORMS):
            accuracy, change = 0.9 + 0.01 * place, -0.02 * place
            about = {"form": form, "method": ""}
            for metric, value in (("test_accuracy", accuracy), ("change_test_loss_as_came", change)):
                rows.append(
                    about
                    | {"metric": metric, "value": value, "ci_low": value - 0.01, "ci_high": value + 0.01}
                )
            if "removed" in form:
                for method in self.methods:
                    row = {
                        "form": form,
                        "method": method,
                        "metric": "change_test_loss_as_came",
                        "value": 1.1 * change,
                    }
                    rows.append(row | {"ci_low": float("nan"), "ci_high": float("nan")})
        return self._save("audit_proof", pd.DataFrame(rows))
