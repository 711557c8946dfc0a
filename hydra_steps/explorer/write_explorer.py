"""Write ``explorer.html``: one self-contained page that shows single samples, offline.

Choose a query, such as the loss of a test sample, and see, method by method, the training samples that helped and
harmed it most, with where along training each contribution arose; choose a training sample and see whom it
helped and harmed; go through the labels that look wrong, and take them along as CSV. Reads scores and tables, no
torch. Everything long is a block of base64 at the end of the page, decoded when it is first looked at.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from hydra_steps.audit.decisions import data_version
from hydra_steps.config.runs import audited_run, run_settings, study_runs
from hydra_steps.config.study import read_study
from hydra_steps.config.target_checks import study_targets
from hydra_steps.config.targets import worded
from hydra_steps.errors import StudyError
from hydra_steps.explorer.blocks import Blocks
from hydra_steps.explorer.decide import audited_suspects
from hydra_steps.explorer.doubted import read_doubted
from hydra_steps.explorer.run_page import Method, run_page
from hydra_steps.explorer.samples import read_samples
from hydra_steps.figures.style import Style
from hydra_steps.report.render import render_page
from hydra_steps.report.setup import title
from hydra_steps.stores import plain
from hydra_steps.tables.layout import locate

PAGE = Path(__file__).parent / "page"
SCRIPTS = (
    *("data.js", "parts.js", "list.js", "query.js", "sample.js", "suspects.js"),
    *("decisions.js", "decide.js", "main.js"),
)


def write_explorer(
    *,
    config: str | Path,
    splits: Sequence[str | Path],
    labels: Sequence[str | Path],
    predictions: Sequence[str | Path],
    scores: Sequence[str | Path],
    output: str | Path,
    suspects: str | Path | None = None,
    held_out: str | Path | None = None,
) -> None:
    """Write the page of the study whose resolved ``config.yaml`` is given, on the runs whose files are given.

    ``suspects`` and ``held_out``: the tables of suspects of an audit, where the study has one. ``splits``, ``labels``
    and ``predictions`` are the runs' tables in one order of runs, ``scores`` their score folders. The same inputs give
    the same bytes. Raises :class:`StudyError` for files that do not fit each other.
    """
    study = read_study(config)
    settings, methods = study.plain(), study.method_of
    asks = study_targets(settings)
    looks = Style.of(study.figures.plain()).methods(methods, methods)
    blocks, runs = Blocks(), []
    known = study_runs(settings)
    scored_by = [locate(path, known) for path in scores]
    for own_splits, own_labels, own_predictions in zip(splits, labels, predictions, strict=True):
        run = locate(own_splits, known).run.name
        data = run_settings(settings, run).data
        samples, words = read_samples(data, own_splits, own_labels, own_predictions)
        folders = {one.label: one.path for one in scored_by if one.run.name == run}
        scored = [Method(label, look, folders[label]) for label, look in looks.items() if label in folders]
        if not scored:
            raise StudyError(f"no scores of the run {run} are given", "at least one method's")
        audited = suspects is not None and run == audited_run(settings).name
        judged = audited_suspects(suspects, words) if suspects is not None and audited else None
        doubted = read_doubted(held_out, words) if held_out is not None and audited else []
        page = run_page(run, samples, scored, study.explorer.top, blocks, 1 / len(splits), judged, doubted)
        version = data_version(own_splits, own_labels)
        runs.append(page | {"classes": words, "asks": asks, "version": version, "audited": audited})
    facts = {"study": study.study, "runs": runs, "shapes": blocks.shapes}
    content = {
        "study": study.study,
        "title": worded(title(study), asks),
        "asks": asks,
        "facts": Markup(json.dumps(plain(facts), ensure_ascii=False, sort_keys=True).replace("<", "\\u003c")),
        "blocks": [(name, Markup(text)) for name, text in blocks.contents.items()],
    }
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(PAGE, content, SCRIPTS), encoding="utf-8", newline="\n")
