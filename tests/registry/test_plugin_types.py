"""What a study's own file can import beside the decorators."""

from __future__ import annotations

import pytest

from hydra_steps import plugins


@pytest.mark.parametrize("name", sorted(plugins._TYPES))
def test_every_type_is_there(name):
    assert getattr(plugins, name).__name__ == name


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'Parts'"):
        plugins.Parts  # noqa: B018
