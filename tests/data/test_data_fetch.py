"""Fetching: verified, atomic, resumable, and one clear error when nothing delivers."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import json
import os
import re
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hydra_steps.config.datasets import dataset
from hydra_steps.data import fetch, fetch_data, packages, sources
from hydra_steps.data.sources import Mirror
from hydra_steps.errors import StudyError, reported

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
def test_what_torchvision_left_is_found(tiny, write_tiny, tiny_files, tmp_path, monkeypatch, zipped, place):
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


def test_what_unpacks_to_more_than_the_file_is_left(tiny, write_tiny, tiny_files, tmp_path):
    home = write_tiny(tmp_path / "tiny", zipped=True)
    name, content = next(iter(tiny_files.items()))
    (home / f"{name}.gz").write_bytes(gzip.compress(content + bytes(50_000_000)))
    with pytest.raises(StudyError, match=rf"{name}.gz holds more than the {len(content):,} bytes of {name}"):
        fetch_data("tiny", tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*")) < 1_000_000


def test_a_pipe_in_the_place_of_a_file_is_no_file(tiny, write_tiny, tiny_files, tmp_path):
    home = write_tiny(tmp_path / "tiny")
    name = next(iter(tiny_files))
    (home / name).unlink()
    os.mkfifo(home / name)
    with pytest.raises(StudyError, match=name):
        fetch_data("tiny", tmp_path)


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

        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
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
