"""Whether labels are good enough, for a continuous integration of data: ``python -m hydra_steps.audit summary.json
--most 0.01`` ends with 1 where more than one label in a hundred is estimated to be wrong."""

from __future__ import annotations

import argparse
import sys

from hydra_steps.audit.summary import too_many_wrong
from hydra_steps.errors import reported


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hydra_steps.audit", description=__doc__)
    parser.add_argument("summary", help="summary.json beside the results of an audit")
    parser.add_argument(
        "--most", type=float, required=True, help="largest share of wrong labels, such as 0.01"
    )
    asked = parser.parse_args()
    with reported():
        said = too_many_wrong(asked.summary, asked.most)
    print(said or "no more labels are wrong than are allowed")
    sys.exit(1 if said else 0)


if __name__ == "__main__":
    main()
