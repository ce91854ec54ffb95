"""The systemd unit: what systemd says of it, and that the service runs under its limits."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parent / "decision-service@.service"
FRONT = UNIT.parent / "decision-front.service"
MOST_EXPOSED = 15
"""Of 100; what is left is the network, which the service needs."""

PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="there is no systemd-analyze: apt-get install systemd",
)


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    """Call systemd-analyze, which needs no running systemd for this."""
    command = ["systemd-analyze", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@needs_systemd
@pytest.mark.parametrize("shipped", [UNIT, FRONT], ids=["service", "front"])
def test_systemd_finds_nothing_wrong(tmp_path: Path, shipped: Path) -> None:
    """Every line is known and has a good value; the program stands in for the installed one."""
    unit = tmp_path / shipped.name
    program = re.sub(r"/(opt|usr/bin)/\S+", sys.executable, shipped.read_text())
    unit.write_text(program)
    done = analyze("verify", "--man=no", str(unit))
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_little_of_the_machine_is_open_to_it(tmp_path: Path) -> None:
    """By systemd's own weights, of which it exceeds the limit where a line is taken out."""
    rated = ("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager")
    assert analyze(*rated, str(UNIT)).returncode == 0
    weaker = tmp_path / UNIT.name
    weaker.write_text(UNIT.read_text().replace("CapabilityBoundingSet=\n", ""))
    assert analyze(*rated, str(weaker)).returncode != 0


def refuse_executable_memory() -> None:
    """What MemoryDenyWriteExecute= does, in the process that is about to be started."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel is older than Linux 6.3")


def test_it_serves_without_writable_memory_that_is_executed(tmp_path: Path) -> None:
    """No library of the service makes code at run time."""
    addresses = dict.fromkeys(
        (f"DECISION_{name}_ADDRESS" for name in ("GRPC", "HTTP", "ADMIN")), "127.0.0.1:0"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "decision_service", "serve"],
        cwd=tmp_path,
        env=os.environ | addresses,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=refuse_executable_memory,
    ) as popen:
        assert popen.stdout is not None
        assert any(line.split()[:1] == ["gRPC"] for line in popen.stdout)
        popen.send_signal(signal.SIGTERM)
        assert popen.wait(60) == 0
