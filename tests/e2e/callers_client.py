"""The clients of docs/callers.md, made in a folder of a test's as the page says."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.page import CALLERS
from tests.e2e.service import ROOT

NODE_MODULES = ROOT / "tests" / "e2e" / "node_client" / "node_modules"
SECURE = "Tokens and TLS"


@dataclass(frozen=True, slots=True)
class Client:
    """A program of the page in a folder that has the protos beside it, and how it is called.

    `secure` is what of the program the page's part about TLS replaces, and by what.
    """

    folder: Path
    language: str
    file: str
    program: str
    call: str
    secure: tuple[tuple[str, str], ...]
    environ: dict[str, str] = field(default_factory=dict)

    async def run(self, command: str, *arguments: str) -> tuple[int, str]:
        """The exit code and the output of a line of the page with further arguments."""
        process = await asyncio.create_subprocess_shell(
            " ".join([command, *arguments]),
            cwd=self.folder,
            env=os.environ | self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode()

    async def decides(self, *arguments: str, secure: bool = False) -> None:
        """The page's call is answered with outcome and reasons."""
        text = self.program
        for insecure, secured in self.secure if secure else ():
            assert insecure in text
            text = text.replace(insecure, secured)
        (self.folder / self.file).write_text(text)
        code, out = await self.run(self.call, *arguments)
        assert code == 0, out
        assert re.search(r"^OUTCOME_DECLINE dec_\w+\n- Too few months", out, re.M), out


def python(folder: Path) -> Client:
    """The Python client; its `python` has the libraries, and not this project's code."""
    own = folder / "bin" / "python"
    own.parent.mkdir()
    own.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    own.chmod(0o755)
    opened = 'with grpc.insecure_channel(address, [("grpc.service_config", config)]) as channel:'
    given = "ca, token = Path(sys.argv[3]).read_bytes(), sys.argv[4]\n"
    return Client(
        folder,
        "Python",
        "decide.py",
        CALLERS.program("Python", "python"),
        CALLERS.commands("Python", "decide.py"),
        ((opened, f"{given}{CALLERS.program(SECURE, 'python')}\nwith channel:"),),
        {
            "PATH": f"{own.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": sysconfig.get_path("purelib"),
        },
    )


def node(folder: Path) -> Client:
    """The Node client; skips where Node or the libraries are missing, and fails in CI."""
    missing = None
    if shutil.which("node") is None:
        missing = "there is no Node.js: install Node 18 or newer with npm, and call `make test`"
    elif not NODE_MODULES.is_dir():
        missing = "the Node client's libraries are missing: `make test` installs them with npm"
    if missing is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    (folder / "node_modules").symlink_to(NODE_MODULES)
    given = "const [ca, token] = [readFileSync(process.argv[4]), process.argv[5]];\n"
    secured = f"{given}{CALLERS.program(SECURE, 'js')}\nconst client = "
    return Client(
        folder,
        "Node",
        "decide.mjs",
        CALLERS.program("Node", "js"),
        CALLERS.commands("Node", "decide.mjs"),
        (("const client = ", secured), ("grpc.credentials.createInsecure()", "credentials")),
    )
