"""Queries as data: what each is about is read from its fields, and no module reads it off a name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import hydra_steps
from hydra_steps.errors import StudyError
from hydra_steps.queries.expansion import expand
from hydra_steps.queries.query import Query, flips_prediction, query_from, vector_queries
from hydra_steps.registry import use_plugins
from hydra_steps.tables.queries import Queries, read_queries_table, write_queries_table
from tests.helpers.queries import queries_named

SIZES = {"train": 30, "validation": 5, "test": 7}
SPECS = [
    {"kind": "mean_loss", "split": "train"},
    {"kind": "class_loss", "split": "validation"},
    {"kind": "sample_loss", "count": 2},
    {"kind": "sample_margin", "split": "train", "samples": [17]},
]


def test_a_study_is_expanded_in_its_order():
    found = expand(SPECS, 2, SIZES)
    assert [(q.name, q.words) for q in found] == [
        ("train_mean", "mean training loss"),
        ("validation_class_0", "validation loss, class 0"),
        ("validation_class_1", "validation loss, class 1"),
        ("test_sample_0", "loss of test sample 0"),
        ("test_sample_1", "loss of test sample 1"),
        ("train_margin_17", "margin of training sample 17"),
    ]
    assert [(q.over, q.split, q.index) for q in found[:2]] == [
        ("split", "train", None),
        ("class", "validation", 0),
    ]
    assert (found[-1].quantity, found[-1].position) == ("margin", 17)
    assert [query_from(query.plain()) for query in found] == found


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "mean_los"}, r"queries\[0\].kind: 'mean_los' .* 'mean_loss'"),
        ({"kind": "sample_loss", "samples": [7]}, r"queries\[0\].samples: 7 .*0 to 6"),
        ({"kind": "sample_loss", "count": 8}, "at most 7"),
        ({"kind": "sample_loss"}, "neither samples nor count"),
        ({"kind": "sample_loss", "samples": [1], "count": 1}, "samples and count"),
        ({"kind": "class_loss", "count": 1}, "no meaning for kind class_loss"),
        ({"kind": "sample_loss", "samples": [1, 1]}, "test_sample_1 is asked for twice"),
        ({"kind": "mean_loss", "split": "validation"}, "the validation split is empty"),
    ],
)
def test_what_a_study_cannot_ask(spec, message):
    with pytest.raises(StudyError, match=message):
        expand([spec], 3, {**SIZES, "validation": 0})


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], []),
        (["test_mean", "test_class_3", "validation_sample_1", "train_sample_2"], []),
        (["test_sample_7", "test_mean", "test_sample_2"], ["test_sample_7", "test_sample_2"]),
        (["test_margin_4", "test_sample_7"], ["test_sample_7"]),
        (["test_sample_7", "test_margin_4", "test_margin_1"], ["test_margin_4", "test_margin_1"]),
    ],
)
def test_a_vector_has_one_quantity_of_single_test_samples(names, found):
    assert [query.name for query in vector_queries(queries_named(names))] == found


def test_a_prediction_flips_where_one_test_sample_is_asked_about():
    names = ["test_sample_1", "test_margin_1", "test_mean", "test_class_1", "validation_sample_1"]
    assert [flips_prediction(query) for query in queries_named(names)] == [True, True, False, False, False]


def test_the_table_keeps_what_each_query_asks(tmp_path):
    asked = expand(SPECS, 2, SIZES)
    write_queries_table([*asked, *asked], tmp_path / "queries.csv")
    assert list(read_queries_table(tmp_path / "queries.csv")) == asked
    assert (tmp_path / "queries.csv").read_text().splitlines()[:3] == [
        "name,kind,over,split,index,words,quantity",
        "train_mean,mean_loss,split,train,,mean training loss,loss",
        'validation_class_0,class_loss,class,validation,0,"validation loss, class 0",loss',
    ]


def test_words_and_the_query_that_stands_for_the_study():
    names = ["validation_class_0", "validation_mean", "test_sample_9", "test_mean", "test_sample_1"]
    queries = Queries(queries_named(names))
    assert queries.words("test_sample_9") == "loss of test sample 9"
    assert queries.words("mean_over_queries") == "mean over all queries"
    assert queries.words("something_else") == "something else"
    assert [name for name in names if queries.is_mean(name)] == ["validation_mean", "test_mean"]
    assert queries.main([*names, "mean_over_queries"]) == "test_mean"
    assert queries.main(["test_sample_9", "test_sample_1"]) == "test_sample_1"
    assert queries.main(["mean_over_queries"]) is None
    assert queries.detection(names) == "validation_mean"
    assert queries.detection(["test_sample_1", "test_mean"]) == "test_mean"


def test_a_plug_in_adds_a_kind_with_options(tmp_path, monkeypatch):
    monkeypatch.delenv("HYDRA_STEPS_PLUGINS", raising=False)
    (tmp_path / "mine.py").write_text(
        "from hydra_steps.plugins import query\n"
        "@query('confidence', label='{split}_p{power}_{index}', words='confidence in {split} sample {index}',\n"
        "       quantity='confidence')\n"
        "def confidence(logits, labels, loss, power: int = 1):\n"
        '    """The chance of the label."""\n'
    )
    use_plugins(["mine.py"], tmp_path)
    spec = {"kind": "confidence", "split": "train", "samples": [4], "power": 2}
    assert expand([spec], 3, SIZES) == [
        Query(
            *("train_p2_4", "confidence", "sample", "train", 4, "confidence in training sample 4"),
            *("confidence", {"power": 2}),
        )
    ]


def test_a_study_is_expanded_without_numpy_and_torch():
    code = (
        "import sys; from hydra_steps.queries.expansion import expand\n"
        "assert expand([{'kind': 'sample_loss', 'count': 3}], 10, {'test': 4})[2].position == 2\n"
        "assert not {'numpy', 'torch', 'pandas'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# A part of a query's name inside a pattern, a comparison or a test of its beginning or end.
_READ = re.compile(
    r"""(?:fullmatch|match|search|compile|contains|split|startswith|endswith|index|find)\(\s*[rf]{0,2}["'][^"']*"""
    r"""(?:_mean|_class_|_sample_|_margin_|test_|validation_)|["'](?:_class_|_sample_|_margin_)["']\s+in\b"""
    r"""|\(train\|validation\|test\)""",
)


def test_no_module_reads_what_a_query_asks_off_its_name():
    root = Path(hydra_steps.__file__).parent
    files = [file for suffix in ("py", "js", "j2") for file in root.rglob(f"*.{suffix}")]
    assert len(files) > 150
    found = [
        f"{file.relative_to(root)}: {match[0]}"
        for file in files
        for match in _READ.finditer(file.read_text())
    ]
    assert found == []
    for line in (
        're.fullmatch(r"test_(sample|margin)_x"',
        '"_margin_" in name',
        'x.startswith("validation_")',
    ):
        assert _READ.search(line)
