"""The callers file: who may call, by which token, certificate, subject or key, with which roles."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import Diagnostic, Place, Report
from decision_service.rules.language.fields import Fields, as_choice, as_list, as_map, as_text
from decision_service.rules.language.yaml import MapEntry, MapNode, Scalar, YamlNode, decode
from decision_service.runtime.address import is_protected
from decision_service.runtime.files import read_small
from decision_service.server.transport.context import ANONYMOUS, Caller, Role

TOKEN_PREFIX = "dst_"  # noqa: S105 - what tokens begin with, so that scanners find lost ones
HASH_PREFIX = "sha256:"
MOST_CALLERS = 1_000
_HASH = re.compile(r"sha256:([0-9a-f]{64})")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_TOKEN = re.compile(r"dst_[A-Za-z0-9_-]+")
_TOO_LONG = 200
_IDENTITIES = ("tokens", "certificates", "subjects")
Key = TypeVar("Key", str, bytes)


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

    `issuer` are the URL of whose ID tokens name subjects, and their audience. `roles` is what each
    may do, by name.
    """

    tokens: tuple[Token, ...] = field(default=(), repr=False)
    certificates: Mapping[str, Caller] = field(default_factory=dict)
    subjects: Mapping[str, Caller] = field(default_factory=dict)
    issuer: tuple[str, str] | None = None
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

    def read(self, root: YamlNode) -> Callers | None:
        what = "the callers file"
        required = ("callers",)
        optional = ("issuer",)
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
            tokens,
            self._certificates,
            self._subjects,
            issuer=issuer,
            roles=self._roles,
        )

    def _issuer(self, fields: Fields) -> tuple[str, str] | None:
        self._has_issuer = fields.has("issuer")
        node = fields.map("issuer")
        if node is None:
            return None
        named = Fields(node, "`issuer`", self._report, required=("url", "audience"))
        url = named.text("url")
        audience = named.text("audience")
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
            chosen = as_choice(item, "a role", Role, report=self._report)
            if chosen is not None:
                yield Role(chosen)

    def _identify(self, fields: Fields, caller: Caller) -> None:
        if not any(map(fields.has, _IDENTITIES)):
            message = f"{fields.what} has neither `tokens`, `certificates` nor `subjects`"
            hint = f"make a token: decision-service tokens new {caller.name}"
            self._report.error("A104", fields.node.place, message, hint)
        tokens = fields.get("tokens")
        for item in as_list(tokens, "`tokens`", self._report) if tokens else ():
            self._token(item, caller)
        for item in fields.items("certificates"):
            name = as_text(item, "a certificate's name", self._report)
            if name is not None:
                self._claim(
                    self._certificates, name[:_TOO_LONG], caller, item=item, what="certificate name"
                )
        if fields.has("subjects") and not self._has_issuer:
            message = f"{fields.what} has `subjects`, and the file has no `issuer`"
            hint = "name whose subjects they are: issuer: {url: https://…, audience: …}"
            self._report.error("A109", fields.place("subjects"), message, hint)
        for item in fields.items("subjects"):
            subject = as_text(item, "a subject", self._report)
            if subject is not None:
                self._claim(self._subjects, subject, caller, item=item, what="subject")

    def _token(self, item: YamlNode, caller: Caller) -> None:
        """A hash, plain or with the last day on which its token is good."""
        node = item
        until = None
        if isinstance(item, MapNode):
            fields = Fields(item, "a token", self._report, required=("hash",), optional=("until",))
            until = fields.day("until")
            hash_node = fields.get("hash")
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
        self._claim(self._owners, hashed, caller, item=node, what="token")
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


def read_callers_file(path: Path) -> CallersReading:
    report = Report()
    try:
        text = decode(str(path), read_small(path, trusted=True), report)
    except OSError as error:
        message = f"the file cannot be read: {error.strerror}"
        return refused_whole(path, UNREADABLE, message, hint="check its path and permissions")
    if text is None:
        return CallersReading(None, report.diagnostics())
    return read_callers(str(path), text)


def refused_whole(path: Path, code: str, message: str, hint: str) -> CallersReading:
    report = Report()
    report.error(code, Place(str(path), 1, 1, end=2), message, hint)
    return CallersReading(None, report.diagnostics())
