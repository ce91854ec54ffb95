"""Callers with tokens, for tests: a file that lets them in and what each shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import trustme

from decision_service.server.transport.callers import new_token, token_hash


class Office:
    """An authority, and the certificate files of a server in a folder."""

    def __init__(self, folder: Path) -> None:
        self.ca = trustme.CA()
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.cert, self.key, self.authority = (
            folder / name for name in ("server.pem", "server.key", "ca.pem")
        )
        self.ca.cert_pem.write_to_path(self.authority)
        self.renew("127.0.0.1")

    def renew(self, *names: str, not_after: datetime | None = None) -> None:
        """Replace the server's certificate and key."""
        made = self.ca.issue_cert(*names, not_after=not_after)
        self.cert.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
        self.key.write_bytes(made.private_key_pem.bytes())

    def client(self, shown: trustme.LeafCert, folder: Path) -> list[str]:
        """The options of a command that shows a certificate, whose files are in a folder."""
        cert, key = folder / "client.pem", folder / "client.key"
        cert.write_bytes(shown.cert_chain_pems[0].bytes())
        key.write_bytes(shown.private_key_pem.bytes())
        return ["--tls-cert", str(cert), "--tls-key", str(key)]

    def settings(self, *, clients: bool = False) -> dict[str, str]:
        """What a service needs to use them."""
        found = {"tls_cert_file": str(self.cert), "tls_key_file": str(self.key)}
        return found | ({"tls_client_ca_file": str(self.authority)} if clients else {})


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
