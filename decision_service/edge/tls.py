"""The server's certificate, its key and the authority of its clients, read again when replaced."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import grpc
import structlog

from decision_service.file_watch import FileWatch
from decision_service.small_file import read_small

log = structlog.get_logger("decision_service.tls")


class AddressInUse(Exception):
    """An address cannot be bound; the message says which and what to do."""


class CertificatesRefused(Exception):
    """The certificate files cannot be used; the message says which and why."""


class Certificates:
    """Certificate files in use. Files that do not fit together change nothing but the log.

    With an authority for clients every client must show a certificate of it.
    """

    def __init__(self, cert: Path, key: Path, client_ca: Path | None = None) -> None:
        self._cert, self._key, self._client_ca = cert, key, client_ca
        self._files = FileWatch(*(path for path in (cert, key, client_ca) if path))
        self._contexts: list[ssl.SSLContext] = []
        self._current = self._handed_out = self._read()

    def credentials(self) -> grpc.ServerCredentials:
        """Credentials of a gRPC server, which take over changed files at the next handshake."""
        self._handed_out = self._current
        return grpc.dynamic_ssl_server_credentials(
            self._current,
            self._fetch,  # type: ignore[arg-type]  # None means unchanged, which the stubs lack
            require_client_authentication=self._client_ca is not None,
        )

    def load_into(self, context: ssl.SSLContext) -> None:
        """Load the certificate into a context, and again whenever it is replaced."""
        context.load_cert_chain(self._cert, self._key)
        self._contexts.append(context)

    async def follow(self) -> None:
        """Take replaced files over, for ever."""
        async for _ in self._files.changes():
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> bool:
        """Read the files again; True when they count from now on."""
        refused = self._replace()
        if refused is not None:
            log.error("certificates refused, the last good ones serve", says=str(refused))
            return False
        log.info("certificates replaced")
        return True

    def _replace(self) -> CertificatesRefused | None:
        try:
            self._current = self._read()
        except CertificatesRefused as error:
            return error
        for context in self._contexts:
            context.load_cert_chain(self._cert, self._key)
        return None

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """The configuration where it has changed; gRPC calls this at handshakes, on its thread."""
        if self._current is self._handed_out:
            return None
        self._handed_out = self._current
        return self._current

    def _read(self) -> grpc.ServerCertificateConfiguration:
        key, cert = _content(self._key), _content(self._cert)
        authority = None if self._client_ca is None else _content(self._client_ca)
        try:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self._cert, self._key)
            if self._client_ca is not None:
                ssl.create_default_context(cafile=self._client_ca)
        except (ssl.SSLError, OSError, ValueError):
            files = ", ".join(str(p) for p in (self._cert, self._key, self._client_ca) if p)
            raise CertificatesRefused(
                f"{files} are not a certificate chain, its key and an authority in PEM: mend them"
            ) from None
        return grpc.ssl_server_certificate_configuration([(key, cert)], authority)


def _content(path: Path) -> bytes:
    try:
        return read_small(path)
    except OSError as error:
        raise CertificatesRefused(
            f"the file {path} cannot be read ({error.strerror}): check its path and permissions"
        ) from None
