"""Write what a user might have into ``data/own/``: a table, a folder of pictures, a file of texts. Seconds.

    python examples/own_data/make_data.py

``cancer.csv``: 569 patients, 30 measurements of cell nuclei (Wolberg, Street and Mangasarian 1995, UCI, CC BY
4.0; bundled with scikit-learn). ``digits/<digit>/<number>.png``: scikit-learn's handwritten digits.
``digits.csv``: their pixels as columns, and whether each digit is even, above four, and prime.
``docstrings.jsonl``: the first paragraphs of docstrings in NumPy, pandas and scikit-learn (BSD licences), and
which library each is from. ``sentences.jsonl``: sentences of the Python language's reference, which Python
ships as ``pydoc_data.topics`` (PSF licence).
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_digits

HOME = Path("data/own")
LIBRARIES = ("numpy", "pandas", "sklearn")
EACH = 400  # docstrings of each library
SHORTEST = 6  # words of a sentence


def main() -> None:
    HOME.mkdir(parents=True, exist_ok=True)
    write_table(HOME / "cancer.csv")
    write_pictures(HOME / "digits")
    write_properties(HOME / "digits.csv")
    write_texts(HOME / "docstrings.jsonl")
    write_sentences(HOME / "sentences.jsonl")
    print(f"{HOME} has cancer.csv, digits/, digits.csv, docstrings.jsonl and sentences.jsonl")


def write_table(path: Path) -> None:
    bunch = load_breast_cancer(as_frame=True)
    diagnosis = [str(bunch.target_names[target]) for target in bunch.target]
    table = bunch.data.assign(patient=[f"P{row:03d}" for row in range(len(diagnosis))], diagnosis=diagnosis)
    table.to_csv(path, index=False)


def write_pictures(folder: Path) -> None:
    bunch = load_digits()
    for number, (image, digit) in enumerate(zip(bunch.images, bunch.target, strict=True)):
        path = folder / str(digit) / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rint(image * 255 / 16).astype(np.uint8)).save(path)


def write_properties(path: Path) -> None:
    bunch = load_digits(as_frame=True)
    digit = bunch.target
    properties = {"even": digit % 2 == 0, "above_four": digit > 4, "prime": digit.isin([2, 3, 5, 7])}
    table = bunch.data.astype(int).assign(**{name: said.astype(int) for name, said in properties.items()})
    table.insert(0, "image", [f"{number:04d}" for number in range(len(table))])
    table.to_csv(path, index=False)


def write_texts(path: Path) -> None:
    lines = []
    for library in LIBRARIES:
        found = dict(sorted(dict(paragraphs(library)).items()))
        for text, name in list(found.items())[:: max(1, len(found) // EACH)][:EACH]:
            lines.append(json.dumps({"name": name, "text": text, "library": library}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_sentences(path: Path) -> None:
    lines, seen = [], set()
    for topic, text in sorted(topics.items()):
        said = [" ".join(part.split()) for part in text.split("\n\n") if part[:1].isalpha()]
        sentences = re.split(
            r"(?<=[.:]) +(?=[A-Z])", " ".join(part for part in said if part.endswith((".", ":")))
        )
        for number, sentence in enumerate(sentences):
            if len(sentence.split()) >= SHORTEST and sentence not in seen:
                seen.add(sentence)
                lines.append(json.dumps({"name": f"{topic} {number}", "text": sentence}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def paragraphs(library: str) -> Iterator[tuple[str, str]]:
    """Yield the first paragraph of each public function's and method's docstring, the library's own names left out."""
    package = importlib.import_module(library)
    for module in [package, *(importlib.import_module(name) for name in public_modules(library))]:
        for name, thing in inspect.getmembers(module, inspect.isroutine):
            text = re.sub(r"\s+", " ", (inspect.getdoc(thing) or "").split("\n\n")[0])
            said = re.sub(r"numpy|pandas|sklearn|scikit-learn", "library", text, flags=re.IGNORECASE)
            if (
                str(getattr(thing, "__module__", "")).startswith(library)
                and len(said) > 30
                and not name.startswith("_")
            ):
                yield said, f"{module.__name__}.{name}"


def public_modules(library: str) -> Iterator[str]:
    package = importlib.import_module(library)
    for found in pkgutil.walk_packages(package.__path__, f"{library}.", onerror=lambda name: None):
        if not re.search(r"\b_|test|conftest|externals|f2py|distutils|experimental|\bcore\b", found.name):
            try:
                importlib.import_module(found.name)
            except Exception:  # a module for another library or system
                continue
            yield found.name


if __name__ == "__main__":
    main()
