"""Methods whose library is not installed are refused by name when the study is read."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.errors import StudyError
from hydra_steps.registry import entries

NEEDY = {
    name: list(entry.traits["libraries"])
    for name, entry in entries("method").items()
    if entry.traits["libraries"]
}


class _Without:
    """An importer that knows no library of a list."""

    def __init__(self, libraries):
        self.libraries = libraries

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in self.libraries else PathFinder.find_spec(name, path, target)


@pytest.mark.parametrize("name", NEEDY)
def test_a_method_without_its_library_is_refused(name, monkeypatch):
    resolve_study({"methods": {"mine": {"method": name}}})
    for library in NEEDY[name]:
        monkeypatch.delitem(sys.modules, library, raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Without(NEEDY[name])])
    with pytest.raises(StudyError) as caught:
        resolve_study({"methods": {"mine": {"method": name}}})
    assert f"methods.mine: the method {name} needs {' and '.join(NEEDY[name])}" in caught.value.found
    assert "pip install '.[rivals]'" in caught.value.fix


def test_the_others_need_none(monkeypatch):
    libraries = {library for needed in NEEDY.values() for library in needed}
    for library in libraries:
        monkeypatch.delitem(sys.modules, library, raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Without(libraries)])
    resolve_study({"methods": {name: {} for name in entries("method") if name not in NEEDY}})
