"""The study's one digest, as the report prints it: of settings, trajectories, and the tables without a clock."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra_steps.config.study import read_study
from hydra_steps.provenance.record import key_of
from hydra_steps.provenance.study import study_digest
from hydra_steps.report.tables import is_measured, table_name


def digest_of_study(
    config: str | Path, tables: Sequence[str | Path], trajectories: Sequence[str | Path]
) -> str:
    """Return the digest of the study whose resolved ``config.yaml``, tables and trajectories these are.

    It is the same wherever the study is, and in every run of it whose numbers are the same. Raises :class:`StudyError`
    for what is missing.
    """
    results = [*(path for path in tables if not is_measured(table_name(path))), *trajectories]
    study = Path(config).parent
    return study_digest(read_study(config).plain(), {key_of(path, study): path for path in results})
