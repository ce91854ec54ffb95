"""Who is calling: a bearer token or a client certificate, held against the callers file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

from decision_service.domain.errors import PermissionDenied, Unauthenticated
from decision_service.edge.files import WatchedFiles
from decision_service.edge.rpc.access import METHODS
from decision_service.edge.rpc.callers import (
    ANONYMOUS,
    Caller,
    Callers,
    CallersReading,
    read_callers,
)
from decision_service.edge.rpc.calls import CURRENT, CallInfo, Context
from decision_service.edge.rpc.layers import Behaviour
from decision_service.language.diagnostics import Diagnostic, Place, Report
from decision_service.language.yaml.parser import decode

_NAMES = "x509_common_name", "x509_subject_alternative_name"

log = structlog.get_logger("decision_service.access")


class CallersRefused(Exception):
    """The callers file has mistakes; `diagnostics` say where."""

    def __init__(self, path: Path, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(f"the callers file {path} cannot be used: mend it")
        self.diagnostics = diagnostics


class Door:
    """Tells who is calling. Without a callers file everybody is `anonymous` and may do anything.

    A file that is replaced is read again; one with mistakes changes nothing but the log.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._files = WatchedFiles([path] if path else [])
        self._callers: Callers | None = None
        if path is not None:
            reading = _read(path)
            if reading.callers is None:
                raise CallersRefused(path, reading.diagnostics)
            self._callers = reading.callers

    def refresh(self) -> bool:
        """Take a replaced file over; True when its callers count from now on."""
        if self._path is None or not self._files.changed():
            return False
        reading = _read(self._path)
        if reading.callers is None:
            for one in reading.diagnostics:
                where = f"{one.file}:{one.line}:{one.column}"
                log.error("callers refused", where=where, code=one.code, says=one.message)
            return False
        self._callers = reading.callers
        log.info("callers", tokens=len(reading.callers.tokens))
        return True

    def caller(self, info: CallInfo, context: Context) -> Caller:
        """Who is calling; raises Unauthenticated."""
        callers = self._callers
        if callers is None:
            return ANONYMOUS
        header = info.metadata.get("authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            found = callers.by_token(token.strip()) if scheme.lower() == "bearer" else None
        else:
            found = callers.by_certificate(_certificate_names(context))
        if found is None:
            raise Unauthenticated(
                "the caller is not known: send `authorization: Bearer <token>` with a token in use"
            )
        return found


class Gate:
    """Lets only those into a method who hold a role that its row names."""

    def __init__(self, method: str, door: Door) -> None:
        self.method = method
        self._door = door
        self._allowed = METHODS.get(method, frozenset())

    def let_in(self, info: CallInfo, context: Context) -> None:
        """Note who is calling; raises Unauthenticated or PermissionDenied."""
        caller = self._door.caller(info, context)
        info.caller, info.sees_all = caller.name, caller.sees_all
        if self._allowed.isdisjoint(caller.roles):
            needed = " or ".join(sorted(self._allowed)) or "no role there is"
            name = self.method.rpartition("/")[2]
            raise PermissionDenied(f"{caller.name} may not call {name}: it needs {needed}")


def authenticated(inner: Behaviour, gate: Gate) -> Behaviour:
    """Let only those through whom the gate lets in."""

    async def call(request: Any, context: Context) -> Any:
        gate.let_in(CURRENT.get(), context)
        return await inner(request, context)

    return call


def _certificate_names(context: Context) -> Iterator[str]:
    found = context.auth_context() or {}
    for kind in _NAMES:
        for raw in found.get(kind, ()):
            yield raw.decode("utf-8", "replace")


def _read(path: Path) -> CallersReading:
    report = Report()
    try:
        text = decode(str(path), path.read_bytes(), report)
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        report.error("A100", Place(str(path), 1, 1, 2), message, "check its path and permissions")
        text = None
    if text is None:
        return CallersReading(None, report.diagnostics())
    return read_callers(str(path), text)
