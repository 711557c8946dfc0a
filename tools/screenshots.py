"""The pictures of the report and of the explorer on the pages, made from a finished study by a headless Chromium.

``python -m tools.screenshots results/quickstart`` writes ``images/report.png`` and ``images/explorer.png``. They have
at most 64 colours, so that each is far below 200 kB.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
COLOURS = 64
# What is shown: the page, width and height in pixels.
SHOTS = {"report.png": ("report.html", (1100, 900)), "explorer.png": ("explorer.html", (1200, 900))}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.screenshots", description=__doc__)
    parser.add_argument("results", type=Path, help="the folder of a finished study's results")
    results = parser.parse_args().results
    for name, (page, size) in SHOTS.items():
        photograph((results / page).resolve().as_uri(), ROOT / "images" / name, size)
        print(f"images/{name}: {(ROOT / 'images' / name).stat().st_size // 1000} kB")


def photograph(address: str, output: Path, size: tuple[int, int]) -> None:
    """Write what a browser window of ``size`` (width, height) shows at ``address``."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("error: there is no Chromium here; what to do: install it")
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder, "shot.png")
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--user-data-dir={folder}/profile", f"--window-size={size[0]},{size[1]}"]
        command += ["--virtual-time-budget=10000", f"--screenshot={shot}", address]
        subprocess.run(command, check=True, capture_output=True)
        picture = Image.open(shot).convert("RGB")
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(output, optimize=True)


if __name__ == "__main__":
    main()
