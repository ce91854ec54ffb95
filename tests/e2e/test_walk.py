"""`make walk`: what one decision passes in the running service."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


@pytest.mark.long
def test_a_warm_decision_passes_fewer_files_than_a_cold_one():
    """Both walks begin at the edge and end in the store; only the cold one asks the vendor."""
    command = [sys.executable, "-m", "bench.walk", "0.5"]
    printed = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=120
    ).stdout
    cold, warm = re.split(r"^A warm decision", printed, flags=re.MULTILINE)
    files = [set(re.findall(r"^  (\S+\.py)", walk, flags=re.MULTILINE)) for walk in (cold, warm)]
    assert len(files[1]) < len(files[0])
    for walk in files:
        assert {"pipeline/decide/decide.py", "storage/commit/writer.py"} <= walk
        assert not any(file.startswith(("api/", "simulator/")) for file in walk)
    assert [any(file.startswith("smile/") for file in walk) for walk in files] == [True, False]
