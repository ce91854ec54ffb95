"""Callers with tokens, for tests: a file that lets them in and what each shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from decision_service.server.callers import new_token, token_hash

Metadata = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Team:
    """A callers file in a folder; `hire` and `dismiss` rewrite it.

    `issuer` is its line of who issues ID tokens, where people sign in.
    """

    folder: Path
    issuer: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    _lines: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The callers file."""
        return self.folder / "callers.yaml"

    def hire(
        self,
        name: str,
        *roles: str,
        certificate: str = "",
        subjects: Sequence[str] = (),
    ) -> Metadata:
        """Let somebody in, and return what they show with a call.

        `subjects` are those of the ID tokens of its persons.
        """
        token = self.tokens[name] = new_token()
        more = f", certificates: [{certificate}]" if certificate else ""
        more += f", subjects: {json.dumps(subjects)}" if subjects else ""
        shown = f'roles: [{", ".join(roles)}], tokens: ["{token_hash(token)}"]{more}'
        self._lines[name] = f"  {name}: {{{shown}}}\n"
        self._write()
        return bearer(token)

    def dismiss(self, name: str) -> None:
        """Let somebody in no longer."""
        del self._lines[name]
        self._write()

    def _write(self) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"{self.issuer}callers:\n" + "".join(self._lines.values()))
        fresh.replace(self.path)


def bearer(token: str) -> Metadata:
    """The metadata that shows a token."""
    return (("authorization", f"Bearer {token}"),)
