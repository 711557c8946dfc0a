"""Places where the raw files of a dataset can be had: local folders and public mirrors.

Every source (package clients are in :mod:`hydra_steps.data.packages`) has a ``kind`` and one method
``offer(files, scratch)`` that returns, per file name, the path of a candidate (plain or gzip) or the reason
why there is none. It never raises and never decides whether a candidate is right:
:mod:`hydra_steps.data.fetch` verifies.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hydra_steps.data.registry import RawFile

CONNECT_SECONDS = 3.0
SILENCE_SECONDS = 20.0  # a transfer that sends nothing for so long has failed

Offer = dict[str, Path | str]


def find_in_folder(folder: Path, file: RawFile) -> Path | None:
    names = (file.name, f"{file.name}.gz") if file.unzip else (file.name,)
    return next((folder / name for name in names if (folder / name).is_file()), None)


@dataclass(frozen=True)
class LocalFolder:
    """Folders of this machine: each file is looked for, plain or as ``.gz``, in each folder in turn."""

    folders: tuple[Path, ...]
    kind: str = "local folder"

    def offer(self, files: tuple[RawFile, ...], scratch: Path) -> Mapping[str, Path | str]:
        """Return the first file of the right name for each file."""
        offers: Offer = {}
        for file in files:
            hits = (find_in_folder(folder, file) for folder in self.folders)
            places = " or ".join(str(folder) for folder in self.folders)
            offers[file.name] = next((hit for hit in hits if hit), f"not in {places}")
        return offers


class Mirror:
    """Public mirrors over HTTPS: folders at ``urls`` that hold the files (as ``.gz`` where they are kept
    unpacked).

    All mirrors are asked for one header at the same time, and those that do not answer within
    ``CONNECT_SECONDS`` are left out: without a network the whole source costs at most that long.
    """

    kind = "public mirror"

    def __init__(self, *urls: str) -> None:
        self.urls = urls

    def offer(self, files: tuple[RawFile, ...], scratch: Path) -> Mapping[str, Path | str]:
        """Download each file from the first mirror that delivers it, with one retry."""
        names = {file.name: f"{file.name}.gz" if file.unzip else file.name for file in files}
        alive, reasons = self._answering(next(iter(names.values()), ""))
        offers: Offer = dict.fromkeys(names, "; ".join(reasons))
        for name, remote in names.items():
            errors = list(reasons)
            for url in alive:
                result = _download(url + remote, scratch / remote)
                if isinstance(result, Path):
                    offers[name] = result
                    break
                errors.append(result)
                offers[name] = "; ".join(errors)
        return offers

    def _answering(self, remote: str) -> tuple[list[str], list[str]]:
        answers: dict[str, str] = {}

        def ask(url: str) -> None:
            import requests

            try:
                reply = requests.head(url + remote, timeout=CONNECT_SECONDS, allow_redirects=True)
                answers[url] = "" if reply.ok else f"{url}{remote} answers {reply.status_code}"
            except Exception as error:  # every failure of a mirror means: try the next source
                answers[url] = f"{url}{remote} is unreachable ({type(error).__name__})"

        # Daemon threads, because a name look-up that hangs obeys no time-out.
        threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in self.urls]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + CONNECT_SECONDS + 0.5
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        silent = f"does not answer within {CONNECT_SECONDS:g} s"
        found = {url: answers.get(url, f"{url}{remote} {silent}") for url in self.urls}
        return [url for url in self.urls if not found[url]], [reason for reason in found.values() if reason]


def _download(url: str, target: Path) -> Path | str:
    import pooch

    pooch.get_logger().setLevel("ERROR")
    downloader = pooch.HTTPDownloader(timeout=(CONNECT_SECONDS, SILENCE_SECONDS))
    reason = ""
    for _ in range(2):
        try:
            # The digest is that of the uncompressed content, so it is compared after unpacking.
            path = pooch.retrieve(
                url, known_hash=None, fname=target.name, path=target.parent, downloader=downloader
            )
            return Path(path)
        except Exception as error:
            target.unlink(missing_ok=True)
            reason = f"{url} broke off ({type(error).__name__})"
    return reason
