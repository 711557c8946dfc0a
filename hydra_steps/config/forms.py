"""Values of a study that may have one of several forms, as types with their JSON schemas."""

from __future__ import annotations

from typing import Annotated, Any

Clip = Annotated[
    dict[str, Any] | None,
    {
        "anyOf": [
            {"type": "null"},
            *(
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": [by],
                    "properties": {by: {"type": "number", "exclusiveMinimum": 0}},
                }
                for by in ("norm", "value")
            ),
        ],
        "x-expected": "null, {norm: 1.0} or {value: 0.5}",
    },
]
Keep = Annotated[
    str | dict[str, Any],
    {
        "anyOf": [
            {"type": "string", "enum": ["all", "sqrt", "auto"]},
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["every"],
                "properties": {"every": {"type": "integer", "minimum": 1}},
            },
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["budget"],
                "properties": {
                    "budget": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(kB|MB|GB|TB)\Z"}
                },
            },
        ],
        "x-expected": "all, sqrt, auto, {every: 10} or {budget: 2GB}",
    },
]
Replay = Annotated[
    str | dict[str, Any],
    {
        "anyOf": [
            {"type": "string", "enum": ["strict"]},
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["tolerant"],
                "properties": {"tolerant": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}},
            },
        ],
        "x-expected": "strict or {tolerant: 1.0e-6}",
    },
]


# What is a folder for every file system, and for Snakemake, to which braces and places on the net mean something else.
FOLDER = {
    "pattern": r"^(?!.*://)(?!.*[^/]{201})(?! )[^\x00-\x1f\x7f{}*?\[\]]{1,1000}(?<! )\Z",
    "x-expected": "a folder's path: names of at most 200 characters, no {}[]*?, no ://, no control characters",
}
