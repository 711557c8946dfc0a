"""The page as a file: everything in it, the same bytes again, clear where files do not fit."""

import re

import pandas as pd
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.explorer import write_explorer
from tests.helpers.made_explorer import make_explorer, make_study


def test_nothing_is_fetched(explorer):
    page = explorer.read_text(encoding="utf-8")
    assert not re.search(r"""<(?:script|link|img)[^>]*(?:src|href)=["'](?!data:)""", page)
    assert "default-src 'none'" in page


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    arguments = make_study(tmp_path, queries=3, data={"train": 60})
    write_explorer(**arguments)
    first = arguments["output"].read_bytes()
    write_explorer(**arguments)
    assert arguments["output"].read_bytes() == first


def test_answers_of_another_run_are_refused(tmp_path):
    arguments = make_study(tmp_path, queries=3, data={"train": 60})
    answers = pd.read_csv(arguments["predictions"][0])
    answers.iloc[1:].to_csv(arguments["predictions"][0], index=False)
    with pytest.raises(StudyError, match="59 samples of the split train"):
        write_explorer(**arguments)


def test_several_variants_are_several_runs(tmp_path):
    page = make_explorer(
        tmp_path,
        queries=2,
        data={"train": 40},
        variants={"tanh": {}, "relu": {"model": {"name": "lenet5_relu"}}},
    )
    assert '"name": "relu-seed0"' in page.read_text(encoding="utf-8")


def test_a_page_without_clean_labels_has_none(tmp_path):
    pages = {}
    for kind in ("none", "unknown"):
        (tmp_path / kind).mkdir()
        made = make_explorer(tmp_path / kind, queries=2, data={"train": 40}, noise={"kind": kind})
        pages[kind] = made.read_text(encoding="utf-8")
        assert 'id="base-seed0/label"' in pages[kind]
    assert 'id="base-seed0/clean"' in pages["none"]
    assert 'id="base-seed0/clean"' not in pages["unknown"]
