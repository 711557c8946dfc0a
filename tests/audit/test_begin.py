"""The study that is written for somebody's own data: read off them, and one that can be planned."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer

from hydra_steps.audit.begin import begin
from hydra_steps.audit.rates import RATES, search_rate
from hydra_steps.config import load_study
from hydra_steps.errors import StudyError


def folder_of_pictures(home, sizes=((12, 12),)):
    draw = np.random.default_rng(0)
    for number in range(60):
        path = home / "pictures" / ("cat", "dog")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        height, width = sizes[number % len(sizes)]
        Image.fromarray(draw.integers(0, 255, (height, width), np.uint8)).save(path)
    return home / "pictures"


def table(home):
    data = load_breast_cancer(as_frame=True)
    rows = data.frame.rename(columns={"target": "Class"})
    rows.to_csv(home / "patients.csv", index=False)
    return home / "patients.csv"


def texts(home):
    rows = [
        {"body": f"this is text number {n} about {'cats' if n % 2 else 'dogs'}", "label": n % 2}
        for n in range(80)
    ]
    pd.DataFrame(rows).to_json(home / "texts.jsonl", orient="records", lines=True)
    return home / "texts.jsonl"


def arrays(home):
    np.savez(home / "scans.npz", x=np.zeros((50, 3, 4), np.float32), y=np.arange(50) % 2)
    return home / "scans.npz"


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (folder_of_pictures, {"name": "images", "size": [12, 12]}),
        (table, {"name": "table", "label": "Class"}),
        (texts, {"name": "texts", "text": "body", "label": "label"}),
        (arrays, {"name": "arrays", "inputs": "x", "labels": "y"}),
    ],
)
def test_the_study_is_read_off_the_data(make, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = begin(make(tmp_path), tmp_path)
    study = load_study(path)
    assert expected.items() <= study["data"].items()
    assert study["noise"]["kind"] == "unknown"
    assert study["audit"]["copies"] == 4
    assert study["audit"]["kinds"] == ["symmetric"]
    rate = study["training"]["optimizer"]["learning_rate"]
    assert rate in RATES
    with pytest.raises(StudyError, match="is there already"):
        begin(make(tmp_path), tmp_path)
    path.unlink()
    assert load_study(begin(make(tmp_path), tmp_path))["training"]["optimizer"]["learning_rate"] == rate


def test_the_rate_is_one_that_learns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = load_study(begin(table(tmp_path), tmp_path))
    assert (
        search_rate(study) == study["training"]["optimizer"]["learning_rate"] >= 1e-3
    )  # the least is too slow
    study["training"]["epochs"] = 1
    assert search_rate(study) >= 1e-2


def test_pictures_of_several_sizes_are_brought_to_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = load_study(begin(folder_of_pictures(tmp_path, ((40, 20), (30, 30))), tmp_path))
    assert (study["data"]["size"], study["data"]["fit"]) == ([32, 32], "pad")
    assert study["model"]["name"] == "lenet5_tanh"
    assert study["audit"]["kinds"] == ["symmetric", "instance"]


def test_what_cannot_be_read_is_one_message(tmp_path):
    (tmp_path / "notes.txt").write_text("no data")
    with pytest.raises(StudyError, match="neither a folder nor a file"):
        begin(tmp_path / "notes.txt", tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudyError, match="holds no pictures"):
        begin(tmp_path / "empty", tmp_path)
