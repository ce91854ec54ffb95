"""A program of docs/callers.md in a folder of its own, and how it is called."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the page in a folder, and how it is called.

    `secure` is what of the program the page's part about TLS replaces, and by what.
    """

    folder: Path
    file: str
    text: str
    call: str
    secure: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)

    def run(self, command: str) -> tuple[int, str]:
        """The exit code and the output of a line of the page."""
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=os.environ | self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def prepare(self, *commands: str) -> None:
        """Run lines of the page that have to go well."""
        for command in commands:
            code, out = self.run(command)
            assert code == 0, out

    def decide(self, *arguments: str, user_id: str | None = None) -> tuple[int, str]:
        """Call the program as it stands, for another person where one is named."""
        call = self.call if user_id is None else self.call.replace(self.call.split()[-1], user_id)
        return self.run(" ".join([call, *arguments]))

    async def declines(self, *arguments: str) -> None:
        """The page's call is answered with outcome and reasons."""
        code, out = await asyncio.to_thread(self.decide, *arguments)
        assert code == 0, out
        assert re.search(r"OUTCOME_DECLINE", out), out
        assert re.search(r"\bdec_\w+", out), out
        assert re.search(r"^- Too few months", out, re.M), out

    def write(self, *, secure: bool = False) -> None:
        """Put the program into its folder."""
        text = self.text
        for insecure, secured in self.secure.items() if secure else ():
            assert insecure in text
            text = text.replace(insecure, secured)
        (self.folder / self.file).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / self.file).write_text(text)
