"""The service as a process of its own, as operators run it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.service import ROOT, environ


@dataclass(slots=True)
class Process:
    """A serving process; `address`, `http_url` and `admin_url` are those it printed."""

    popen: subprocess.Popen[str]
    address: str
    http_url: str
    admin_url: str

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(300)

    def stop(self) -> None:
        """Let it hang."""
        self.popen.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on where it hung."""
        self.popen.send_signal(signal.SIGCONT)

    def terminate(self) -> int:
        """Ask it to stop, and return its exit code."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(300)


_NOT_OURS = ("DECISION_", "PYTHONDONTWRITEBYTECODE")
"""An installed service has its modules compiled; to do it at each start takes longer than they."""


def clean_environ(folder: Path, **settings: str) -> dict[str, str]:
    """This environment without settings of the service, plus the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    return kept | environ(folder, **settings)


SERVE = ("decision_service", "serve")
"""The module and arguments of the service as it is installed."""


@contextmanager
def serving(
    folder: Path,
    log: Path | None = None,
    cwd: Path = ROOT,
    program: Sequence[str] = SERVE,
    **settings: str,
) -> Iterator[Process]:
    """Start `serve` and wait until it has printed its addresses; ends it whatever happens.

    What it logs goes to the file `log`, where one is named. The package is the one in `cwd`.
    """
    with (
        (log or Path(os.devnull)).open("w") as lines,
        subprocess.Popen(
            [sys.executable, "-m", *program],
            cwd=cwd,
            env=clean_environ(folder, **settings),
            stdout=subprocess.PIPE,
            stderr=lines,
            text=True,
        ) as popen,
    ):
        try:
            printed = [_printed(popen, name) for name in ("gRPC", "HTTP", "admin")]
            yield Process(popen, *printed)
        finally:
            popen.kill()


def command(
    *arguments: str, folder: Path, cwd: Path = ROOT, timeout: float = 300, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, for at most so many seconds."""
    return subprocess.run(
        [sys.executable, "-m", "decision_service", *arguments],
        cwd=cwd,
        env=clean_environ(folder, **settings),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def _printed(popen: subprocess.Popen[str], name: str) -> str:
    assert popen.stdout is not None
    for line in popen.stdout:
        words = line.split()
        if words[:1] == [name]:
            return words[1]
    raise AssertionError(f"serve ended with code {popen.wait()} before it served")


# What the demo prints, typed in a shell that has activated nothing

PATH = "/usr/local/bin:/usr/bin:/bin"
_SESSION = """
set -eu
{serve} &
trap "kill $!" EXIT
until {program} health; do sleep 0.2; done
{rest}
"""


def demo_and_next(program: str, folder: Path) -> str:
    """What the demo prints in a folder, and then what its last lines do there, one after another.

    The server listens on addresses that are free here, which a stranger would leave as they are.
    """
    addresses = {f"DECISION_{one}_ADDRESS": f"127.0.0.1:{_free()}" for one in ("GRPC", "HTTP")}
    environ = {"PATH": PATH, "DECISION_ADMIN_ADDRESS": "127.0.0.1:0", **addresses}
    printed = _bash(f"{program} sandbox demo", folder, environ)
    lines = printed.partition("Try next:")[2].replace("\\\n", "")
    serve, *rest = re.findall(r"^  (\S.*)$", lines, re.MULTILINE)
    session = _SESSION.format(serve=serve, program=program, rest="\n".join(rest))
    return printed + _bash(session, folder, environ)


def _bash(text: str, folder: Path, environ: dict[str, str]) -> str:
    typed = ["bash", "-c", text]
    done = subprocess.run(
        typed, cwd=folder, env=environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not found" not in done.stderr
    return done.stdout


def _free() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
