"""The notebooks in ``docs/notebooks/``: run again, with their results stored in them, and turned into pages.

``python -m tools.notebooks`` runs all of them and writes their results into them, so that they can be read where
nothing runs. What differs from run to run (times, progress bars, the kernel's version) is left out; a notebook that is
run again without a change has the same bytes, up to its pictures.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"
TABLE = re.compile(r"<table[^>]*>(.*)</table>", re.DOTALL)
KEPT = ("text/plain", "text/html", "image/png")  # what an output is stored as


def notebooks() -> list[Path]:
    """The notebooks' files, by name."""
    return sorted(FOLDER.glob("*.ipynb"))


def executed(path: Path) -> NotebookNode:
    """The notebook at ``path`` with the results of a run of its own, in an empty folder.

    Raises ``nbclient.exceptions.CellExecutionError``, which shows the cell, where one fails. Cost: a kernel, and what
    the cells take.
    """
    from nbclient import NotebookClient  # not needed for pages

    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=None, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [tidy(output) for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def tidy(output: NotebookNode) -> NotebookNode:
    """An output without what nobody reads: other forms than :data:`KEPT`, and the plain form of a picture."""
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
    for path in notebooks():
        nbformat.write(executed(path), path)
        print(f"{path.name}: done")


if __name__ == "__main__":
    main()
