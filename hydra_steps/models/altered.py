"""Whether calling a module is running its class's ``forward`` and nothing else.

What knows a layer by its class (the layer rules, the list of layers for forward mode, pooling before ReLU) may speak
only for such modules.
"""

from __future__ import annotations

from torch import nn
from torch.nn.modules import module as torchs

_HOOKS = {
    "_forward_pre_hooks": "a hook before its forward pass",
    "_forward_hooks": "a hook after its forward pass",
    "_backward_pre_hooks": "a hook before its backward pass",
    "_backward_hooks": "a hook after its backward pass",
}


def alteration(module: nn.Module) -> str:
    """What else happens when ``module`` is called, in words; empty for nothing. Its children are not looked at."""
    if torchs._has_any_global_hook():
        return "is called with hooks of all modules"
    if "forward" in vars(module):
        return "has a forward pass of its own, not its class's"
    return next((f"has {words}" for name, words in _HOOKS.items() if getattr(module, name)), "")
