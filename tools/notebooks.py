"""The notebooks in ``docs/notebooks/``: run again, with their results stored in them, and turned into pages.

``python -m tools.notebooks`` runs all of them and writes their results into them, so that they can be read where
nothing runs. What differs from run to run (times, progress bars, the kernel's version) is left out; a notebook that is
run again without a change has the same bytes, up to its pictures.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
TABLE = re.compile(r"<table[^>]*>(.*)</table>", re.DOTALL)
KEPT = ("text/plain", "text/html", "image/png")  # what an output is stored as


def notebooks() -> list[Path]:
    """The notebooks' files, by name."""
    return sorted(FOLDER.glob("*.ipynb"))


def executed(paths: Sequence[Path]) -> list[NotebookNode]:
    """The notebooks at ``paths`` with the results of a run, one after another, each with no names of the one before.

    Raises ``nbclient.exceptions.CellExecutionError``, which shows the cell, where one fails. Cost: one kernel, in an
    empty folder, since most of a small notebook's time is that of its imports; and what the cells take.
    """
    from nbclient import NotebookClient  # not needed for pages

    found = [nbformat.read(path, as_version=4) for path in paths]
    together = nbformat.v4.new_notebook(metadata=found[0].metadata)
    for notebook in found:
        together.cells += [nbformat.v4.new_code_cell("%reset -f"), *notebook.cells]
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(together, timeout=None, resources={"metadata": {"path": folder}}).execute()
    for notebook in found:
        notebook.metadata["language_info"] = {"name": "python"}
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        for number, cell in enumerate(code, 1):
            cell.metadata.pop("execution", None)
            cell.execution_count = number
            cell.outputs = [tidy(one, number) for one in cell.outputs if one.get("name") != "stderr"]
    return found


def tidy(output: NotebookNode, number: int) -> NotebookNode:
    """A code cell's output without what nobody reads: other forms than :data:`KEPT`, the plain form of a picture."""
    if "execution_count" in output:
        output.execution_count = number
    if "data" in output:
        output.data = NotebookNode({kind: output.data[kind] for kind in KEPT if kind in output.data})
        if "image/png" in output.data:
            output.data.pop("text/plain", None)
        output.metadata = NotebookNode()
    return output


def page(notebook: NotebookNode) -> str:
    """The notebook as Markdown: its texts as they are, code in fences, results below it."""
    parts: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        else:
            parts.append(f"```python\n{cell.source}\n```")
            parts += [shown(output) for output in cell.outputs]
    return "\n\n".join(parts) + "\n"


def text_of(path: Path) -> str:
    """The Markdown of a page, be it a file of Markdown or a notebook."""
    if path.suffix == ".ipynb":
        return page(nbformat.read(path, as_version=4))
    return path.read_text(encoding="utf-8")


def shown(output: NotebookNode) -> str:
    """A result as Markdown: what was printed, a table, or a picture that stands in the page itself."""
    data = output.get("data", {})
    if "image/png" in data:
        return f"![Result of the code above](data:image/png;base64,{data['image/png'].replace(chr(10), '')})"
    if found := TABLE.search(data.get("text/html", "")):
        return f"<table>{found[1]}</table>"
    return f"```text\n{(output.get('text') or data['text/plain']).rstrip()}\n```"


def main() -> None:
    argparse.ArgumentParser(prog="python -m tools.notebooks", description=__doc__).parse_args()
    for path, notebook in zip(notebooks(), executed(notebooks()), strict=True):
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
