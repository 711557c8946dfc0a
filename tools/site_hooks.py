"""What MkDocs is told beside ``mkdocs.yml``: files outside ``docs/`` that pages link to become a part of the site.

The pages are read on the host of the repository, too, where links lead to any file of it. So ``README.md`` is the
site's first page, ``config/README.md`` its page of the configuration, other Markdown files are pages under
``repository/``, and everything else (pictures, tables, code) is copied there. A notebook is a page with its stored
results, and a file to take away. The site needs no network, and a link that leads nowhere is a warning, which ``mkdocs
build --strict`` refuses.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from tools.notebooks import notebooks, text_of

ROOT = Path(__file__).parents[1]
WORKER = Path(__file__).with_name("site_worker.js")
NAMED = {"README.md": "index.md", "config/README.md": "configuration.md"}
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
FENCE = re.compile(r"(^```.*?^```[^\n]*$)", re.MULTILINE | re.DOTALL)


def site_path(path: str) -> str:
    """Where a file of the repository is in the site, as MkDocs names its source."""
    if path in NAMED:
        return NAMED[path]
    if path.endswith(".ipynb"):
        path = f"{path.removesuffix('.ipynb')}.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"repository/{path}"


def linked(path: str, text: str) -> dict[str, str]:
    """The relative links of a page at ``path`` (from the root) → the file of the repository that each means."""
    found = {}
    for piece in FENCE.split(text)[::2]:
        for _, link, _ in LINK.findall(piece):
            if "://" not in link and not link.startswith(("/", "mailto:", "data:")):
                found[link] = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return found


def outside() -> set[str]:
    """The files outside ``docs/`` that its pages link to, and those that these link to, from the root."""
    pages = [*(ROOT / "docs").glob("*.md"), *notebooks()]
    todo = ["README.md", *(path.relative_to(ROOT).as_posix() for path in pages)]
    found = {"README.md"}
    while todo:
        path = todo.pop()
        for target in linked(path, text_of(ROOT / path)).values():
            if target not in found and not target.startswith("docs/") and (ROOT / target).is_file():
                found.add(target)
                todo += [target] if target.endswith(".md") else []
    return found


def on_files(files: Files, config: Any) -> Files:
    """Add what is outside ``docs/``, and the notebooks as pages."""
    for path in notebooks():
        own = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, site_path(own), content=text_of(path)))
    for path in sorted(outside()):
        files.append(File.generated(config, site_path(path), abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links between files of the repository into links between files of the site."""
    own = page.file.src_uri
    source = {place: path for path, place in NAMED.items()}.get(own)
    if source is None:
        source = own.removeprefix("repository/") if own.startswith("repository/") else f"docs/{own}"
    meant = linked(source, markdown)

    def rewritten(link: re.Match[str]) -> str:
        if link[2] not in meant:
            return link[0]
        target = posixpath.relpath(site_path(meant[link[2]]), posixpath.dirname(own) or ".")
        return f"{link[1]}{target}{link[3]}"

    pieces = FENCE.split(markdown)
    pieces[::2] = [LINK.sub(rewritten, piece) for piece in pieces[::2]]
    text = "".join(pieces)
    if own.startswith("notebooks/"):
        title, _, rest = text.partition("\n")
        text = f"{title}\n\n[Download this notebook]({Path(own).stem}.ipynb)\n{rest}"
    return text


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:
    """Leave out the roles of Sphinx in docstrings, such as ``:func:``, before what they name."""
    return re.sub(r":\w+:<code>~?", "<code>", html)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Put our own stand-in for workers where the theme would fetch one from a host."""
    return re.sub(r'<script src="https://unpkg\.com/iframe-worker/shim"></script>', _worker, output)


def _worker(_: re.Match[str]) -> str:
    return f"<script>\n{WORKER.read_text(encoding='utf-8')}</script>"
