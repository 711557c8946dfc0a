"""What the page about Python shows does run, and gives what it says."""

from __future__ import annotations

import re
from pathlib import Path

import torch

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_pages_code_runs(capsys) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) == 3
    names: dict[str, object] = {}
    torch.manual_seed(0)
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["scores"].sizes == {"query": 1, "sample": 300}
    lds = names["hs"].lds(names["hs"].predicted_changes(names["scores"], names["groups"]), names["real"])
    assert float(lds[0]) > 0.95
    assert "group: 2" in capsys.readouterr().out
