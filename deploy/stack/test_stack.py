"""All parts on one machine: what `make stack` prints runs as printed; the end leaves nothing."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest

from deploy.stack.stack import ROOT

SCENARIO = """
faults:
  - {fault: status, path: /contributions, status: 503}
"""


@dataclass
class Up:
    """The stack as a process, and what it printed until it was up."""

    process: psutil.Popen
    words: str

    def printed(self, label: str) -> str:
        """What follows a label at the beginning of a line."""
        found = re.search(rf"^{label}: (.*)$", self.words, re.MULTILINE)
        assert found is not None, self.words
        return found[1]


def free_ports(number: int) -> list[str]:
    """Ports of this machine that nothing listens on now."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [str(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture(scope="module")
def up() -> Iterator[Up]:
    """The stack with a scenario in which contributions cannot be read."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # PostgreSQL runs as another user where this is root's.
        Path(folder).chmod(0o755)
        yield from started(Path(folder))


def started(folder: Path) -> Iterator[Up]:
    """The stack as a process with its folder; ends it, and finds that no part is left."""
    scenario = folder / "scenario.yaml"
    scenario.write_text(SCENARIO)
    kept = {one: value for one, value in os.environ.items() if not one.startswith("DECISION_")}
    words = ["--folder", str(folder / "kept"), "--scenario", str(scenario)]
    process = psutil.Popen(
        [sys.executable, "-m", "deploy.stack.stack", *words, "--ports", *free_ports(6)],
        cwd=ROOT,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Ctrl-C"):
            break
    assert process.poll() is None, "".join(said)
    yield Up(process, "".join(said))
    parts = process.children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 0
    _, left = psutil.wait_procs(parts, 60)
    process.stdout.close()
    assert left == []


def test_the_decision_that_is_printed_is_made(up: Up) -> None:
    """Through the front where there is one; the scenario's fault refers what it keeps unread."""
    bare = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    command = up.printed("A decision")
    done = subprocess.run(["sh", "-c", command], env=bare, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("REFER"), done.stdout
    assert "front at" in up.words


def test_people_and_pages_are_where_it_says(up: Up) -> None:
    """The command lists people, and the console shows its first page."""
    done = subprocess.run(
        ["sh", "-c", up.printed("People to decide on")], capture_output=True, text=True
    )
    assert "tenantId-" in done.stdout
    url = up.printed("Console").partition(";")[0]
    with httpx2.Client(trust_env=False, follow_redirects=True) as browser:
        assert browser.get(url).status_code == 200
    token = Path(up.printed("Console").rpartition(" ")[2])
    assert token.stat().st_mode & 0o077 == 0
