"""The built image serves, decides and stops, with a root that nothing can write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from unpacked import SECONDS, USER, config, entered, run, wait_until_healthy


@pytest.fixture(scope="module")
def served() -> Iterator[subprocess.Popen[bytes]]:
    """The image's own command on made-up people, with the one setting that a trial needs."""
    environ = os.environ | {"DECISION_ALLOW_PLAINTEXT": "true"}
    with subprocess.Popen(entered(*config()["Cmd"]), env=environ, stdout=subprocess.PIPE) as popen:
        wait_until_healthy(popen)
        yield popen
        popen.kill()


def test_it_serves_as_its_user(served: subprocess.Popen[bytes]) -> None:
    """The store is in /data, the process has the user's number in every place."""
    assert Path(f"/proc/{served.pid}/root/data/decision.db").exists()
    status = Path(f"/proc/{served.pid}/status").read_text()
    assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}" in status


def test_it_decides_an_application(served: subprocess.Popen[bytes]) -> None:
    """One of the made-up people is approved, and the recorded decision replays equal."""
    people = json.loads(run(served, "sandbox", "people", "--format", "json").stdout)
    person = next(one["user_id"] for one in people if "George" in one["name"])
    words = f"decide --user-id {person} --product personal-loan-ph --amount 20000 --term 6"
    done = run(served, *words.split(), "--format", "json")
    decision = json.loads(done.stdout)
    assert decision["outcome"] == "OUTCOME_APPROVE"
    assert run(served, "decisions", "replay", decision["decision_id"]).returncode == 0


def test_without_tls_it_serves_nobody_unless_told_to() -> None:
    """Beyond loopback the image needs TLS and known callers, and says so in one sentence."""
    command = entered("serve")
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 2
    assert "DECISION_TLS_CERT_FILE" in done.stderr


def test_it_stops_when_asked(served: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the first process drains and ends with code 0."""
    served.send_signal(signal.SIGTERM)
    assert served.wait(SECONDS) == 0
