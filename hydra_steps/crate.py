"""``python -m hydra_steps.crate config/<study>.yaml``: what a finished study was made from, by what, and what came out,
as an RO-Crate (``ro-crate-metadata.json`` in the study's folder).

The crate names the study's configuration, the raw data by the digests of their manifests, the version of the code and
of Python and PyTorch, and every table, figure and page with its SHA-256 and size. Nothing is copied.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from hydra_steps import __version__
from hydra_steps.config.resolve import load_study
from hydra_steps.config.runs import PlainStudy
from hydra_steps.errors import StudyError, reported
from hydra_steps.plan.artifacts import Artifacts

FOLDERS = ("tables", "figures")
PAGES = ("report.html", "explorer.html")
LICENSE = "https://spdx.org/licenses/MIT"
SOFTWARE, ENVIRONMENT, RUN = "#hydra-steps", "#environment", "#run"
TYPES = {".csv": "text/csv", ".html": "text/html", ".svg": "image/svg+xml", ".png": "image/png"}
TYPES |= {
    ".pdf": "application/pdf",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".md": "text/markdown",
}


def write_crate(study: PlainStudy) -> Path:
    """Write the crate of a resolved, finished study; return its file. :class:`StudyError` where there is no report."""
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    artifacts = Artifacts(study)
    out = Path(artifacts.out)
    if not (out / PAGES[0]).is_file():
        raise StudyError(f"{out} has no {PAGES[0]}", "a finished study", "run the study first")
    crate = ROCrate(version="1.1")
    crate.name = f"hydra-steps study {study['study']}"
    crate.description = (
        "A study of training-data attribution: which training samples made a network what it is."
    )
    crate.license = crate.add(
        ContextEntity(crate, LICENSE, properties={"@type": "CreativeWork", "name": "MIT"})
    )
    ended = datetime.fromtimestamp((out / PAGES[0]).stat().st_mtime, UTC)
    crate.datePublished = ended

    def described(path: Path, identity: str) -> Any:
        return crate.add_file(path, dest_path=identity, properties=_properties(path))

    inputs = [described(out / "config.yaml", "config.yaml")]
    for run_manifest in artifacts.given("raw", artifacts.runs, []):
        properties = {"@type": "CreativeWork", "name": f"raw data: {Path(run_manifest).parent.name}"}
        properties["identifier"] = f"sha256:{_digest(Path(run_manifest))}"
        inputs.append(
            crate.add(ContextEntity(crate, f"#{Path(run_manifest).parent.name}", properties=properties))
        )
    made = [file for folder in FOLDERS for file in sorted((out / folder).iterdir()) if file.is_file()]
    made += [out / page for page in PAGES if (out / page).is_file()]
    outputs = [described(file, str(file.relative_to(out))) for file in made]
    software = {"@type": "SoftwareApplication", "name": "hydra-steps", "version": __version__}
    environment = {
        "@type": "SoftwareApplication",
        "name": f"Python {platform.python_version()} on {platform.system()}",
        "version": platform.python_version(),
        "softwareRequirements": sorted(f"{one.name}=={one.version}" for one in distributions()),
    }
    tools = [
        crate.add(ContextEntity(crate, identity, properties=properties))
        for identity, properties in ((SOFTWARE, software), (ENVIRONMENT, environment))
    ]
    action = {
        "@type": "CreateAction",
        "name": f"run of the study {study['study']}",
        "endTime": ended.isoformat(),
    }
    run = crate.add(ContextEntity(crate, RUN, properties=action))
    run["instrument"], run["object"], run["result"] = tools, inputs, outputs
    crate.root_dataset["mentions"] = [run]
    crate.metadata.write(str(out))
    return out / "ro-crate-metadata.json"


def _properties(path: Path) -> dict[str, Any]:
    return {
        "name": path.name,
        "sha256": _digest(path),
        "contentSize": str(path.stat().st_size),
        "encodingFormat": TYPES.get(path.suffix, "application/octet-stream"),
    }


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hydra_steps.crate", description=__doc__)
    parser.add_argument("study", help="the YAML file of a finished study")
    arguments = parser.parse_args()
    with reported():
        print(write_crate(load_study(arguments.study)))


if __name__ == "__main__":
    main()
