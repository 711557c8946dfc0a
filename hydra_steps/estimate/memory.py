"""What cannot fit the memory of a machine, known before anything runs: what methods declare that they hold at once.

Only what is sure counts, so that nothing is refused that might fit: not the estimate, which has a margin. Imports no
torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hydra_steps.config.runs import PlainStudy, run_config, run_names
from hydra_steps.errors import StudyError
from hydra_steps.estimate.rates import Held
from hydra_steps.machine import machine_memory

GPU = Path("/dev/nvidiactl")
SCORES = "score_samples: "


def too_large(study: PlainStudy, held: Mapping[str, Held], memory: float) -> list[StudyError]:
    """Return an error for each line of the estimate, a training or the scores of a method, that holds more than
    ``memory`` bytes; none where the study computes on a GPU."""
    if not _on_processor(study):
        return []
    return [_error(study, line, found, memory) for line, found in held.items() if found.bytes > memory]


def memory_warnings(study: PlainStudy, held: Mapping[str, Held]) -> list[str]:
    """Return a line for each that cannot fit this machine, where it is not known whether it is to run here."""
    return [f"warning: {error}" for error in too_large(study, held, machine_memory())]


def require_memory(study: PlainStudy, held: Mapping[str, Held]) -> None:
    """Raise one :class:`StudyError` for all that cannot fit this machine."""
    found = too_large(study, held, machine_memory())
    if found:
        raise StudyError(" | ".join(error.found for error in found), found[0].expected, found[0].fix)


def _error(study: PlainStudy, line: str, held: Held, memory: float) -> StudyError:
    expected = f"at most {_gigabytes(memory)}, the memory of this machine"
    least = f"{_gigabytes(held.bytes)} of memory at least"
    if not line.startswith(SCORES):
        return StudyError(f"{line}: {held.words} take {least}", expected, "choose a smaller model or data")
    label = line.removeprefix(SCORES)
    method = study["methods"][label]["method"]
    return StudyError(
        f"methods.{label}: {method} with {held.words} takes {least}",
        expected,
        f"lower one of these, remove methods.{label}, or run where there is more memory",
    )


def _on_processor(study: PlainStudy) -> bool:
    devices = {
        run_config(study, run)["compute"]["device"] for run in run_names(study)[:: len(study["seeds"])]
    }
    return "cpu" in devices or ("auto" in devices and not GPU.exists())


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB"
