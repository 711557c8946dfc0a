"""The rules of normalisation: batch norm with its running statistics, layer norm and group norm.

Of numbers x with mean μ and r = 1/√(variance + ε) is x̂ = r (x − μ). With P v = v − mean(v) − x̂ mean(x̂ v), which is its
own adjoint, and a = r mean(x̂ ẋ),

    x̂̇ = r P ẋ            γ of x̂ → r P γ of x            r P γ's tangent = r [P γ̇ − a P γ − x̂̇ mean(x̂ γ) − x̂ mean(x̂̇ γ)]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hydra_steps.models.layers import BatchNorm
from hydra_steps.tangents.by_feature import scaled_by_feature, sums
from hydra_steps.tangents.passing import Pass, Step
from hydra_steps.tangents.rule import Bars, Dots, Pushed, Rule


def batch_norm(chain: Pass, module: nn.Module, x: Tensor, x_dot: Tensor | None) -> Step:
    """Batch norm in training, all samples counted alike. What passes over ẋ and ε costs is all that counts here, so
    that everything else is put into factors [q, c] of each feature."""
    assert isinstance(module, BatchNorm)
    dots, count = chain.dots.get(module, {}), x.numel() // x.shape[1]
    place = (1, -1) + (1,) * (x.ndim - 2)
    nothing: tuple[None, None] = (None, None)
    x = x.contiguous()
    scaled, mean, r = torch.native_batch_norm(
        x, *nothing, *nothing, True, 0.0, module.epsilon
    )  # x̂ [b, c, …], r [c]
    w = module.weight if module.weight is not None else torch.ones_like(r)
    y = scaled if module.bias is None else torch.addcmul(module.bias.view(place), scaled, w.view(place))
    scaled_q = scaled.unsqueeze(1)
    directions = _directions(x_dot, dots)
    w_dot = dots["weight"] if "weight" in dots else r.new_zeros(directions, len(r))

    def spread(factors: Tensor) -> Tensor:
        return factors.view(factors.shape + (1,) * (x.ndim - 2))  # [q, c] beside [b, q, c, …]

    mean_dot = a = r.new_zeros(directions, len(r))
    if x_dot is None:
        y_dot = scaled_q * spread(w_dot) + spread(dots["bias"]) if dots else None
    else:
        mean_dot, along_dot = _means(x_dot, scaled)
        a = r * along_dot
        y_dot = _of_features(x_dot, (w * r).expand_as(a), dots.get("bias", 0) - w * r * mean_dot)
        y_dot.addcmul_(scaled_q, spread(w_dot - w * a))
    _follow(chain, module, mean_dot, a / r, r, count)

    def back(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor | None]:
        after_bar = chain.buffers_bar.get(module, {})
        if after_bar:
            kept = 1 - module.momentum
            chain.before_bar[module] = {name: kept * bar for name, bar in after_bar.items()}
        mean_of, turned = _means(delta_dot, scaled)  # mean(ε) and mean(x̂ ε + x̂̇ δ)
        if delta is not None and x_dot is not None:
            first, *sums = torch.ops.aten.native_batch_norm_backward(
                delta.contiguous(), x, w, *nothing, mean, r, True, module.epsilon, [True, True, True]
            )
            along_delta, mean_delta = (part / count for part in sums)
            across = (x_dot * delta.unsqueeze(1)).sum([0, *range(3, x.ndim + 1)]) / count
            turned = turned + r * (across - mean_dot * mean_delta) - a * along_delta
        if "weight" in dots:
            chain.bars[module] = {"weight": count * turned, "bias": count * mean_of}
        if x_dot is None:
            return None, None
        of_scaled, constant = -w * r * turned, -w * r * mean_of
        if delta is not None:
            own = r * (w_dot - w * a)
            bent = -w * r * along_delta  # of x̂̇ = r (ẋ − mean) − a x̂
            of_scaled = of_scaled - own * along_delta - bent * a
            constant = constant - own * mean_delta - bent * r * mean_dot
        if after_bar:
            share = module.momentum / count
            constant = constant + share * after_bar["running_mean"]
            of_scaled = of_scaled + 2 * share * count / (count - 1) * after_bar["running_var"] / r
        result = _of_features(delta_dot, (w * r).expand_as(a), constant)
        result.addcmul_(scaled_q, spread(of_scaled))
        if delta is None:
            return None, result
        result.addcmul_(delta.unsqueeze(1), spread(own))
        result.addcmul_(x_dot, spread((bent * r).expand_as(a)))
        return first, result

    return Step(y, y_dot, back)


def _means(values: Tensor, scaled: Tensor) -> tuple[Tensor, Tensor]:
    """mean(v) and mean(x̂ v) [q, c] of v [b, q, c, …] and x̂ [b, c, …]."""
    count = scaled.numel() // scaled.shape[1]
    if values.shape[1] == 1:
        total, along = sums(values.squeeze(1), scaled)
        return total[None] / count, along[None] / count
    over = [0, *range(3, values.ndim)]
    return values.sum(over) / count, (values * scaled.unsqueeze(1)).sum(over) / count


def _of_features(values: Tensor, factors: Tensor, constant: Tensor) -> Tensor:
    """Factor · v + constant, both [q, c], of v [b, q, c, …]."""
    made = scaled_by_feature(values.flatten(1, 2), factors.flatten(), constant.flatten())
    return made.view(values.shape)


def _directions(x_dot: Tensor | None, dots: Dots) -> int:
    if x_dot is not None:
        return x_dot.shape[1]
    return len(dots["weight"]) if dots else 0


def _follow(chain: Pass, module: BatchNorm, mean_dot: Tensor, along: Tensor, r: Tensor, count: int) -> None:
    """The tangents of the running averages after the step; ``along`` is mean(x̂ ẋ) [q, c]."""
    kept, new = 1 - module.momentum, module.momentum
    before = chain.buffers_dot.get(module, {})
    moved = {"running_mean": mean_dot, "running_var": (2 * count / (count - 1)) * along / r}
    chain.after_dot[module] = {
        name: new * dot + kept * before[name] if before else new * dot for name, dot in moved.items()
    }


def _normalised(x: Tensor, x_dot: Tensor | None, epsilon: float) -> Pushed:
    """x̂ of x [b, …, n], each row of n numbers by itself."""
    x, rows = x.contiguous(), [x.shape[-1]]
    scaled, mean, r = torch.native_layer_norm(x, rows, None, None, epsilon)
    shared, r_q = scaled.unsqueeze(1), r.unsqueeze(1)

    def project(values: Tensor) -> Tensor:
        """r P v of v [b, q, …, n]: layer norm's own way back, of each direction beside the same x."""
        beside = [
            part.unsqueeze(1).expand(-1, values.shape[1], *part.shape[1:]).contiguous()
            for part in (x, mean, r)
        ]
        made: Tensor = torch.ops.aten.native_layer_norm_backward(
            values.contiguous(), beside[0], rows, *beside[1:], None, None, [True, False, False]
        )[0]
        return made

    scaled_dot = None if x_dot is None else project(x_dot)

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        back = project(delta_dot)
        if delta is None or x_dot is None or scaled_dot is None:
            return None, back
        first = project(delta.unsqueeze(1))
        along = (delta * scaled).mean(-1, keepdim=True).mul_(r).unsqueeze(1)
        back.addcmul_(first, (x_dot * shared).mean(-1, keepdim=True) * r_q, value=-1)
        back.addcmul_(scaled_dot, along, value=-1)
        turned = (scaled_dot * delta.unsqueeze(1)).mean(-1, keepdim=True).mul_(r_q)
        return first.squeeze(1), back.addcmul_(shared, turned, value=-1)

    return Pushed(scaled, scaled_dot, pull)


def _affine(
    plain: Pushed, weight: Tensor | None, bias: Tensor | None, dots: Dots, shape: tuple[int, ...]
) -> Pushed:
    """``plain`` with its numbers, of ``shape`` behind the samples, times a weight plus a bias."""
    if weight is None:
        return plain
    x, x_dot, w_dot = plain.y, plain.y_dot, dots["weight"]
    beside = (-1, *[1] * (x.ndim - 1 - len(shape)), *shape)  # of directions, in [b, q, …]
    w, wide = weight.view(shape), w_dot.view(beside)
    y = x * w if bias is None else x * w + bias.view(shape)
    y_dot = x.unsqueeze(1) * wide
    if bias is not None:
        y_dot += dots["bias"].view(beside)
    if x_dot is not None:
        y_dot.addcmul_(x_dot, w)

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        if delta is None:
            return plain.pull(None, delta_dot * w)
        return plain.pull(delta * w, (delta_dot * w).addcmul_(delta.unsqueeze(1), wide))

    def bars(delta: Tensor | None, delta_dot: Tensor) -> Bars:
        bar = delta_dot * x.unsqueeze(1)
        if delta is not None and x_dot is not None:
            bar.addcmul_(delta.unsqueeze(1), x_dot)
        found = {"weight": _sum_to(bar, shape)}
        if bias is not None:
            found["bias"] = _sum_to(delta_dot, shape)
        return {name: value.view(w_dot.shape) for name, value in found.items()}

    return Pushed(y, y_dot, pull, bars)


def _sum_to(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """[b, q, …] summed to [q, *shape]."""
    axes = [0]
    lead = values.ndim - len(shape)
    axes += list(range(2, lead))
    axes += [lead + place for place, size in enumerate(shape) if size == 1]
    return values.sum(axes)


def _layer_norm(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    assert isinstance(module, nn.LayerNorm)
    plain = _normalised(x, x_dot, module.eps)
    return _affine(plain, module.weight, module.bias, dots, tuple(module.normalized_shape))


def _group_norm(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    assert isinstance(module, nn.GroupNorm)
    groups, sides = module.num_groups, x.shape[1:]

    def grouped(values: Tensor, lead: int) -> Tensor:
        return values.reshape(*values.shape[:lead], groups, -1)

    plain = _normalised(grouped(x, 1), None if x_dot is None else grouped(x_dot, 2), module.eps)

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        own = None if delta is None else grouped(delta, 1)
        first, second = plain.pull(own, grouped(delta_dot, 2))
        return None if first is None else first.view(-1, *sides), second.view(*second.shape[:2], *sides)

    y_dot = None if plain.y_dot is None else plain.y_dot.view(*plain.y_dot.shape[:2], *sides)
    shape = (sides[0], *[1] * (len(sides) - 1))
    return _affine(Pushed(plain.y.view(-1, *sides), y_dot, pull), module.weight, module.bias, dots, shape)


NORMS: dict[type[nn.Module], Rule] = {nn.LayerNorm: _layer_norm, nn.GroupNorm: _group_norm}
