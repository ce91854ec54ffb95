"""The server's certificate, its key and the authority of its clients, read again when replaced."""

from __future__ import annotations

import asyncio
import ssl
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import structlog

from decision_service.runtime.files import FileWatch, read_small
from decision_service.runtime.settings import env_name

if TYPE_CHECKING:
    from cryptography import x509


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
        self._cert = cert
        self._key = key
        self._client_ca = client_ca
        self._files = FileWatch(*(path for path in (cert, key, client_ca) if path))
        self._contexts: list[ssl.SSLContext] = []
        self._current, self._expires = self._read()
        self._handed_out = self._current

    @property
    def expires(self) -> datetime:
        """When the first certificate of the chain in use is no longer valid, in UTC."""
        return self._expires

    def credentials(self) -> grpc.ServerCredentials:
        """Credentials of a gRPC server, which take over changed files at the next handshake."""
        self._handed_out = self._current
        return grpc.dynamic_ssl_server_credentials(
            self._current,
            self._fetch,  # type: ignore[arg-type]  # None means unchanged, which the stubs lack
            require_client_authentication=self._client_ca is not None,
        )

    def load_into(self, context: ssl.SSLContext) -> None:
        context.load_cert_chain(self._cert, self._key)
        self._contexts.append(context)

    async def follow(self) -> None:
        """Take replaced files over, for ever."""
        async for _ in self._files.changes():
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> bool:
        """Read the files again; True when they count from now on."""
        try:
            self._current, self._expires = self._read()
        except CertificatesRefused as error:
            # Renewals write two files, and a look may come between: till both fit, the old serve.
            log.error(  # noqa: TRY400 - no traceback
                "certificates refused, the last good ones serve", says=str(error)
            )
            return False
        for context in self._contexts:
            context.load_cert_chain(self._cert, self._key)
        log.info("certificates replaced", expires=self._expires.isoformat())
        return True

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """The configuration where it has changed; gRPC calls this at handshakes, on its thread."""
        # None tells gRPC that nothing changed.
        if self._current is self._handed_out:
            return None
        self._handed_out = self._current
        return self._current

    def _read(self) -> tuple[grpc.ServerCertificateConfiguration, datetime]:
        key = _content("tls_key_file", self._key)
        cert = _content("tls_cert_file", self._cert)
        authority = None
        if self._client_ca is not None:
            authority = _content("tls_client_ca_file", self._client_ca)
            _certificates("tls_client_ca_file", self._client_ca, authority)
        chain = _certificates("tls_cert_file", self._cert, cert)
        try:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self._cert, self._key)
        except (ssl.SSLError, OSError, ValueError):
            raise CertificatesRefused(
                f"{env_name('tls_key_file')} ({self._key}) is not the unencrypted key in PEM of "
                f"the first certificate in {env_name('tls_cert_file')} ({self._cert}): set both to "
                "files that belong together"
            ) from None
        configuration = grpc.ssl_server_certificate_configuration([(key, cert)], authority)
        return configuration, min(one.not_valid_after_utc for one in chain)


def _content(setting: str, path: Path) -> bytes:
    try:
        return read_small(path, trusted=True)
    except OSError as error:
        raise CertificatesRefused(
            f"{env_name(setting)} ({path}) cannot be read ({error.strerror}): check its path and "
            "permissions"
        ) from None


def _certificates(setting: str, path: Path, content: bytes) -> list[x509.Certificate]:
    from cryptography import x509  # only where there is TLS: a start without it does not load it

    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        raise CertificatesRefused(
            f"{env_name(setting)} ({path}) holds no certificate in PEM, or one that is damaged: "
            "set it to a file of certificates"
        ) from None
