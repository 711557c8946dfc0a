"""How large the page is with many samples, and how soon a browser shows it: ``python -m tools.explorer_size``.

By default the whole of MNIST with 100 test samples asked about, four methods, two of them kept by epoch (20 epochs);
the numbers are printed, with the processor's time beside the clock's, as that does not depend on what else is running.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.helpers.browser import load, start
from tests.helpers.made_explorer import make_explorer

FACTS = """
const times = Object.fromEntries(performance.getEntriesByType("paint").map((e) => [e.name, e.startTime]));
times.ready = performance.getEntriesByName("ready")[0]?.startTime;
return times;
"""


def measured(browser, page: Path) -> dict[str, float]:
    """Milliseconds to the first paint with content and to the ready page, and the processor's for all of it."""
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    load(browser, page)
    deadline = time.monotonic() + 60
    times = {}
    while not times.get("ready") and time.monotonic() < deadline:
        time.sleep(0.1)
        times = browser.execute_script(FACTS)
    ticks = {m["name"]: m["value"] for m in browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]}
    took = browser.execute_script(
        "const t = performance.now(); document.querySelector('#query-list [role=option]:last-child').click();"
        "return performance.now() - t"
    )
    return {
        "first paint": times["first-contentful-paint"],
        "ready": times["ready"],
        "processor": 1000 * ticks["TaskDuration"],
        "choosing": took,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tools.explorer_size",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="data", help="folder of the verified raw files")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="folder for the page")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    data = {"name": "mnist", "train": None, "validation": 1000, "test": None, "validation_from": "test"}
    page = make_explorer(
        folder,
        queries=arguments.queries,
        epochs=arguments.epochs,
        top=20,
        data=data | {"folder": str(Path(arguments.data).absolute())},
    )
    print(
        f"{page}: {page.stat().st_size / 1e6:.1f} MB, made with its scores in {time.perf_counter() - began:.0f} s"
    )
    browser = start(folder / "browser")
    for _ in range(3):
        print({name: f"{value:.0f} ms" for name, value in measured(browser, page).items()})
    browser.quit()


if __name__ == "__main__":
    main()
