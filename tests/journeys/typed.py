"""What the demo prints, typed in a shell that has activated nothing."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path

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
