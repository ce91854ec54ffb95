"""An authority of a test's own, and the certificate files of a server."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import trustme


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
