"""Declarations are read from the source: options from signature and docstring, errors with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.registry.entry import Entry
from hydra_steps.registry.reading import read_entries

SOURCE = '''
import no_such_module
from typing import Annotated, Literal
from hydra_steps.plugins import figure, method

Damping = Annotated[float, "x > 0"]

@method("mine", title="Mine", libraries=["captum"], work={"steps": "2 * runs"})
def score(trajectory, queries, *, damping: Damping = 0.1, runs: Annotated[int | None, "1 <= x <= 5"] = None,
          side: Literal["a", "b"] = "a", sizes: list[int] = [1, 2], plain=3, by_epoch: bool = False):
    """Compute something
    useful.

    More of it.

    Options:
        damping: Added to the diagonal,
            before it is inverted.
        runs: How many.

    The end.
    """

@figure("curve", chapter="Mine")
def plot(detection_table, outputs, methods, style, noise_table=None):
    """A curve.

    Caption of *this*.
    """
'''


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    file = tmp_path / "plug.py"
    file.write_text(
        SOURCE.replace("{", "")
        .replace("}", "")
        .replace('work="steps": "2 * runs"', 'work={"steps": "2 * runs"}')
    )
    return read_entries(file, "plug")


def test_options_are_the_parameters_with_a_default(entries: list[Entry]) -> None:
    method = entries[0]
    assert method.given == ("trajectory", "queries")
    assert method.optional == ("by_epoch",)
    assert method.options == {
        "damping": {
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 0.1,
            "description": "Added to the diagonal, before it is inverted.",
        },
        "runs": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": 5,
            "default": None,
            "description": "How many.",
        },
        "side": {"type": "string", "enum": ["a", "b"], "default": "a", "description": ""},
        "sizes": {"type": "array", "items": {"type": "integer"}, "default": [1, 2], "description": ""},
        "plain": {"type": "integer", "default": 3, "description": ""},
    }
    assert method.defaults() == {"damping": 0.1, "runs": None, "side": "a", "sizes": [1, 2], "plain": 3}


def test_words_come_from_the_docstring(entries: list[Entry]) -> None:
    method, figure = entries
    assert (method.title, method.summary) == ("Mine", "Compute something useful.")
    assert method.text == "More of it.\n\nThe end."
    assert (figure.title, figure.text) == ("curve", "Caption of *this*.")


def test_traits_have_the_decorators_defaults(entries: list[Entry]) -> None:
    method, figure = entries
    assert method.traits["work"] == {"steps": "2 * runs"}
    assert method.traits["libraries"] == ["captum"]
    assert method.traits["unit"] == "query"
    assert figure.traits["chapter"] == "Mine"
    assert figure.given == ("detection_table", "outputs", "methods", "style")
    assert figure.optional == ("noise_table",)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("@method('a b')\ndef f(): ...", "letters, digits"),
        ("@method('a', colours='red')\ndef f(): ...", "did you mean 'colour'"),
        ("@method('a', title=str(1))\ndef f(): ...", "is no literal"),
        ("@method('a')\ndef f(x: set[int] = 1): ...", "the type of x is set[int]"),
        ("@method('a')\ndef f(x: Thing = 1): ...", "Thing is not known"),
        ("@method('a')\ndef f(x: Annotated[int, 'x near 3'] = 1): ...", "no bound"),
        ("@method('a')\ndef f(x=print()): ...", "is no literal"),
        ("@method()\ndef f(): ...", "missing a required argument"),
        ("@dataset(title='a')\ndef f(folder): ...", "missing a required argument"),
        ("def f(:", "invalid syntax"),
    ],
)
def test_an_error_names_file_and_line(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "plug.py"
    file.write_text("\n\n" + line)
    with pytest.raises(StudyError, match=r"plug\.py:3") as caught:
        read_entries(file, "plug")
    assert words in str(caught.value)
    assert caught.value.found
