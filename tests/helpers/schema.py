"""The published schema, made once: a test asks whether something fits it."""

from __future__ import annotations

from functools import cache

from jsonschema import Draft202012Validator

from hydra_steps.config.published import published_schema


def fits_schema(study: object) -> None:
    """Raise jsonschema's ValidationError where ``study`` does not fit."""
    _validator().validate(study)


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(published_schema())
