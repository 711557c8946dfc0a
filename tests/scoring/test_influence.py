"""Influence functions against explicit matrices in float64, true leave-one-out, and each other; how they fail."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hydra_steps.errors import Diverged, StudyError
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.scoring.curvature import curvature_product
from hydra_steps.scoring.influence import influence_cg, solve
from hydra_steps.scoring.influence_arnoldi import influence_arnoldi
from hydra_steps.scoring.influence_ekfac import ekfac_inverse, influence_ekfac, relatif
from hydra_steps.scoring.influence_lissa import influence_lissa
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.newton import converged
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_process, tiny_settings

DECAY = 0.01
SPECS = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_margin", "split": "validation", "count": 2}]
EXACT = {"tolerance": 1e-13, "iterations": 3000}


class Explicit:
    """A short run with its matrices [p, p], query gradients [q, p] and sample gradients [n, p]."""

    def __init__(self, loss: str = "cross_entropy", smoothing: float = 0.0, epochs: int = 3) -> None:
        self.process, data, rates = tiny_process(
            data=tiny_data(samples=12), epochs=epochs, loss={"name": loss, "label_smoothing": smoothing}
        )
        process = self.process
        self.trajectory = Trajectory.in_memory(process, rates)
        self.queries = QuerySet(expand_queries(SPECS, data), data, process)
        self.state = self.trajectory.final_state
        self.logits_of = lambda p: process.model.logits(p, self.state.buffers, process.inputs)

        def losses(p):
            return process.loss.values(self.logits_of(p), process.targets)

        theta, N = self.state.parameters, process.samples
        self.hessian = torch.autograd.functional.hessian(lambda p: losses(p).mean(), theta)
        self.samples = torch.autograd.functional.jacobian(losses, theta)
        jacobian = torch.autograd.functional.jacobian(self.logits_of, theta)
        logits = self.logits_of(theta)
        inner = torch.stack(
            [
                torch.autograd.functional.hessian(
                    lambda z, n=n: process.loss.values(z[None], process.targets[n : n + 1]).sum(), logits[n]
                )
                for n in range(N)
            ]
        )
        self.per_sample = torch.einsum("bcp,bcd,bdr->bpr", jacobian, inner, jacobian)
        self.gauss_newton = self.per_sample.mean(0)
        self.by_query = self.queries.cotangents(self.state).parameters

    def matrix(self, name: str) -> torch.Tensor:
        return self.hessian if name == "hessian" else self.gauss_newton

    def influence(self, matrix: torch.Tensor, damping: float) -> torch.Tensor:
        """(1/N) ⟨(C + damping·I)^{-1} ∇f_q, ∇ℓ_n⟩ [q, n]."""
        damped = matrix + damping * torch.eye(len(matrix), dtype=matrix.dtype)
        return self.by_query @ torch.linalg.inv(damped) @ self.samples.T / self.process.samples


@pytest.fixture(scope="module")
def run() -> Explicit:
    return Explicit()


@pytest.mark.parametrize("matrix", ["gauss_newton", "hessian"])
@pytest.mark.parametrize("variant", ["plain", "batch_norm"])
def test_products_are_those_of_the_explicit_matrix(run, matrix, variant):
    vectors = torch.randn(3, len(run.state.parameters), dtype=torch.float64)
    if variant == "plain":
        found = curvature_product(run.process, run.state, vectors, matrix)
        assert relative_error(found, vectors @ run.matrix(matrix)) <= 1e-10
        part = torch.tensor([1, 5, 5])
        found = curvature_product(run.process, run.state, vectors, "gauss_newton", part)
        assert relative_error(found, vectors @ run.per_sample[part].mean(0)) <= 1e-10
        return
    process, _, rates = tiny_process(variant=variant)
    state = Trajectory.in_memory(process, rates).final_state
    vector = torch.randn(1, len(state.parameters), dtype=torch.float64)

    def loss(p):
        return process.loss.values(
            process.model.logits(p, state.buffers, process.inputs), process.targets
        ).mean()

    hessian = torch.autograd.functional.hessian(loss, state.parameters)
    found = curvature_product(process, state, vector, "hessian")
    assert relative_error(found, vector @ hessian) <= 1e-10


@pytest.mark.parametrize("matrix", ["gauss_newton", "hessian"])
@pytest.mark.parametrize("damping", [0.1, 1.0])
def test_cg_is_the_explicit_inverse(run, matrix, damping):
    if matrix == "hessian":  # not positive definite here: the damping must lift its lowest eigenvalue
        damping += max(0.0, -torch.linalg.eigvalsh(run.hessian)[0].item())
    found = influence_cg(run.trajectory, run.queries, matrix=matrix, damping=damping, **EXACT)
    assert found.diagnostics["effective_damping"] == pytest.approx(damping + DECAY)
    assert relative_error(found.values, run.influence(run.matrix(matrix), damping + DECAY)) <= 1e-8


@pytest.mark.parametrize("matrix", ["gauss_newton", "hessian"])
def test_lissa_is_the_explicit_inverse_at_its_effective_damping(run, matrix):
    options = {"damping": 0.4, "scale": 1.25, "stop": 1e-9, "repeats": 1, "matrix": matrix}
    found = influence_lissa(run.trajectory, run.queries, **options)  # the batch is all samples
    assert found.diagnostics["effective_damping"] == pytest.approx(0.5 + DECAY)
    assert relative_error(found.values, run.influence(run.matrix(matrix), 0.5 + DECAY)) <= 1e-6


def test_lissa_on_random_batches_comes_near(run):
    options = {"damping": 0.1, "scale": 10.0, "stop": 0.0, "iterations": 30, "repeats": 2, "batch": 6}
    found = influence_lissa(run.trajectory, run.queries, **options)
    assert found.diagnostics["iterations"] == [30, 30]
    expected = run.influence(run.hessian, 1 + DECAY)
    assert np.corrcoef(found.values.ravel(), expected.ravel())[0, 1] > 0.98


def test_lissa_stops_each_query_at_the_stated_distance(run):
    options = {"damping": 0.1, "scale": 100.0, "stop": 0.03, "repeats": 1}
    found = influence_lissa(run.trajectory, run.queries, **options).diagnostics
    assert found["effective_damping"] == pytest.approx(10 + DECAY)
    assert 0 < found["last_distance"][0] <= 0.03
    assert 0 < found["iterations"][0] < 100
    found = influence_lissa(run.trajectory, run.queries, iterations=1, repeats=1).diagnostics
    assert found["effective_damping"] == pytest.approx(10 + DECAY)  # the paper's setting is the default


def test_arnoldi_is_the_inverse_on_the_largest_eigenvectors(run):
    values, vectors = torch.linalg.eigh(run.hessian)
    damping, rank = 0.02, 4
    inverse = vectors[:, -rank:] @ torch.diag(1 / (values[-rank:] + damping + DECAY)) @ vectors[:, -rank:].T
    expected = run.by_query @ inverse @ run.samples.T / run.process.samples
    options = {"damping": damping, "dimensions": len(values) + 1, "rank": rank}
    found = influence_arnoldi(run.trajectory, run.queries, **options)
    assert found.diagnostics["rank"] == rank
    assert relative_error(found.values, expected) <= 1e-5
    again = influence_arnoldi(run.trajectory, run.queries, **options)
    assert torch.equal(found.values, again.values)


def test_ekfac_of_the_squared_error_has_the_trace_of_the_matrix():
    """Its output factor is a multiple of the identity, whose eigenvectors are anyone's choice; the trace is not."""
    run, far = Explicit("mean_squared_error"), 1e4
    identity = torch.eye(len(run.gauss_newton), dtype=torch.float64)
    inverse = ekfac_inverse(run.trajectory, far) @ identity  # I/d − K/d² + O(1/d³)
    trace = far**2 * (identity / far - inverse).trace()
    assert trace.item() == pytest.approx(run.gauss_newton.trace().item(), rel=1e-3)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_ekfac_is_its_definition_layer_by_layer(smoothing):
    run = Explicit(smoothing=smoothing)
    damping = 0.05
    expected = _ekfac_inverse(run, damping + DECAY)
    values = run.by_query @ expected @ run.samples.T / run.process.samples
    found = influence_ekfac(run.trajectory, run.queries, damping=damping)
    assert relative_error(found.values, values) <= 1e-8
    changes = run.samples @ expected
    for constraint, length in (
        ("loss", (run.samples * changes).sum(1).sqrt()),
        ("parameters", changes.norm(dim=1)),
    ):
        options = {"damping": damping, "constraint": constraint}
        assert relative_error(relatif(run.trajectory, run.queries, **options).values, values / length) <= 1e-8


def _ekfac_inverse(run: Explicit, damping: float) -> torch.Tensor:
    """The damped EK-FAC inverse [p, p] of an MLP with one hidden layer, from its explicit Gauss–Newton matrix.

    A layer's Kronecker factors are the second moments of its inputs (with a one for the bias) and of the gradients
    at its outputs; the corrected eigenvalues are the diagonal of the layer's own block in their eigenbasis.
    """
    process, (w1, b1, w2, b2) = run.process, run.process.model.views(run.state.parameters)
    x = process.inputs.flatten(1)
    hidden = torch.tanh(x @ w1.T + b1)
    logits = hidden @ w2.T + b2
    inverse = torch.zeros_like(run.gauss_newton)
    offset = 0
    for inputs, weight in ((x, w1), (hidden, w2)):
        rows, columns = weight.shape
        ones = torch.ones(len(x), 1, dtype=torch.float64)
        a = torch.cat([inputs, ones], 1)
        A = a.T @ a / len(x)
        outer = torch.zeros(rows, rows, dtype=torch.float64)
        for n in range(len(x)):
            inner = torch.autograd.functional.hessian(
                lambda z, n=n: process.loss.values(z[None], process.targets[n : n + 1]).sum(), logits[n]
            )
            back = (
                torch.eye(rows, dtype=torch.float64) if weight is w2 else w2 @ torch.diag(1 - hidden[n] ** 2)
            )
            outer += back.T @ inner @ back / len(x)
        basis = torch.kron(torch.linalg.eigh(outer)[1], torch.linalg.eigh(A)[1])
        # Rows of the joint matrix [weight, bias] in the order of the flat vector.
        joint = [offset + r * columns + c for r in range(rows) for c in range(columns)]
        bias = [offset + rows * columns + r for r in range(rows)]
        place = [p for r in range(rows) for p in (*joint[r * columns : (r + 1) * columns], bias[r])]
        block = run.gauss_newton[place][:, place]
        corrected = torch.diagonal(basis.T @ block @ basis)
        solved = basis @ torch.diag(1 / (corrected + damping)) @ basis.T
        inverse[torch.tensor(place)[:, None], torch.tensor(place)[None]] = solved
        offset += rows * columns + rows
    return inverse


UNIT = {
    "cg": (influence_cg, {"damping": 0.0, "tolerance": 1e-6}),
    "cg_hessian": (influence_cg, {"damping": 0.0, "matrix": "hessian", "tolerance": 1e-4}),
    "lissa": (
        influence_lissa,
        {
            **{"damping": 1e-5, "scale": 1.5, "stop": 1e-3, "repeats": 1},
            "matrix": "gauss_newton",  # the same matrix here, and faster
        },
    ),
}


@pytest.fixture(scope="module")
def convex():
    return converged()


@pytest.mark.parametrize("name", UNIT)
def test_sign_and_unit_are_those_of_true_leave_one_out(convex, name):
    trajectory, queries, real = convex
    method, options = UNIT[name]
    predicted = method(trajectory, queries, **options).values[:, : real.shape[1]]
    for q in range(len(queries)):
        slope = np.polyfit(predicted[q], real[q], 1)[0]
        assert abs(slope - 1) <= 0.05
        assert np.corrcoef(predicted[q], real[q])[0, 1] >= 0.99


def test_approximations_of_the_matrix_stay_near_leave_one_out(convex):
    """EK-FAC and a subspace are not the whole matrix: sign and size are right, the slope not within a few percent."""
    trajectory, queries, real = convex
    for method, options in ((influence_ekfac, {}), (influence_arnoldi, {"dimensions": 40, "rank": 40})):
        predicted = method(trajectory, queries, damping=0.0, **options).values[:, : real.shape[1]]
        assert np.corrcoef(predicted.ravel(), real.ravel())[0, 1] >= 0.9
        assert 0.5 <= np.polyfit(predicted.ravel(), real.ravel(), 1)[0] <= 1.5


def test_an_indefinite_matrix_is_diagnosed(run):
    lowest = torch.linalg.eigvalsh(run.hessian)[0].item()
    assert lowest < -0.005
    with pytest.raises(Diverged, match="not positive definite at effective damping") as caught:
        influence_cg(run.trajectory, run.queries, matrix="hessian", damping=-DECAY, **EXACT)
    assert "gauss_newton" in caught.value.fix


def test_lissa_that_diverges_is_diagnosed(run):
    with pytest.raises(Diverged, match="effective damping 0.011 and scale 0.1") as caught:
        influence_lissa(run.trajectory, run.queries, damping=0.01, scale=0.1)
    assert "raise the method's scale or damping" in caught.value.fix


def test_a_layer_without_factors_is_named():
    process, data, rates = tiny_process(variant="batch_norm")
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    with pytest.raises(StudyError, match="layer '2' of type BatchNorm"):
        influence_ekfac(Trajectory.in_memory(process, rates), queries)


@pytest.mark.parametrize("method", [influence_cg, influence_lissa, influence_ekfac])
def test_no_queries(run, method):
    nothing = QuerySet([], tiny_data(samples=12), run.process)
    assert method(run.trajectory, nothing).values.shape == (0, 12)


@pytest.mark.parametrize("size", [1.0, 1e-12, 1e-22, 1e-30])
def test_cg_scales_with_its_query_however_small(size):
    """In float32, where the squares of 1e-23 and less are 0."""
    settings = tiny_settings(epochs=1)
    settings["compute"]["dtype"] = "float32"
    process = built(settings, tiny_data(samples=12))
    state = process.initial_state()
    targets = torch.randn(3, len(state.parameters), generator=torch.Generator().manual_seed(0))
    expected, _, _ = solve(process, state, targets, 0.5, 100, 1e-5)
    found, _, residuals = solve(process, state, targets * size, 0.5, 100, 1e-5)
    assert max(residuals) <= 1e-4
    assert relative_error(found.double() / size, expected.double()) <= 1e-4
    nothing, _, _ = solve(process, state, targets * 0, 0.5, 100, 1e-5)
    assert (nothing == 0).all()
