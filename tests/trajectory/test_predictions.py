"""What the final model says about every sample, against one sample at a time."""

from __future__ import annotations

import numpy as np
import torch

from hydra_steps.registry import use_plugins
from hydra_steps.registry.plugins import VARIABLE
from hydra_steps.trajectory.predictions import predictions
from tests.helpers.any_task import CASES, case_process
from tests.helpers.tiny import tiny_data, tiny_process


def test_every_sample_has_its_own_row_with_its_own_numbers():
    process, data, _ = tiny_process(data=tiny_data(samples=12))
    state = process.initial_state()
    table = predictions(process, state, data)
    assert tuple(table.columns) == ("split", "index", "label", "predicted", "probability", "loss")
    assert len(table) == 12 + 6 + 7
    for split in ("train", "validation", "test"):
        part, rows = getattr(data, split), table[table["split"] == split]
        assert rows["index"].tolist() == list(range(len(part)))
        for row, image, label in zip(rows.to_dict("records"), part.inputs, part.targets, strict=True):
            logits = process.model.logits(state.parameters, state.buffers, torch.tensor(image[None]).double())
            chances = torch.softmax(logits[0], 0)
            assert row["label"] == label
            assert row["predicted"] == int(chances.argmax())
            assert np.isclose(float(row["probability"]), float(chances.max()), rtol=1e-5)
            assert np.isclose(float(row["loss"]), -float(chances[label].log()), rtol=1e-5)


def test_many_samples_are_evaluated_in_parts():
    process, data, _ = tiny_process(data=tiny_data(samples=300))
    table = predictions(process, process.initial_state(), data)
    assert (table["split"] == "train").sum() == 300


def test_an_empty_split_has_no_rows():
    process, data, _ = tiny_process(data=tiny_data(samples=12))
    nothing = type(data.test)(data.test.inputs[:0], data.test.targets[:0], data.test.source_index[:0])
    table = predictions(process, process.initial_state(), type(data)(**{**vars(data), "test": nothing}))
    assert set(table["split"]) == {"train", "validation"}


def test_other_answers_have_columns_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    columns = {
        "squared_error": ["target_1", "target_2", "predicted_1", "predicted_2", "loss"],
        "binary_cross_entropy": ["label_1", "label_2", "predicted_1", "predicted_2", "loss"],
        "next_token": ["asked", "loss"],
    }
    for name, own in columns.items():
        process, data, _ = case_process(CASES[name], tmp_path)
        state = process.initial_state()
        table = predictions(process, state, data)
        assert list(table.columns) == ["split", "index", *own]
        outputs = process.model.logits(state.parameters, state.buffers, process.place(data.train.inputs))
        losses = CASES[name].plain(outputs, process.place(data.train.targets))
        assert np.allclose(table["loss"][:11].astype(float), losses.detach(), rtol=1e-5)
    use_plugins([])
