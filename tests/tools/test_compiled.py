"""What is compared with its compiled form is a training step's gradient, and can be traced."""

from __future__ import annotations

import pytest
import torch

from tools.compiled import both_forms, one_batch


@pytest.mark.parametrize("model", ["lenet5_tanh", "lenet5_relu"])
def test_the_gradient_of_a_batch_and_a_form_to_be_compiled(model: str) -> None:
    process = one_batch(model, "cpu")
    plain, compiled = both_forms(process)  # compiled when it is first called, which takes half a minute
    state = process.initial_state()
    expected, _, _ = process.gradient(state.parameters, state.buffers, process.batch(0))
    assert torch.equal(plain(), expected)
    assert callable(compiled)
