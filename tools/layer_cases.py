"""Layers and containers of ``torch.nn``, each in a small network: what ``python -m tools.layers`` runs.

This file is a plug-in, whose model ``layer`` builds the network around one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations

from hydra_steps.plugins import model
from tools.layer_calls import (
    Call,
    Called,
    Residual,
    Tied,
    both,
    each,
    embedded,
    first,
    folded,
    halves,
    last_state,
    self_attention,
    unpool,
    weights,
)

SIDE = 6
Make = Callable[[], nn.Module]


@dataclass(frozen=True)
class Case:
    """A layer for inputs [b, *shape]; ``call`` where it is not called with one tensor and gives one."""

    group: str
    shape: tuple[int, ...]
    make: Make
    call: Call | None = None


V, S, P, C = (6,), (2, 8), (4, SIDE, SIDE), (2, 4, 4, 4)  # vector, signal, picture, cube
T = (5, 4)  # tokens of four features


def _group(name: str, *rows: tuple[Any, ...]) -> dict[str, Case]:
    return {label: Case(name, *rest) for label, *rest in rows}


CASES: dict[str, Case] = {
    **_group(
        "containers",
        ("Sequential", V, lambda: nn.Sequential(nn.Linear(6, 6), nn.Tanh())),
        ("a class derived from Sequential", V, lambda: Residual(nn.Linear(6, 6), nn.Tanh())),
        ("ModuleList", V, lambda: nn.ModuleList([nn.Linear(6, 6), nn.Linear(6, 6)]), each),
        ("ModuleDict", V, lambda: nn.ModuleDict({"a": nn.Linear(6, 6), "b": nn.Linear(6, 6)}), each),
        ("ParameterList", V, lambda: nn.ParameterList([torch.linspace(-1, 2, 6), torch.ones(6)]), weights),
        ("ParameterDict", V, lambda: nn.ParameterDict({"a": torch.linspace(-1, 2, 6)}), weights),
    ),
    **_group(
        "linear",
        ("Identity", V, nn.Identity),
        ("Linear", V, lambda: nn.Linear(6, 5)),
        ("Linear of more than two axes", T, lambda: nn.Linear(4, 3)),
        ("LazyLinear", V, lambda: nn.LazyLinear(5)),
        ("Bilinear", V, lambda: nn.Bilinear(6, 6, 4), both),
    ),
    **_group(
        "convolutions",
        ("Conv1d", S, lambda: nn.Conv1d(2, 3, 3)),
        ("Conv2d", P, lambda: nn.Conv2d(4, 3, 3)),
        ("Conv2d in groups", P, lambda: nn.Conv2d(4, 4, 3, groups=2, padding=1)),
        ("Conv2d with reflected padding", P, lambda: nn.Conv2d(4, 4, 3, padding_mode="reflect", padding=1)),
        ("Conv3d", C, lambda: nn.Conv3d(2, 2, 2)),
        ("LazyConv2d", P, lambda: nn.LazyConv2d(3, 3)),
        ("ConvTranspose1d", S, lambda: nn.ConvTranspose1d(2, 3, 3)),
        ("ConvTranspose2d", P, lambda: nn.ConvTranspose2d(4, 2, 3, stride=2)),
        ("ConvTranspose3d", C, lambda: nn.ConvTranspose3d(2, 2, 2)),
        ("Unfold", P, lambda: nn.Unfold(2)),
        ("Fold", P, lambda: nn.Fold((SIDE, SIDE), 2), folded),
    ),
    **_group(
        "pooling",
        ("MaxPool1d", S, lambda: nn.MaxPool1d(2)),
        ("MaxPool2d", P, lambda: nn.MaxPool2d(2)),
        ("MaxPool3d", C, lambda: nn.MaxPool3d(2)),
        ("MaxUnpool2d", P, lambda: nn.MaxUnpool2d(2), unpool),
        ("AvgPool1d", S, lambda: nn.AvgPool1d(2)),
        ("AvgPool2d", P, lambda: nn.AvgPool2d(2)),
        ("AvgPool3d", C, lambda: nn.AvgPool3d(2)),
        ("LPPool1d of an odd power", S, lambda: nn.LPPool1d(3, 2)),
        ("LPPool1d", S, lambda: nn.LPPool1d(2, 2)),
        ("LPPool2d", P, lambda: nn.LPPool2d(2, 2)),
        ("LPPool3d", C, lambda: nn.LPPool3d(2, 2)),
        ("FractionalMaxPool2d", P, lambda: nn.FractionalMaxPool2d(2, output_size=4)),
        ("AdaptiveMaxPool1d", S, lambda: nn.AdaptiveMaxPool1d(3)),
        ("AdaptiveMaxPool2d", P, lambda: nn.AdaptiveMaxPool2d(2)),
        ("AdaptiveMaxPool3d", C, lambda: nn.AdaptiveMaxPool3d(2)),
        ("AdaptiveAvgPool1d", S, lambda: nn.AdaptiveAvgPool1d(3)),
        ("AdaptiveAvgPool2d", P, lambda: nn.AdaptiveAvgPool2d(2)),
        ("AdaptiveAvgPool3d", C, lambda: nn.AdaptiveAvgPool3d(2)),
    ),
    **_group(
        "padding",
        ("ZeroPad2d", P, lambda: nn.ZeroPad2d(1)),
        ("ConstantPad2d", P, lambda: nn.ConstantPad2d(1, 0.5)),
        ("CircularPad2d", P, lambda: nn.CircularPad2d(1)),
        ("ReflectionPad1d", S, lambda: nn.ReflectionPad1d(1)),
        ("ReflectionPad2d", P, lambda: nn.ReflectionPad2d(1)),
        ("ReflectionPad3d", C, lambda: nn.ReflectionPad3d(1)),
        ("ReplicationPad1d", S, lambda: nn.ReplicationPad1d(1)),
        ("ReplicationPad2d", P, lambda: nn.ReplicationPad2d(1)),
        ("ReplicationPad3d", C, lambda: nn.ReplicationPad3d(1)),
    ),
    **_group(
        "activations",
        *(
            (name, V, getattr(nn, name))
            for name in (
                *("CELU", "ELU", "GELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU"),
                *(
                    "LogSigmoid",
                    "Mish",
                    "PReLU",
                    "ReLU",
                    "ReLU6",
                    "RReLU",
                    "SELU",
                    "Sigmoid",
                    "SiLU",
                    "Softplus",
                ),
                *("Softshrink", "Softsign", "Tanh", "Tanhshrink"),
            )
        ),
        ("GELU, by tanh", V, lambda: nn.GELU("tanh")),
        ("ReLU in place", V, lambda: nn.Sequential(nn.Linear(6, 6), nn.ReLU(inplace=True))),
        ("Threshold", V, lambda: nn.Threshold(0.1, 0.2)),
        ("GLU", V, nn.GLU),
        ("Softmin", V, lambda: nn.Softmin(-1)),
        ("Softmax", V, lambda: nn.Softmax(-1)),
        ("Softmax2d", P, nn.Softmax2d),
        ("LogSoftmax", V, lambda: nn.LogSoftmax(-1)),
    ),
    **_group(
        "normalisation",
        ("BatchNorm1d", V, lambda: nn.BatchNorm1d(6)),
        ("BatchNorm2d", P, lambda: nn.BatchNorm2d(4)),
        ("BatchNorm3d", C, lambda: nn.BatchNorm3d(2)),
        ("LazyBatchNorm2d", P, nn.LazyBatchNorm2d),
        ("BatchNorm1d, track_running_stats=False", V, lambda: nn.BatchNorm1d(6, track_running_stats=False)),
        ("BatchNorm1d, momentum=None", V, lambda: nn.BatchNorm1d(6, momentum=None)),
        ("SyncBatchNorm", P, lambda: nn.SyncBatchNorm(4)),
        ("LayerNorm", V, lambda: nn.LayerNorm(6)),
        ("GroupNorm", P, lambda: nn.GroupNorm(2, 4)),
        ("InstanceNorm1d", S, lambda: nn.InstanceNorm1d(2, affine=True)),
        ("InstanceNorm2d", P, lambda: nn.InstanceNorm2d(4)),
        ("InstanceNorm3d", C, lambda: nn.InstanceNorm3d(2)),
        (
            "InstanceNorm1d, track_running_stats=True",
            S,
            lambda: nn.InstanceNorm1d(2, track_running_stats=True),
        ),
        ("RMSNorm", V, lambda: nn.RMSNorm(6)),
        ("LocalResponseNorm", P, lambda: nn.LocalResponseNorm(2)),
        ("CrossMapLRN2d", P, lambda: nn.CrossMapLRN2d(2)),
    ),
    **_group(
        "dropout",
        ("Dropout", V, lambda: nn.Dropout(0.3)),
        ("Dropout1d", S, lambda: nn.Dropout1d(0.3)),
        ("Dropout2d", P, lambda: nn.Dropout2d(0.3)),
        ("Dropout3d", C, lambda: nn.Dropout3d(0.3)),
        ("AlphaDropout", V, lambda: nn.AlphaDropout(0.3)),
        ("FeatureAlphaDropout", P, lambda: nn.FeatureAlphaDropout(0.3)),
    ),
    **_group(
        "recurrent",
        ("RNN", T, lambda: nn.RNN(4, 3, batch_first=True), first),
        ("LSTM", T, lambda: nn.LSTM(4, 3, 2, batch_first=True, bidirectional=True), first),
        ("LSTM, its last state", T, lambda: nn.LSTM(4, 3, batch_first=True), last_state),
        ("LSTM, proj_size", T, lambda: nn.LSTM(4, 3, batch_first=True, proj_size=2), first),
        ("GRU", T, lambda: nn.GRU(4, 3, batch_first=True), first),
        (
            "GRU, dropout between its layers",
            T,
            lambda: nn.GRU(4, 3, 2, batch_first=True, dropout=0.3),
            first,
        ),
        ("GRU, batch_first=False by mistake", T, lambda: nn.GRU(4, 3), first),
        ("RNNCell", V, lambda: nn.RNNCell(6, 4)),
        ("LSTMCell", V, lambda: nn.LSTMCell(6, 4), first),
        ("GRUCell", V, lambda: nn.GRUCell(6, 4)),
    ),
    **_group(
        "attention",
        ("MultiheadAttention", T, lambda: nn.MultiheadAttention(4, 2, batch_first=True), self_attention),
        (
            "MultiheadAttention, dropout",
            T,
            lambda: nn.MultiheadAttention(4, 2, 0.3, batch_first=True),
            self_attention,
        ),
        ("TransformerEncoderLayer", T, lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)),
        ("TransformerDecoderLayer", T, lambda: nn.TransformerDecoderLayer(4, 2, 8, batch_first=True), both),
        (
            "TransformerEncoder",
            T,
            lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2),
        ),
        (
            "TransformerDecoder",
            T,
            lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, batch_first=True), 1),
            both,
        ),
        ("Transformer", T, lambda: nn.Transformer(4, 2, 1, 1, 8, batch_first=True), both),
    ),
    **_group(
        "embeddings",
        ("Embedding", V, lambda: nn.Embedding(3, 4), embedded),
        ("Embedding, padding_idx", V, lambda: nn.Embedding(3, 4, padding_idx=0), embedded),
        ("Embedding, max_norm", V, lambda: nn.Embedding(3, 4, max_norm=0.5), embedded),
        ("Embedding, sparse", V, lambda: nn.Embedding(3, 4, sparse=True), embedded),
        ("Embedding, padding_idx, tied", V, Tied, embedded),
        ("EmbeddingBag", V, lambda: nn.EmbeddingBag(3, 4), embedded),
    ),
    **_group(
        "shape and distance",
        ("Flatten", P, nn.Flatten),
        ("Unflatten", V, lambda: nn.Unflatten(1, (2, 3))),
        ("PixelShuffle", P, lambda: nn.PixelShuffle(2)),
        ("PixelUnshuffle", P, lambda: nn.PixelUnshuffle(2)),
        ("ChannelShuffle", P, lambda: nn.ChannelShuffle(2)),
        ("Upsample, nearest", P, lambda: nn.Upsample(scale_factor=2)),
        ("Upsample, bicubic", P, lambda: nn.Upsample(scale_factor=1.5, mode="bicubic")),
        ("UpsamplingNearest2d", P, lambda: nn.UpsamplingNearest2d(scale_factor=2)),
        ("UpsamplingBilinear2d", P, lambda: nn.UpsamplingBilinear2d(scale_factor=2)),
        ("CosineSimilarity", S, lambda: nn.CosineSimilarity(-1), halves),
        ("PairwiseDistance", S, nn.PairwiseDistance, halves),
    ),
    **_group(
        "of torch.nn.utils",
        ("weight_norm", V, lambda: nn.utils.weight_norm(nn.Linear(6, 6))),
        ("parametrizations.weight_norm", V, lambda: parametrizations.weight_norm(nn.Linear(6, 6))),
        ("spectral_norm", V, lambda: nn.utils.spectral_norm(nn.Linear(6, 6))),
        ("parametrizations.spectral_norm", V, lambda: parametrizations.spectral_norm(nn.Linear(6, 6))),
        ("parametrizations.orthogonal", V, lambda: parametrizations.orthogonal(nn.Linear(6, 6))),
    ),
}


@model("layer")
def network(shape: Sequence[int], outputs: int, label: str = "Linear") -> nn.Module:
    """A layer between two with parameters, all in plain sequences where the layer allows it."""
    case = CASES[label]
    layer = case.make()
    if case.call is not None:
        layer = Called(layer, case.call)
    if case.shape == P:
        first: list[nn.Module] = [nn.Conv2d(shape[0], P[0], 3, padding=1), nn.Tanh()]
    else:
        first = [nn.Flatten(), nn.Linear(prod(shape), prod(case.shape)), nn.Tanh()]
        first += [nn.Unflatten(1, case.shape)] if len(case.shape) > 1 else []
    return nn.Sequential(*first, layer, nn.Flatten(), nn.LazyLinear(outputs))
