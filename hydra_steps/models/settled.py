"""A run's model: the module of its name with the weights of a file, and parts of it frozen."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from torch import Tensor, nn

from hydra_steps.config.sections import Model
from hydra_steps.data.group import Shape
from hydra_steps.errors import StudyError
from hydra_steps.models.build import plain_model
from hydra_steps.models.take_over import take_over

NAMED = 6  # so many names in a message


def run_model(model: Model, shape: Shape, outputs: int, seed: int, weights: bool = True) -> nn.Module:
    """Build a run's model for samples of ``shape``, with ``outputs`` outputs, as a training takes it.

    :func:`hydra_steps.models.build.plain_model`, with the parameters and buffers of ``model.initial`` except those
    that match ``model.fresh``, and those that match ``model.frozen`` not to be trained; then PyTorch's batch norm and
    dropout are taken over. Without ``weights`` their file is not read. Raises :class:`StudyError` for a file that is
    not the one that the study was planned with, or whose tensors do not fit, with their names, and for patterns that
    match nothing.
    """
    return take_over(settled_model(model, shape, outputs, seed, weights))


def settled_model(model: Model, shape: Shape, outputs: int, seed: int, weights: bool = True) -> nn.Module:
    """:func:`run_model` with no layer taken over."""
    module = plain_model(model.name, shape, outputs, model.options, seed)
    if model.initial is not None and weights:
        _load(module, read_weights(model.initial, model.initial_sha256), model.fresh, model.initial)
    for name, parameter in module.named_parameters():
        if _matches(name, model.frozen):
            parameter.requires_grad_(False)
    _require_matches("model.frozen", model.frozen, [name for name, _ in module.named_parameters()])
    if model.frozen and not any(parameter.requires_grad for parameter in module.parameters()):
        raise StudyError(
            f"model.frozen {list(model.frozen)} leaves no parameter of {model.name} to be trained",
            "one parameter or more",
            "freeze less",
        )
    return module


def read_weights(file: str | Path, sha256: str | None = None) -> dict[str, Tensor]:
    """Read a ``state_dict`` from a file of PyTorch's (tensors alone, no code is run) or of safetensors."""
    path = Path(file)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StudyError(
            f"model.initial: {path} cannot be read: {error.strerror}",
            "a file of weights",
            "correct the path, which is relative to the study's file",
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise StudyError(
            f"model.initial: {path} has SHA-256 {found[:16]}…",
            f"{sha256[:16]}…, the weights that the study was planned with",
            "run the study again, or restore the file",
        )
    state = _of_safetensors(content, path) if path.suffix == ".safetensors" else _of_torch(content, path)
    wrong = [name for name, value in state.items() if not isinstance(value, Tensor)]
    if wrong:
        raise StudyError(
            f"model.initial: {path} holds {_listed(wrong)}, which are no tensors",
            "the state_dict of a module: torch.save(module.state_dict(), file)",
            "save the state_dict alone",
        )
    return state


def _of_torch(content: bytes, path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise StudyError(
            f"model.initial: {path} is no file of weights: {type(error).__name__} {str(error).partition('.')[0]}",
            "a state_dict that torch.save wrote, or a .safetensors file",
            "save module.state_dict() into it",
        ) from error
    if not isinstance(state, dict):
        raise StudyError(
            f"model.initial: {path} holds a {type(state).__name__}",
            "a state_dict",
            "save module.state_dict()",
        )
    return state


def _of_safetensors(content: bytes, path: Path) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load
    except ImportError as error:
        raise StudyError(
            f"model.initial: {path} needs the library safetensors", "", "pip install safetensors"
        ) from error
    try:
        state: dict[str, Tensor] = load(content)
        return state
    except SafetensorError as error:
        raise StudyError(
            f"model.initial: {path} is no safetensors file: {error}",
            "a file that safetensors wrote",
            "save the weights again",
        ) from error


def _load(module: nn.Module, state: dict[str, Tensor], fresh: Sequence[str], file: str) -> None:
    """Put tensors of ``state`` into the module; what matches ``fresh`` stays as it was drawn."""
    own = module.state_dict()
    _require_matches("model.fresh", fresh, list(own))
    wanted = [name for name in own if not _matches(name, fresh)]
    wrong = [f"{name} is missing" for name in wanted if name not in state]
    wrong += [
        f"{name} has the shape {tuple(state[name].shape)} and {tuple(own[name].shape)} is needed"
        for name in wanted
        if name in state and state[name].shape != own[name].shape
    ]
    wrong += [
        f"{name} is no part of the model" for name in state if name not in own and not _matches(name, fresh)
    ]
    if wrong:
        raise StudyError(
            f"model.initial: in {file}, {_listed(wrong)}",
            "a tensor for each of the model's, of its shape, and no others",
            "take another file or model, or name in model.fresh what is to be drawn anew",
        )
    module.load_state_dict({name: state[name] if name in wanted else own[name] for name in own})


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _require_matches(key: str, patterns: Sequence[str], names: Sequence[str]) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise StudyError(
                f"{key}: {pattern!r} matches nothing",
                f"a pattern of the model's names, {', '.join(names)}",
                "correct the pattern",
            )


def _listed(items: Sequence[str]) -> str:
    more = f", and {len(items) - NAMED} more" if len(items) > NAMED else ""
    return ", ".join(items[:NAMED]) + more
