"""`make walk`: what one decision passes in the running service."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from lint.budget import BUDGET


@pytest.mark.long
def test_a_decision_passes_the_files_of_the_budget_and_a_warm_one_fewer():
    """Both walks begin at the edge and end in the store; only the cold one asks the vendor."""
    command = [sys.executable, "-m", "bench.walk"]
    printed = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=240
    ).stdout
    cold, warm = re.split(r"^A warm decision", printed, flags=re.MULTILINE)
    files = [set(re.findall(r"^  (\S+\.py)", walk, flags=re.MULTILINE)) for walk in (cold, warm)]
    assert len(files[1]) < len(files[0])
    for walk in files:
        assert {"decide/decide.py", "store/commit.py"} <= walk
        assert not any(file.startswith(("api/", "standin/")) for file in walk)
    assert [any(file.startswith("smile/") for file in walk) for walk in files] == [True, False]
    assert printed.count("Fewer than 6 lines run of ") == 2
    assert printed.endswith(f"Files: cold {len(files[0])}, warm {len(files[1])}\n")
    limits = tomllib.loads(BUDGET.read_text(encoding="utf-8"))
    for name, walk in zip(("cold_files", "warm_files"), files, strict=True):
        assert len(walk) <= limits[name], f"{name} of {BUDGET.name}: {sorted(walk)}"
