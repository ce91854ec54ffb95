"""The caller of a call: its bearer token or client certificate, looked up in the callers file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import structlog

from decision_service.config import env_name
from decision_service.edge.rpc.access import Role
from decision_service.edge.rpc.callers import (
    ANONYMOUS,
    Caller,
    Callers,
    CallersReading,
    Token,
    read_callers,
)
from decision_service.edge.rpc.context import RpcContext
from decision_service.file_watch import FileWatch
from decision_service.language.diagnostics import Diagnostic, Place, Report
from decision_service.language.yaml.parser import decode
from decision_service.pipeline.rules.publishing.approval import Signer
from decision_service.small_file import read_small

UNREADABLE = "A100"
"""The code of a callers file that cannot be read at all."""

_HEADER = "authorization"
_CERTIFICATE = "x509_pem_cert"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

log = structlog.get_logger("decision_service.access")


class CallersRefused(Exception):
    """The callers file has mistakes; `diagnostics` say where."""

    def __init__(self, path: Path, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(f"{env_name('auth_tokens_file')}: the callers file {path} has mistakes")
        self.diagnostics = diagnostics


class Authenticator:
    """Finds the caller of a call; without a callers file everybody is `anonymous` with every role.

    A file that is replaced is read again; one with mistakes changes nothing but the log. `now` is
    the clock by whose days in UTC tokens end.
    """

    def __init__(self, path: Path | None, now: Callable[[], datetime]) -> None:
        self.path = path
        self._now = now
        self._used: dict[bytes, datetime] = {}
        self._ended: set[bytes] = set()
        self._files = FileWatch(*([path] if path else []))
        self._callers: Callers | None = None
        if path is not None:
            reading = read_callers_file(path)
            if reading.callers is None:
                raise CallersRefused(path, reading.diagnostics)
            self._callers = reading.callers

    @property
    def signers(self) -> Mapping[str, Signer]:
        """The callers with signing keys; nobody without a callers file."""
        return {} if self._callers is None else self._callers.signers

    def last_uses(self) -> Iterator[tuple[Token, datetime | None]]:
        """Every token, and when it was last good for a call since the start."""
        for token in () if self._callers is None else self._callers.tokens:
            yield token, self._used.get(token.hashed)

    async def follow(self, taken_over: Callable[[], None]) -> None:
        """Take a replaced file over, for ever, and call back after each that counts."""
        async for _ in self._files.changes():
            if await asyncio.to_thread(self.refresh):
                taken_over()

    def refresh(self) -> bool:
        """Read the file again, where there is one; True when its callers count from now on."""
        if self.path is None:
            return False
        reading = read_callers_file(self.path)
        if reading.callers is None:
            for one in reading.diagnostics:
                where = f"{one.file}:{one.line}:{one.column}"
                log.error("callers refused", where=where, code=one.code, says=one.message)
            return False
        if self._callers is not None:
            _report_roles(self._callers.roles, reading.callers.roles)
        self._callers = reading.callers
        log.info("callers", tokens=len(reading.callers.tokens))
        return True

    def caller(self, context: RpcContext) -> Caller | None:
        """Who is calling; None where that is not known, as with two authorization headers."""
        callers = self._callers
        if callers is None:
            return ANONYMOUS
        shown = [value for name, value in context.invocation_metadata() if name == _HEADER]
        if len(shown) > 1:
            return None
        if not shown:
            pem = next(iter(context.auth_context().get(_CERTIFICATE, ())), b"")
            return callers.by_certificate(_names_in(pem)) if pem else None
        scheme, _, token = str(shown[0]).partition(" ")
        known = callers.by_token(token.strip()) if scheme.lower() == "bearer" else None
        return None if known is None else self._caller_of(known)

    def _caller_of(self, token: Token) -> Caller | None:
        """Whose token it is; None once it has ended."""
        now = self._now()
        if token.until is None or now.date() <= token.until:
            self._used[token.hashed] = now
            return token.caller
        if token.hashed not in self._ended:
            self._ended.add(token.hashed)
            log.warning("a token has ended", caller=token.caller.name, until=f"{token.until}")
        return None


def _report_roles(
    before: Mapping[str, frozenset[Role]], after: Mapping[str, frozenset[Role]]
) -> None:
    nothing = frozenset[Role]()
    for name in sorted(before.keys() | after.keys()):
        had, has = before.get(name, nothing), after.get(name, nothing)
        if had != has:
            gained, lost = sorted(has - had), sorted(had - has)
            log.warning("roles of a caller changed", caller=name, gained=gained, lost=lost)


@lru_cache(1024)
def _names_in(pem: bytes) -> Sequence[str]:
    """The DNS names of a client's certificate, its one CN where it has no SAN.

    None where any holds a control character: who signed it may have read another name than we do.
    """
    from cryptography import x509  # only where there is TLS: a start without it does not load it

    try:
        read = x509.load_pem_x509_certificate(pem)
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = names.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        common = read.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
        found = [str(one.value) for one in common] if len(common) == 1 else []
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ()
    return () if any(map(_CONTROL.search, found)) else found


def read_callers_file(path: Path) -> CallersReading:
    """The callers of a file, or what is wrong with it."""
    report = Report()
    try:
        text = decode(str(path), read_small(path, trusted=True), report)
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        place = Place(str(path), 1, 1, 2)
        report.error(UNREADABLE, place, message, "check its path and permissions")
        text = None
    if text is None:
        return CallersReading(None, report.diagnostics())
    return read_callers(str(path), text)
