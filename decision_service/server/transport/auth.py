"""Which role each method needs, who calls, and failures by address."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import structlog
from cachetools import TTLCache
from prometheus_client import CollectorRegistry

from decision_service.build import install_command
from decision_service.rules.language.diagnostics import Diagnostic
from decision_service.runtime import gone
from decision_service.runtime.files import FileWatch
from decision_service.runtime.settings import env_name
from decision_service.runtime.telemetry import Alarm, counter, raised
from decision_service.server.transport.callers import (
    NAME,
    NO_PACKAGE,
    TOKEN_PREFIX,
    Callers,
    CallersReading,
    Token,
    read_callers_file,
    refused_whole,
)
from decision_service.server.transport.context import (
    ANONYMOUS,
    Caller,
    Role,
    RpcContext,
    is_local,
    network_of,
)

if TYPE_CHECKING:
    from decision_service.server.transport.issuer import Issuer

PACKAGE = "decision_service.api.v1"
_STEPS = (
    "AdvanceRollout", "ConfirmRollout", "RollBackRollout", "PauseRollout", "ResumeRollout",
    "SetKillSwitch",
)  # fmt: skip
ROLLOUT_STEPS = frozenset(f"/{PACKAGE}.RolloutService/{name}" for name in _STEPS)
"""Kill and the other steps of rollouts, which no other calls keep out."""

REFLECTION = "/grpc.reflection."
_ANY = frozenset(Role)
_SEEN_ROLLOUTS = frozenset({Role.ROLLOUT, Role.READ, Role.RULES_APPROVE})
_SEEN_RULES = frozenset({Role.RULES, Role.RULES_APPROVE, Role.READ})
REVIEWERS = frozenset({Role.REVIEW, Role.REVIEW_SECOND})
_ALLOWED: Sequence[tuple[str, Set[Role], Sequence[str]]] = (
    ("Decision", {Role.DECIDE}, ("CreateDecision",)),
    ("Decision", {Role.DECIDE, Role.READ}, ("GetDecision", "ListDecisions", "ReplayDecision")),
    ("Ruleset", _SEEN_RULES, ("ListRulesets", "GetRuleset", "ListReleases", "GetRelease")),
    ("Ruleset", {Role.RULES, Role.RULES_APPROVE}, ("ConfirmRelease", "DeclineRelease")),
    ("Ruleset", {Role.RULES_APPROVE}, ("RevertRelease",)),
    ("Ruleset", {Role.RULES, Role.RULES_APPROVE}, ("ValidateRuleset", "EvaluateRuleset")),
    ("Rollout", _SEEN_ROLLOUTS, ("ListRollouts", "GetRollout", "ListRolloutSteps")),
    ("Rollout", _SEEN_ROLLOUTS, ("ExplainAssignment",)),
    ("Rollout", {Role.ROLLOUT}, _STEPS),
    ("Applicant", {Role.ONBOARD, Role.ONBOARD_ALL}, ("CreateApplicant", "CreateLinkToken")),
    ("Applicant", {Role.ONBOARD, Role.ONBOARD_ALL}, ("GetApplicant", "EraseApplicant")),
    ("Applicant", {Role.SUBJECT_ACCESS}, ("ExportApplicant",)),
    ("Outcome", {Role.OUTCOMES}, ("RecordOutcome",)),
    ("Outcome", {Role.OUTCOMES, Role.READ}, ("ListOutcomes",)),
    ("Review", REVIEWERS | {Role.READ}, ("ListReviews", "GetReview", "GetDesk")),
    ("Review", REVIEWERS, ("ClaimReview", "ClaimNextReview", "SkipReview", "ReleaseReview")),
    ("Review", REVIEWERS, ("AddReviewNote", "RequestReviewData")),
    ("Review", REVIEWERS, ("DecideAgain", "CompleteReview", "WithdrawReview")),
    ("Review", {Role.REVIEW_SECOND}, ("ConfirmReview", "TakeOverReview")),
    ("Review", {Role.SEE_PERSONS}, ("GetReviewPerson",)),
    ("Review", {Role.DECIDE}, ("RequestReview",)),
    ("Notice", REVIEWERS | {Role.DECIDE, Role.READ}, ("GetNotice",)),
    ("Notice", {Role.DECIDE}, ("RecordNoticeSent",)),
    ("Event", {Role.DECIDE, Role.READ}, ("ListEvents",)),
    ("Event", {Role.ROLLOUT, Role.READ}, ("ListDeadEvents",)),
    ("Event", {Role.ROLLOUT}, ("ResendEvent",)),
    ("Status", _ANY, ("GetCaller",)),
    ("Status", _SEEN_ROLLOUTS | _SEEN_RULES, ("GetStatus",)),
)
METHODS: Mapping[str, frozenset[Role]] = {
    **{
        f"/{PACKAGE}.{service}Service/{name}": frozenset(roles)
        for service, roles, names in _ALLOWED
        for name in names
    },
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": _ANY,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _ANY,
}
"""The roles of which a caller needs one."""

GONE: Mapping[str, str] = {
    f"/{PACKAGE}.{name.replace('.', '/')}": f"there is no method {name} any more: {instead}"
    for name, instead in gone.RPCS.items()
}
"""The sentence about each method of an earlier release, which needs no role."""

HEALTH_METHODS = frozenset(f"/grpc.health.v1.Health/{name}" for name in ("Check", "List", "Watch"))
"""Methods that need no credentials and are served under any load."""

UNOBSERVED = (*HEALTH_METHODS, REFLECTION)
"""How the methods begin that platforms call all the time: neither logged nor counted."""

LOOK_SECONDS = 10.0
"""How often the age of the issuer's keys is looked at, and they are tried while it is down."""

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
        self._issuer: Issuer | None = None
        if path is not None:
            reading = self._read(path)
            if reading.callers is None:
                raise CallersRefused(path, reading.diagnostics)
            self._callers = reading.callers

    def is_reviewer(self, name: str) -> bool:
        """Whether a caller of this name works on reviews; any may be one without a callers file."""
        if self._callers is None:
            return NAME.fullmatch(name) is not None
        return not REVIEWERS.isdisjoint(self._callers.roles.get(name, ()))

    def roles_of(self, name: str) -> frozenset[Role]:
        """What a caller of this name may do now; everything without a callers file."""
        if self._callers is None:
            return frozenset(Role)
        return frozenset(self._callers.roles.get(name, ()))

    def knows_persons(self) -> bool:
        """Whether an issuer names persons, so that a token or a certificate alone is none."""
        return self._callers is not None and self._callers.issuer is not None

    def last_uses(self) -> Iterator[tuple[Token, datetime | None]]:
        for token in () if self._callers is None else self._callers.tokens:
            yield token, self._used.get(token.hashed)

    async def keep_keys(self) -> None:
        """Fetch the issuer's keys where there is one, again when they are old, for ever."""
        while True:
            if self._issuer is not None:
                await self._issuer.refresh()
            await asyncio.sleep(LOOK_SECONDS)

    async def follow(self) -> None:
        """Take a replaced file over, for ever."""
        async for _ in self._files.changes():
            # Reading and parsing 1,000 callers takes longer than the loop may be held.
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> bool:
        """Read the file again, where there is one; True when its callers count from now on."""
        if self.path is None:
            return False
        reading = self._read(self.path)
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

    def _read(self, path: Path) -> CallersReading:
        """Read the file, and make its issuer the one whose tokens count."""
        reading = read_callers_file(path)
        if reading.callers is None:
            return reading
        named = reading.callers.issuer
        if named is None:
            self._issuer = None
        elif self._issuer is None or self._issuer.named != named:
            try:
                from decision_service.server.transport.issuer import Issuer  # of the extra
            except ModuleNotFoundError:
                message = "`issuer` needs the package joserfc, which is not installed"
                hint = install_command("console")
                return refused_whole(path, NO_PACKAGE, message, hint=hint)
            self._issuer = Issuer(named, self._now)
        return reading

    def caller(self, context: RpcContext) -> Caller | None:
        """Who is calling; None where that is not known, as with two authorization headers.

        The front's word counts for the client's certificate and address. A call with a certificate
        that any other hands on is refused; an address from any other is not read.
        """
        sent: dict[str, list[str]] = {_HEADER: [], _HANDED_ON: [], _ADDRESS: []}
        for name, value in context.invocation_metadata():
            if name in sent:
                sent[name].append(str(value))
        pem = next(iter(context.auth_context().get(_CERTIFICATE, ())), b"")
        if self._is_front(context.address, pem):
            pem = _handed_on(sent[_HANDED_ON])
            if sent[_ADDRESS]:
                # The last one is what the front saw; the client may have written those before.
                context.address = network_of(sent[_ADDRESS][-1].rpartition(",")[2].strip())
        # Somebody reached the port past the front, and would be whoever it says.
        elif sent[_HANDED_ON]:
            log.warning(
                "a certificate was handed on, but not by the front", address=context.address
            )
            return None
        callers = self._callers
        shown = sent[_HEADER]
        if callers is None:
            # Only where the operator named no callers, which `serve` allows on loopback alone.
            return ANONYMOUS
        # A proxy in front may have read the other one.
        if len(shown) > 1:
            return None
        if not shown:
            return callers.by_certificate(_names_in(pem)) if pem else None
        return self._by_header(shown[0], callers, context)

    def _by_header(self, header: str, callers: Callers, context: RpcContext) -> Caller | None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = token.strip()
        issuer = self._issuer
        # Three parts are a JWT's form; the service's own tokens have a prefix that no issuer makes.
        if token.count(".") == 2 and not token.startswith(TOKEN_PREFIX) and issuer is not None:
            its = issuer.named == callers.issuer  # not so while a file with another is taken over
            return issuer.caller(token, callers.subjects, context) if its else None
        known = callers.by_token(token)
        return None if known is None else self._caller_of(known)

    def _is_front(self, address: str, pem: bytes) -> bool:
        """Who shows a certificate is known by it alone, from this machine too."""
        return self._front in _names_in(pem) if pem else is_local(address)

    def _caller_of(self, token: Token) -> Caller | None:
        now = self._now()
        # The day of `until` is the last good one, in UTC, as the page says.
        if token.until is None or now.date() <= token.until:
            self._used[token.hashed] = now
            return token.caller
        # Once a token, or a client that goes on sending it would fill the log.
        if token.hashed not in self._ended:
            self._ended.add(token.hashed)
            log.warning("a token has ended", caller=token.caller.name, until=f"{token.until}")
        return None


def _report_roles(
    before: Mapping[str, frozenset[Role]], after: Mapping[str, frozenset[Role]]
) -> None:
    nothing = frozenset[Role]()
    for name in sorted(before.keys() | after.keys()):
        # Logged by name, since a role that somebody gained is what an auditor asks for first.
        had = before.get(name, nothing)
        has = after.get(name, nothing)
        if had != has:
            gained = sorted(has - had)
            lost = sorted(had - has)
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
        # Where there is a SAN the CN counts for nothing (RFC 6125, 6.4.4).
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = names.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        common = read.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
        found = [str(one.value) for one in common] if len(common) == 1 else []
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return ()
    return () if any(map(_CONTROL.search, found)) else found


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
        # Not each one: whoever floods would write the log.
        if failures == ALARM_FROM or failures % ALARM_EVERY == 0:
            log.warning(
                "authentication fails again and again",
                alarm=raised(Alarm.AUTHENTICATION),
                address=address,
                failures=failures,
            )
