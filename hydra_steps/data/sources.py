"""Places where the raw files of a dataset can be had: local folders and public mirrors.

Every source (package clients are in :mod:`hydra_steps.data.packages`) has a ``kind`` and one method
``offer(files, scratch)`` that returns, per file name, candidates (paths, plain or gzip) and reasons why there
are none. It never raises for a source that fails and never decides whether a candidate is right:
:mod:`hydra_steps.data.fetch` verifies.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hydra_steps.data.raw import RawFile

CONNECT_SECONDS = 3.0
SILENCE_SECONDS = 20.0  # a transfer that sends nothing for so long has failed,
LEAST_BYTES = 50_000  # and so has one that brought fewer a second in that time

Offer = Mapping[str, Iterable[Path | str]]


def find_in_folder(folder: Path, file: RawFile) -> list[Path]:
    """Return the candidates for ``file`` in ``folder``: plain, then ``.gz`` where it is kept unpacked."""
    names = (file.name, f"{file.name}.gz") if file.unzip else (file.name,)
    return [folder / name for name in names if (folder / name).is_file()]


@dataclass(frozen=True)
class LocalFolder:
    """Folders of this machine: every file of the right name in each folder in turn is a candidate."""

    folders: tuple[Path, ...]
    kind: str = "local folder"

    def offer(self, files: tuple[RawFile, ...], scratch: Path) -> Offer:
        """Return the files of the right name for each file, or where there is none."""
        absent = f"not in {' or '.join(str(folder) for folder in self.folders)}"
        hits = {file.name: [hit for d in self.folders for hit in find_in_folder(d, file)] for file in files}
        return {name: found or [absent] for name, found in hits.items()}


class Mirror:
    """Public mirrors over HTTPS: folders at ``urls`` that hold the files (as ``.gz`` where they are kept
    unpacked).

    All mirrors are asked for one header at the same time, and those that do not answer within
    ``CONNECT_SECONDS`` are left out: without a network the whole source costs at most that long.
    """

    kind = "public mirror"

    def __init__(self, *urls: str) -> None:
        self.urls = urls

    def offer(self, files: tuple[RawFile, ...], scratch: Path) -> Offer:
        """Download each file, when it is asked for, from one mirror after the other; one retry each."""
        remote = {file.name: f"{file.name}.gz" if file.unzip else file.name for file in files}
        alive, reasons = self._answering(next(iter(remote.values()), ""))

        def downloads(name: str) -> Iterator[Path | str]:
            yield from reasons
            for url in alive:
                yield _download(url + name, scratch / name)

        return {name: downloads(there) for name, there in remote.items()}

    def _answering(self, remote: str) -> tuple[list[str], list[str]]:
        answers: dict[str, str] = {}

        def ask(url: str) -> None:
            import requests

            try:
                reply = requests.head(url + remote, timeout=CONNECT_SECONDS, allow_redirects=True)
                answers[url] = "" if reply.ok else f"{url} answers {reply.status_code}"
            except Exception as error:  # every failure of a mirror means: try the next source
                answers[url] = f"{url} is unreachable ({type(error).__name__})"

        # Daemon threads, because a name look-up that hangs obeys no time-out.
        threads = [threading.Thread(target=ask, args=(url,), daemon=True) for url in self.urls]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + CONNECT_SECONDS + 0.5
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        silent = f"does not answer within {CONNECT_SECONDS:g} s"
        found = {url: answers.get(url, f"{url} {silent}") for url in self.urls}
        return [url for url in self.urls if not found[url]], [reason for reason in found.values() if reason]


def _download(url: str, target: Path) -> Path | str:
    """Download ``url``; return the file, or why there is none. Waits no longer than the transfer brings something."""
    answers: list[Path | str] = []
    pace = _Pace()
    thread = threading.Thread(target=lambda: answers.append(_retrieve(url, target, pace)), daemon=True)
    thread.start()
    while not answers:
        before = pace.received
        thread.join(SILENCE_SECONDS)
        if not answers and pace.received - before < SILENCE_SECONDS * LEAST_BYTES:
            pace.stopped = True
            return f"{url} sends less than {LEAST_BYTES / 1000:g} KB a second"
    return answers[0]


def _retrieve(url: str, target: Path, pace: _Pace) -> Path | str:
    import pooch

    pooch.get_logger().setLevel("ERROR")
    get = pooch.HTTPDownloader(timeout=(CONNECT_SECONDS, SILENCE_SECONDS), progressbar=pace)
    reason = ""
    for _ in range(2):
        target.unlink(missing_ok=True)
        try:
            # The digest that decides is that of the uncompressed content, so it is compared after unpacking.
            return Path(
                pooch.retrieve(url, known_hash=None, fname=target.name, path=target.parent, downloader=get)
            )
        except Exception as error:
            reason = f"{url} broke off ({type(error).__name__})"
        if pace.stopped:
            break
    return reason


class _Pace:
    """What pooch takes for a progress bar: it counts what came, and ends a transfer that is no longer waited for."""

    def __init__(self) -> None:
        self.total = self.received = 0
        self.stopped = False

    def update(self, count: int) -> None:
        """Count bytes that came."""
        self.received += count
        if self.stopped:
            raise TimeoutError("nobody waits for it")

    def reset(self) -> None:
        """Nothing: pooch counts once more at the end."""

    def close(self) -> None:
        """Nothing."""
