"""The rules of layers that call other layers: dense and residual blocks, attention, models of texts.

Each says again, for tangents and their way back, what its class's ``forward`` does.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from hydra_steps.models.densenet import Bottleneck
from hydra_steps.models.dropout import KeyedAttention
from hydra_steps.models.layers import BatchNorm
from hydra_steps.models.resnet18 import BasicBlock
from hydra_steps.models.texts import Gru, TextTransformer
from hydra_steps.tangents.attention import attention, encoder_layer
from hydra_steps.tangents.layers import relu
from hydra_steps.tangents.norms import batch_norm
from hydra_steps.tangents.passing import Block, Call, Pass, Step, added, entered, in_turn
from hydra_steps.tangents.recurrent import RECURRENT, recurrent


def _bottleneck(chain: Pass, module: nn.Module, x: Tensor, x_dot: Tensor | None) -> Step:
    """x with its new features behind it."""
    assert isinstance(module, Bottleneck)
    made, old = chain.through(module.new_features, x, x_dot), x.shape[1]
    assert made.y_dot is not None
    before = made.y_dot.new_zeros(()).expand(*made.y_dot.shape[:2], *x.shape[1:]) if x_dot is None else x_dot

    def back(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor | None]:
        d, e = made.back(None if delta is None else delta[:, old:], delta_dot[:, :, old:])
        d = None if d is None or delta is None else d.add_(delta[:, :old])
        return d, None if e is None else e.add_(delta_dot[:, :, :old])

    return Step(torch.cat([x, made.y], 1), torch.cat([before, made.y_dot], 2), back)


def _basic_block(chain: Pass, module: nn.Module, x: Tensor, x_dot: Tensor | None) -> Step:
    assert isinstance(module, BasicBlock)
    summed: Call = partial(added, chain.call(module.main), chain.call(module.short))
    return in_turn([summed, _activated], x, x_dot)


def _activated(x: Tensor, x_dot: Tensor | None) -> Step:
    return entered(relu(x, x_dot), x_dot, lambda bars: None)


def _gru_of_texts(chain: Pass, module: nn.Module, x: Tensor, x_dot: Tensor | None) -> Step:
    assert isinstance(module, Gru)
    calls: list[Call] = [chain.call(module.embed), chain.call(module.read)]
    if not module.every_place:
        calls.append(partial(_own_mean, x))
    return in_turn([*calls, chain.call(module.say)], x, x_dot)


def _text_transformer(chain: Pass, module: nn.Module, x: Tensor, x_dot: Tensor | None) -> Step:
    assert isinstance(module, TextTransformer)
    length, own = x.shape[1], chain.dots[module]["positions"]

    def placed(x: Tensor, x_dot: Tensor | None) -> Step:
        assert x_dot is not None

        def back(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor | None]:
            bar = torch.zeros_like(own)
            bar[:, :length] = delta_dot.sum(0)
            chain.bars[module] = {"positions": bar}
            return delta, delta_dot

        return Step(x + module.positions[:length], x_dot + own[:, :length], back)

    mask = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
    layers = [partial(encoder_layer, chain, layer, mask=mask) for layer in module.layers]
    calls: list[Call] = [chain.call(module.embed), placed, *layers, chain.call(module.norm)]
    if not module.every_place:
        calls.append(partial(_own_mean, x))
    return in_turn([*calls, chain.call(module.say)], x, x_dot)


def _encoder(chain: Pass, module: nn.Module, x: Tensor, x_dot: Tensor | None) -> Step:
    assert isinstance(module, nn.TransformerEncoder)
    norms = [] if module.norm is None else [module.norm]
    return in_turn([chain.call(layer) for layer in (*module.layers, *norms)], x, x_dot)


def _own_mean(tokens: Tensor, x: Tensor, x_dot: Tensor | None) -> Step:
    """:func:`hydra_steps.models.texts.own_mean`, a sum with shares [b, l, 1]."""
    there = (tokens > 0).to(x.dtype)[..., None]
    shares = there / there.sum(1, keepdim=True).clamp(min=1)

    def back(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor | None]:
        moved = delta_dot.unsqueeze(2) * shares.unsqueeze(1)
        return None if delta is None else delta.unsqueeze(1) * shares, moved

    y_dot = None if x_dot is None else (x_dot * shares.unsqueeze(1)).sum(2)
    return Step((x * shares).sum(1), y_dot, back)


BLOCKS: dict[type[nn.Module], Block] = {
    BatchNorm: batch_norm,
    Bottleneck: _bottleneck,
    BasicBlock: _basic_block,
    nn.MultiheadAttention: attention,
    KeyedAttention: attention,
    nn.TransformerEncoderLayer: encoder_layer,
    nn.TransformerEncoder: _encoder,
    **dict.fromkeys(RECURRENT, recurrent),
    Gru: _gru_of_texts,
    TextTransformer: _text_transformer,
}
