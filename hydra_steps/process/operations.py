"""The operations that reach PyTorch's kernels, watched, and what products among them compute.

PyTorch's own counter (``FlopCounterMode``), as any mode of this kind, would import the compiler to keep it out of the
watching: two seconds of each process, and nothing is compiled here.
"""

from __future__ import annotations

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Watch(TorchDispatchMode):
    """Calls ``seen(operation, its arguments, what it made)`` for each operation."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch does not annotate it

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def seen(self, operation: Any, args: tuple[Any, ...], options: dict[str, Any], made: Any) -> None:
        """Take note of one operation."""
        raise NotImplementedError

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        made = func(*args, **options)
        self.seen(func, args, options, made)
        return made


def products(operation: Any, args: tuple[Any, ...], options: dict[str, Any], made: Any) -> int:
    """Multiplications and additions of an operation that is a matrix product or a convolution, by PyTorch's formulas;
    0 of any other."""
    formula = flop_registry.get(operation._overloadpacket)
    return 0 if formula is None else int(formula(*args, **options, out_val=made))
