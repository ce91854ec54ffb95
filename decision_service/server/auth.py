"""Authentication and authorization: the caller of a call, whether it may call, and failures by
address.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import structlog
from cachetools import TTLCache
from prometheus_client import CollectorRegistry

from decision_service.domain.errors import PermissionDenied, Unauthenticated
from decision_service.rulebook.manifest import Signer
from decision_service.rules.language.diagnostics import Diagnostic, Place, Report
from decision_service.rules.language.yaml import decode
from decision_service.runtime.files import FileWatch, read_small
from decision_service.runtime.settings import env_name
from decision_service.runtime.telemetry import Alarm, counter, raised
from decision_service.server.callers import (
    ANONYMOUS,
    HEALTH_METHODS,
    METHODS,
    Caller,
    Callers,
    CallersReading,
    Role,
    Token,
    read_callers,
)
from decision_service.server.context import Behaviour, RpcContext, is_local, network_of
from decision_service.server.interceptors import CallInterceptor

UNREADABLE = "A100"
"""The code of a callers file that cannot be read at all."""

_HEADER = "authorization"
_CERTIFICATE = "x509_pem_cert"
_HANDED_ON = "x-forwarded-client-cert"
_ADDRESS = "x-forwarded-for"
_ELEMENT = re.compile(r'(?:By=[^,;"]*;)?Hash=[0-9a-f]{64};Cert="([^",;]+)"', re.ASCII)
"""A certificate as the front hands it on: one alone, whole, in PEM as a URL has it."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

log = structlog.get_logger("decision_service.access")
FORGOTTEN_AFTER = 60.0
"""Seconds without a failure after which an address begins anew."""

ALARM_FROM = 100
ALARM_EVERY = 1_000
MOST_ADDRESSES = 10_000


class CallersRefused(Exception):
    """The callers file has mistakes; `diagnostics` say where."""

    def __init__(self, path: Path, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(f"{env_name('auth_tokens_file')}: the callers file {path} has mistakes")
        self.diagnostics = diagnostics


class Authenticator:
    """Finds the caller of a call; without a callers file each is `anonymous` with every role.

    A file that is replaced is read again; one with mistakes changes nothing but the log. `now` is
    the clock by whose days in UTC tokens end. `front` is the name in the front's own certificate,
    where it comes from another machine.
    """

    def __init__(
        self, path: Path | None, now: Callable[[], datetime], front: str | None = None
    ) -> None:
        self.path = path
        self._front = front
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
        """The callers with signing keys; none without a callers file."""
        return {} if self._callers is None else self._callers.signers

    def last_uses(self) -> Iterator[tuple[Token, datetime | None]]:
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
        """Who is calling; None where that is not known, as with two authorization headers.

        The front's word counts for the client's certificate and address. Another's certificate of
        somebody else is refused, whatever else comes with it; another's address is not read.
        """
        sent: dict[str, list[str]] = {_HEADER: [], _HANDED_ON: [], _ADDRESS: []}
        for name, value in context.invocation_metadata():
            if name in sent:
                sent[name].append(str(value))
        pem = next(iter(context.auth_context().get(_CERTIFICATE, ())), b"")
        if self._is_front(context.address, pem):
            pem = _handed_on(sent[_HANDED_ON])
            if sent[_ADDRESS]:
                context.address = network_of(sent[_ADDRESS][-1].rpartition(",")[2].strip())
        elif sent[_HANDED_ON]:
            log.warning(
                "a certificate was handed on, but not by the front", address=context.address
            )
            return None
        callers, shown = self._callers, sent[_HEADER]
        if callers is None:
            return ANONYMOUS
        if len(shown) > 1:
            return None
        if not shown:
            return callers.by_certificate(_names_in(pem)) if pem else None
        scheme, _, token = str(shown[0]).partition(" ")
        known = callers.by_token(token.strip()) if scheme.lower() == "bearer" else None
        return None if known is None else self._caller_of(known)

    def _is_front(self, address: str, pem: bytes) -> bool:
        """Who shows a certificate is known by it alone, from this machine too."""
        return self._front in _names_in(pem) if pem else is_local(address)

    def _caller_of(self, token: Token) -> Caller | None:
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


def _handed_on(elements: Sequence[str]) -> bytes:
    """The certificate of the front's client in PEM; empty where it has none or more than one."""
    found = _ELEMENT.fullmatch(elements[0]) if len(elements) == 1 else None
    return b"" if found is None else unquote(found[1]).encode()


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


class FailedAuthentications:
    """Counts failures, and raises an alarm for an address with many; `seconds` is monotonic."""

    def __init__(
        self, seconds: Callable[[], float], registry: CollectorRegistry | None = None
    ) -> None:
        self._failures: TTLCache[str, int] = TTLCache(MOST_ADDRESSES, FORGOTTEN_AFTER, seconds)
        self._counter = counter(
            registry, "failed_authentications", "Calls whose caller was not known"
        )

    def count(self, address: str) -> None:
        failures: int = self._failures.get(address, 0) + 1
        self._failures[address] = failures
        self._counter.inc()
        if failures == ALARM_FROM or failures % ALARM_EVERY == 0:
            log.warning(
                "authentication fails again and again",
                alarm=raised(Alarm.AUTHENTICATION),
                address=address,
                failures=failures,
            )


class AuthenticationInterceptor(CallInterceptor):
    """Refuses calls of unknown callers, and of callers without a role for the method."""

    def __init__(self, failures: FailedAuthentications) -> None:
        super().__init__()
        self._failures = failures

    def around(self, inner: Behaviour, method: str) -> Behaviour:
        if method in HEALTH_METHODS:
            return inner
        allowed = METHODS.get(method, frozenset())

        async def call(request: Any, context: RpcContext) -> Any:
            caller, info = context.caller, context.info
            if caller is None:
                self._failures.count(context.address)
                raise Unauthenticated(
                    "the caller is not known: send one `authorization: Bearer <token>` with a "
                    "token in use"
                )
            info.caller, info.sees_all = caller.name, caller.sees_all
            info.onboards_all = caller.onboards_all
            if allowed.isdisjoint(caller.roles):
                needed = " or ".join(sorted(allowed)) or "no role there is"
                name = method.rpartition("/")[2]
                raise PermissionDenied(f"{caller.name} may not call {name}: it needs {needed}")
            return await inner(request, context)

        return call
