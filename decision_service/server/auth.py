"""Which role each method needs, the callers file, who calls, and failures by address."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

import msgspec
import structlog
from cachetools import TTLCache
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from decision_service.rulebook.manifest import Signer, Signing, SigningKey, key_from
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import Diagnostic, Place, Report
from decision_service.rules.language.fields import Fields, as_choice, as_list, as_map, as_text
from decision_service.rules.language.yaml import MapEntry, MapNode, Scalar, YamlNode, decode
from decision_service.runtime.address import is_protected
from decision_service.runtime.files import FileWatch, read_small
from decision_service.runtime.settings import env_name
from decision_service.runtime.telemetry import Alarm, counter, raised
from decision_service.server.context import (
    ANONYMOUS,
    Caller,
    Role,
    RpcContext,
    is_local,
    network_of,
)

if TYPE_CHECKING:
    from decision_service.server.issuer import Issuer

PACKAGE = "decision_service.api.v1"
_READ_ROLLOUTS = (
    "ListRollouts",
    "GetRollout",
    "ExplainAssignment",
    "ListRolloutSteps",
    "CompareVersions",
)
_MOVE_ROLLOUTS = (
    "AdvanceRollout",
    "ConfirmRollout",
    "RollBackRollout",
    "PauseRollout",
    "ResumeRollout",
    "SetKillSwitch",
)
ROLLOUT_STEPS = frozenset(f"/{PACKAGE}.RolloutService/{name}" for name in _MOVE_ROLLOUTS)
"""Kill and the other steps of rollouts, which no other calls keep out."""

REFLECTION = "/grpc.reflection."
_READ_REVIEWS = ("ListReviews", "GetReview", "GetDesk")
_WORK_ON_REVIEWS = (
    "ClaimReview",
    "ClaimNextReview",
    "SkipReview",
    "ReleaseReview",
    "AddReviewNote",
    "RequestReviewData",
    "DecideAgain",
    "CompleteReview",
)
_ONBOARD = ("CreateApplicant", "CreateLinkToken", "GetApplicant", "EraseApplicant")
TOKEN_PREFIX = "dst_"  # noqa: S105 - what tokens begin with, so that scanners find lost ones
HASH_PREFIX = "sha256:"
MOST_CALLERS = 1_000
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_TOKEN = re.compile(r"dst_[A-Za-z0-9_-]+")
_TOO_LONG = 200
_IDENTITIES = ("tokens", "certificates", "subjects", "signing_keys")
Key = TypeVar("Key", str, bytes)


_ANY = frozenset(Role)

_SEEN_ROLLOUTS = frozenset({Role.ROLLOUT, Role.READ, Role.RULES_APPROVE})

_SEEN_RULES = frozenset({Role.RULES, Role.RULES_APPROVE, Role.READ})

_TRIED_RULES = frozenset({Role.RULES, Role.RULES_APPROVE})

_REVIEWERS = frozenset({Role.REVIEW, Role.REVIEW_SECOND})

_ONBOARDERS = frozenset({Role.ONBOARD, Role.ONBOARD_ALL})

METHODS: Mapping[str, frozenset[Role]] = {
    f"/{PACKAGE}.DecisionService/CreateDecision": frozenset({Role.DECIDE}),
    f"/{PACKAGE}.DecisionService/GetDecision": frozenset({Role.DECIDE, Role.READ}),
    f"/{PACKAGE}.DecisionService/ListDecisions": frozenset({Role.DECIDE, Role.READ}),
    f"/{PACKAGE}.DecisionService/ReplayDecision": frozenset({Role.DECIDE, Role.READ}),
    f"/{PACKAGE}.RulesetService/ListRulesets": _SEEN_RULES,
    f"/{PACKAGE}.RulesetService/ListPublications": _SEEN_RULES,
    f"/{PACKAGE}.RulesetService/GetRuleset": _SEEN_RULES,
    f"/{PACKAGE}.RulesetService/ValidateRuleset": _TRIED_RULES,
    f"/{PACKAGE}.RulesetService/EvaluateRuleset": _TRIED_RULES,
    **{f"/{PACKAGE}.RolloutService/{name}": _SEEN_ROLLOUTS for name in _READ_ROLLOUTS},
    **dict.fromkeys(ROLLOUT_STEPS, frozenset({Role.ROLLOUT})),
    **{f"/{PACKAGE}.ApplicantService/{name}": _ONBOARDERS for name in _ONBOARD},
    f"/{PACKAGE}.ApplicantService/ExportApplicant": frozenset({Role.SUBJECT_ACCESS}),
    f"/{PACKAGE}.OutcomeService/RecordOutcome": frozenset({Role.OUTCOMES}),
    f"/{PACKAGE}.OutcomeService/ListOutcomes": frozenset({Role.OUTCOMES, Role.READ}),
    **{f"/{PACKAGE}.ReviewService/{name}": _REVIEWERS | {Role.READ} for name in _READ_REVIEWS},
    **{f"/{PACKAGE}.ReviewService/{name}": _REVIEWERS for name in _WORK_ON_REVIEWS},
    f"/{PACKAGE}.ReviewService/ConfirmReview": frozenset({Role.REVIEW_SECOND}),
    f"/{PACKAGE}.ReviewService/RequestReview": frozenset({Role.DECIDE}),
    f"/{PACKAGE}.NoticeService/GetNotice": frozenset({Role.DECIDE, Role.READ}),
    f"/{PACKAGE}.NoticeService/ListNotices": frozenset({Role.DECIDE, Role.READ}),
    f"/{PACKAGE}.NoticeService/RecordNoticeSent": frozenset({Role.DECIDE}),
    f"/{PACKAGE}.EventService/ListEvents": frozenset({Role.DECIDE, Role.READ}),
    f"/{PACKAGE}.EventService/ListDeadEvents": frozenset({Role.ROLLOUT, Role.READ}),
    f"/{PACKAGE}.EventService/ResendEvent": frozenset({Role.ROLLOUT}),
    f"/{PACKAGE}.StatusService/GetCaller": _ANY,
    f"/{PACKAGE}.StatusService/GetStatus": _SEEN_ROLLOUTS | _SEEN_RULES,
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": _ANY,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": _ANY,
}
"""The roles of which a caller needs one."""

HEALTH_METHODS = frozenset(f"/grpc.health.v1.Health/{name}" for name in ("Check", "List", "Watch"))
"""Methods that need no credentials and are served under any load."""

UNOBSERVED = (*HEALTH_METHODS, REFLECTION)
"""How the methods begin that platforms call all the time: neither logged nor counted."""

_SIGNS = {Role.RULES: Signing.PROPOSED, Role.RULES_APPROVE: Signing.APPROVED}


class Token(msgspec.Struct, frozen=True):
    hashed: bytes
    caller: Caller
    until: date | None = None

    @property
    def shown(self) -> str:
        """How its hash begins, by which operators tell tokens apart."""
        return self.hashed.hex()[:8]


@dataclass(frozen=True, slots=True)
class Callers:
    """All who may call, by hash of token, by name in a client certificate and by subject.

    `issuer` are the URL of whose ID tokens name subjects, and their audience. `signers` are those
    with signing keys, `roles` what each may do, by name.
    """

    tokens: tuple[Token, ...] = field(default=(), repr=False)
    certificates: Mapping[str, Caller] = field(default_factory=dict)
    subjects: Mapping[str, Caller] = field(default_factory=dict)
    issuer: tuple[str, str] | None = None
    signers: Mapping[str, Signer] = field(default_factory=dict)
    roles: Mapping[str, frozenset[Role]] = field(default_factory=dict)

    def by_token(self, token: str) -> Token | None:
        """The token that is shown; takes as long for a wrong one as for a right one."""
        shown = hashlib.sha256(token.encode()).digest()
        found = None
        for known in self.tokens:
            if hmac.compare_digest(known.hashed, shown):
                found = known
        return found

    def by_certificate(self, names: Iterable[str]) -> Caller | None:
        return next((self.certificates[n] for n in names if n in self.certificates), None)


class CallersReading(msgspec.Struct, frozen=True):
    callers: Callers | None
    diagnostics: tuple[Diagnostic, ...]


def new_token() -> str:
    """A fresh token: 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    return HASH_PREFIX + hashlib.sha256(token.encode()).hexdigest()


def read_callers(path: str, text: str) -> CallersReading:
    """Read and check a callers file; never raises. Source lines are not quoted."""
    report = Report()
    root = yaml.read(path, text, report)
    callers = None if root is None else _Reader(report).read(root)
    shown = (
        replace(
            one,
            message=_TOKEN.sub("dst_…", one.message),
            hint=_TOKEN.sub("dst_…", one.hint),
            quoted="",
        )
        for one in report.diagnostics()
    )
    return CallersReading(None if report.failed else callers, tuple(shown))


class _Reader:
    """Collects callers, and refuses what two of them would share."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._owners: dict[bytes, Caller] = {}
        self._tokens: dict[bytes, Token] = {}
        self._roles: dict[str, frozenset[Role]] = {}
        self._certificates: dict[str, Caller] = {}
        self._subjects: dict[str, Caller] = {}
        self._has_issuer = False
        self._signing_keys: dict[bytes, Caller] = {}
        self._signers: dict[str, Signer] = {}

    def read(self, root: YamlNode) -> Callers | None:
        what, required, optional = "the callers file", ("callers",), ("issuer",)
        fields = Fields.of(root, what, self._report, required=required, optional=optional)
        callers = None if fields is None else fields.map("callers")
        if fields is None or callers is None:
            return None
        issuer = self._issuer(fields)
        if not 1 <= len(callers.entries) <= MOST_CALLERS:
            message = f"`callers` must name 1 to {MOST_CALLERS:,} callers"
            self._report.error("A101", callers.place, message)
        for entry in callers.entries:
            self._caller(entry)
        tokens = tuple(self._tokens.values())
        return Callers(
            tokens, self._certificates, self._subjects, issuer, self._signers, self._roles
        )

    def _issuer(self, fields: Fields) -> tuple[str, str] | None:
        self._has_issuer = fields.has("issuer")
        node = fields.map("issuer")
        if node is None:
            return None
        named = Fields(node, "`issuer`", self._report, required=("url", "audience"))
        url, audience = named.text("url"), named.text("audience")
        if url is None or audience is None:
            return None
        if not is_protected(url):
            message = "`url` is not the https address of an issuer, without user and query"
            hint = "http is for an issuer on this machine alone"
            self._report.error("A108", named.place("url"), message, hint)
        return url, audience

    def _caller(self, entry: MapEntry) -> None:
        if not NAME.fullmatch(entry.key) or entry.key == ANONYMOUS.name:
            hint = "use 1 to 64 lower-case letters, digits, `.`, `_`, `-`; not `anonymous`"
            self._report.error("A102", entry.key_place, "that is no caller's name", hint)
        what = f"caller `{entry.key}`"
        node = as_map(entry.value, what, self._report)
        if node is None:
            return
        fields = Fields(node, what, self._report, required=("roles",), optional=_IDENTITIES)
        caller = Caller(entry.key, frozenset(self._roles_of(fields)))
        self._roles[caller.name] = caller.roles
        self._identify(fields, caller)

    def _roles_of(self, fields: Fields) -> Iterator[Role]:
        items = fields.items("roles")
        if fields.has("roles") and not items:
            hint = f"name some of {', '.join(Role)}"
            self._report.error("A103", fields.place("roles"), f"{fields.what} has no roles", hint)
        for item in items:
            chosen = as_choice(item, "a role", Role, self._report)
            if chosen is not None:
                yield Role(chosen)

    def _identify(self, fields: Fields, caller: Caller) -> None:
        if not any(map(fields.has, _IDENTITIES)):
            message = (
                f"{fields.what} has neither `tokens`, `certificates`, `subjects` nor `signing_keys`"
            )
            hint = f"make a token: decision-service tokens new {caller.name}"
            self._report.error("A104", fields.node.place, message, hint)
        tokens = fields.get("tokens")
        for item in as_list(tokens, "`tokens`", self._report) if tokens else ():
            self._token(item, caller)
        for item in fields.items("certificates"):
            name = as_text(item, "a certificate's name", self._report)
            if name is not None:
                self._claim(self._certificates, name[:_TOO_LONG], caller, item, "certificate name")
        if fields.has("subjects") and not self._has_issuer:
            message = f"{fields.what} has `subjects`, and the file has no `issuer`"
            hint = "name whose subjects they are: issuer: {url: https://…, audience: …}"
            self._report.error("A109", fields.place("subjects"), message, hint)
        for item in fields.items("subjects"):
            subject = as_text(item, "a subject", self._report)
            if subject is not None:
                self._claim(self._subjects, subject, caller, item, "subject")
        keys = [key for item in fields.items("signing_keys") for key in self._key(item, caller)]
        if keys:
            signs = frozenset(signing for role, signing in _SIGNS.items() if role in caller.roles)
            self._signers[caller.name] = Signer(signs, tuple(keys))

    def _key(self, item: YamlNode, caller: Caller) -> Iterator[SigningKey]:
        """A public key, plain or with the day from which it no longer counts."""
        node, withdrawn = item, None
        if isinstance(item, MapNode):
            fields = Fields(
                item, "a signing key", self._report, required=("key",), optional=("withdrawn",)
            )
            node, withdrawn = fields.get("key") or item, fields.day("withdrawn")
        public = key_from(node.text) if isinstance(node, Scalar) else None
        if public is None:
            message = f"a signing key of `{caller.name}` is not `ed25519:` and 32 bytes in Base64"
            hint = "only public keys belong here: decision-service rules keys new prints one"
            self._report.error("A107", node.place, message, hint)
            return
        self._claim(self._signing_keys, public, caller, node, "signing key")
        yield SigningKey(public, withdrawn)

    def _token(self, item: YamlNode, caller: Caller) -> None:
        """A hash, plain or with the last day on which its token is good."""
        node, until = item, None
        if isinstance(item, MapNode):
            fields = Fields(item, "a token", self._report, required=("hash",), optional=("until",))
            until, hash_node = fields.day("until"), fields.get("hash")
            if hash_node is None:
                return
            node = hash_node
        found = _HASH.fullmatch(node.text) if isinstance(node, Scalar) else None
        if found is None:
            message = f"a token of `{caller.name}` is not `sha256:` and 64 hexadecimal digits"
            hint = "only hashes belong here: decision-service tokens new prints one"
            self._report.error("A105", node.place, message, hint)
            return
        hashed = bytes.fromhex(found[1])
        self._claim(self._owners, hashed, caller, node, "token")
        self._tokens[hashed] = Token(hashed, caller, until)

    def _claim(
        self, taken: dict[Key, Caller], key: Key, caller: Caller, item: YamlNode, what: str
    ) -> None:
        owner = taken.setdefault(key, caller)
        if owner is not caller:
            message = f"this {what} is caller `{owner.name}`'s already"
            self._report.error("A106", item.place, message, "give each caller its own")


UNREADABLE = "A100"
"""The code of a callers file that cannot be read at all."""

NO_PACKAGE = "A110"
"""The code of a callers file with an issuer where what checks its tokens is not installed."""

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

    @property
    def signers(self) -> Mapping[str, Signer]:
        """The callers with signing keys; none without a callers file."""
        return {} if self._callers is None else self._callers.signers

    def is_reviewer(self, name: str) -> bool:
        """Whether a caller of this name works on reviews; any may be one without a callers file."""
        if self._callers is None:
            return NAME.fullmatch(name) is not None
        return not _REVIEWERS.isdisjoint(self._callers.roles.get(name, ()))

    def last_uses(self) -> Iterator[tuple[Token, datetime | None]]:
        for token in () if self._callers is None else self._callers.tokens:
            yield token, self._used.get(token.hashed)

    async def keep_keys(self) -> None:
        """Fetch the issuer's keys where there is one, again when they are old, for ever."""
        while True:
            if self._issuer is not None:
                await self._issuer.refresh()
            await asyncio.sleep(LOOK_SECONDS)

    async def follow(self, taken_over: Callable[[], None]) -> None:
        """Take a replaced file over, for ever, and call back after each that counts."""
        async for _ in self._files.changes():
            if await asyncio.to_thread(self.refresh):
                taken_over()

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
                from decision_service.server.issuer import Issuer  # of the extra
            except ModuleNotFoundError:
                message = "`issuer` needs the package joserfc, which is not installed"
                hint = "pip install decision-service[console]"
                return _refused(path, NO_PACKAGE, message, hint)
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
        return self._by_header(shown[0], callers, context)

    def _by_header(self, header: str, callers: Callers, context: RpcContext) -> Caller | None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            return None
        token, issuer = token.strip(), self._issuer
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
        return _refused(path, UNREADABLE, message, "check its path and permissions")
    if text is None:
        return CallersReading(None, report.diagnostics())
    return read_callers(str(path), text)


def _refused(path: Path, code: str, message: str, hint: str) -> CallersReading:
    """A file that is refused whole."""
    report = Report()
    report.error(code, Place(str(path), 1, 1, 2), message, hint)
    return CallersReading(None, report.diagnostics())


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
