"""Callers: what their file lets in, what is wrong with it, and failed authentications."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import trustme
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from decision_service.domain.errors import PermissionDenied, Unauthenticated
from decision_service.rules.language.diagnostics import render_all
from decision_service.server.services.status import of_tokens
from decision_service.server.transport import auth
from decision_service.server.transport.auth import (
    ALARM_FROM,
    Authenticator,
    CallersRefused,
    FailedAuthentications,
)
from decision_service.server.transport.callers import new_token, read_callers, token_hash
from decision_service.server.transport.context import ANONYMOUS, Caller, CallInfo, Role, address_of
from decision_service.server.transport.interceptors import authenticating
from tests.fakes.observed import captured
from tests.fakes.world import SetClock
from tests.kits.cases import cases
from tests.kits.issuer import client_certificate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BROKEN = cases("server/broken_callers")
FIRST, SECOND, THIRD = new_token(), new_token(), new_token()

GOOD = f"""\
callers:
  los:
    roles: [decide]
    tokens: ["{token_hash(FIRST)}", "{token_hash(SECOND)}"]
  auditor:
    roles: [read, rules]
    tokens: ["{token_hash(THIRD)}"]
    certificates: [auditor.internal]
"""


class Peer:
    """The side of a call that shows these headers and a client certificate."""

    def __init__(
        self,
        pem: bytes = b"",
        headers: Sequence[str] = (),
        address: str = "192.0.2.1",
        further: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._pem = pem
        self._headers = tuple(("authorization", header) for header in headers) + further
        self.info = CallInfo()
        self.address = address
        self.caller: Caller | None = None

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._headers

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"x509_pem_cert": [self._pem]} if self._pem else {}


def caller_of(
    authenticator: Authenticator, header: str | None = None, pem: bytes = b""
) -> Caller | None:
    """The caller that this header and this certificate show."""
    headers = () if header is None else (header,)
    return authenticator.caller(Peer(pem, headers))


def name_of(
    authenticator: Authenticator, header: str | None = None, pem: bytes = b""
) -> str | None:
    """That caller's name."""
    caller = caller_of(authenticator, header, pem)
    return caller and caller.name


CA = trustme.CA()
DNS, AUDITOR = x509.DNSName, "auditor.internal"

SHOWN: dict[str, tuple[Sequence[str], Sequence[x509.GeneralName], bool]] = {
    "a DNS name": ((), [DNS("x.internal"), DNS(AUDITOR)], True),
    "a CN alone": ((AUDITOR,), (), True),
    "a CN and a SAN": ((AUDITOR,), [DNS("x.internal")], False),
    "a CN and a SAN without DNS names": ((AUDITOR,), [x509.RFC822Name("a@b.internal")], False),
    "two CNs": ((AUDITOR, "x.internal"), (), False),
    "a mail address": ((), [x509.RFC822Name(AUDITOR)], False),
    "a URI": ((), [x509.UniformResourceIdentifier(AUDITOR)], False),
    "a DNS name that goes on after NUL": ((), [DNS(f"{AUDITOR}\0.evil")], False),
    "a CN that goes on after NUL": ((f"{AUDITOR}\0.evil",), (), False),
    "a DNS name and one with a line break": ((), [DNS(AUDITOR), DNS("x\n")], False),
    "no name": ((), (), False),
}


@pytest.mark.parametrize("shown", SHOWN)
def test_the_names_of_a_certificate_are_its_dns_names(tmp_path: Path, shown: str) -> None:
    """DNS names of the SAN, the CN where there is no SAN, and none with control characters."""
    common_names, sans, known = SHOWN[shown]
    pem, _ = client_certificate(CA, common_names, sans)
    assert name_of(_authenticator(tmp_path), None, pem) == ("auditor" if known else None)


def test_what_is_no_certificate_has_no_name(tmp_path: Path) -> None:
    """Bytes that cannot be read name no caller, and raise nothing."""
    assert name_of(_authenticator(tmp_path), None, b"-----BEGIN CERTIFICATE-----") is None


FRONT, OTHER, CLIENT = (
    client_certificate(CA, (), [DNS(name)])[0] for name in ("front.internal", "x.internal", AUDITOR)
)

HANDED = f'Hash={"0" * 64};Cert="{quote(CLIENT)}"'
CERT = ("x-forwarded-client-cert", HANDED)
TWO_IN_ONE = ("x-forwarded-client-cert", f"{HANDED},{HANDED}")
ADDRESS = ("x-forwarded-for", "203.0.113.9")
SEVERAL = ("x-forwarded-for", "1.1.1.1, 203.0.113.9")
NETWORK = ("x-forwarded-for", "2001:db8::1")
TOKEN = (f"Bearer {FIRST}",)
ELSEWHERE, HERE = "192.0.2.1", "127.0.0.1"

WORDS: dict[str, tuple[Peer, str | None, str]] = {
    "from this machine": (Peer(address=HERE, further=(CERT,)), "auditor", HERE),
    "from this machine over IPv6, with an address": (
        Peer(address="::/64", further=(CERT, SEVERAL)),
        "auditor",
        "203.0.113.9",
    ),
    "by the front's certificate": (
        Peer(FRONT, further=(CERT, NETWORK)),
        "auditor",
        "2001:db8::/64",
    ),
    "by the front, with a token": (Peer(FRONT, TOKEN, further=(ADDRESS,)), "los", "203.0.113.9"),
    "by the front, of no client": (Peer(FRONT), None, ELSEWHERE),
    "by the front, twice": (Peer(FRONT, further=(CERT, CERT)), None, ELSEWHERE),
    "by the front, two in one": (Peer(FRONT, further=(TWO_IN_ONE,)), None, ELSEWHERE),
    "from elsewhere": (Peer(further=(CERT,)), None, ELSEWHERE),
    "from elsewhere, with a token": (Peer(b"", TOKEN, further=(CERT,)), None, ELSEWHERE),
    "by another certificate": (Peer(OTHER, further=(CERT,)), None, ELSEWHERE),
    "by another certificate from this machine": (
        Peer(OTHER, address=HERE, further=(CERT,)),
        None,
        HERE,
    ),
    "an address from elsewhere": (Peer(b"", TOKEN, further=(ADDRESS,)), "los", ELSEWHERE),
}


@pytest.mark.parametrize("way", WORDS)
def test_only_the_fronts_word_counts_for_another(tmp_path: Path, way: str) -> None:
    """A certificate handed on by another is refused, and an address is not read."""
    peer, known, address = WORDS[way]
    path = tmp_path / "callers.yaml"
    path.write_text(GOOD)
    caller = Authenticator(path, SetClock().now, "front.internal").caller(peer)
    assert (caller and caller.name, peer.address) == (known, address)


def test_every_token_of_a_caller_lets_it_in() -> None:
    """While one token replaces another both are good; roles come with the caller."""
    callers = read_callers("callers.yaml", GOOD).callers
    assert callers is not None
    los = Caller("los", frozenset({Role.DECIDE}))
    first, second, third = map(callers.by_token, (FIRST, SECOND, THIRD))
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.caller == second.caller == los
    assert third.caller == Caller("auditor", frozenset({Role.READ, Role.RULES}))
    assert callers.by_token(FIRST + "x") is None
    assert callers.by_certificate(["nobody", "auditor.internal"]) == third.caller
    assert FIRST not in repr(callers)


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_mistakes_are_told_with_their_place(name: str) -> None:
    """Every mistake has a place, a code and something to do; hashes and tokens are not repeated."""
    case = BROKEN[name]
    reading = read_callers("callers.yaml", case["text"])
    assert reading.callers is None
    assert render_all(reading.diagnostics).splitlines() == case["told"]


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text, however broken, raises."""
    reading = read_callers("callers.yaml", text)
    assert (reading.callers is None) == bool(reading.diagnostics)


async def test_a_method_without_a_row_is_refused_to_everybody() -> None:
    """An RPC that nobody has thought of is closed, even where callers are not configured."""
    interceptor, peer = authenticating(FailedAuthentications(lambda: 0.0)), Peer()
    peer.caller = ANONYMOUS
    with pytest.raises(PermissionDenied):
        await interceptor(_answer, "/x.Y/New")(b"", peer)
    listing = "/decision_service.api.v1.DecisionService/ListDecisions"
    assert await interceptor(_answer, listing)(b"", peer) == b"answer"
    with pytest.raises(Unauthenticated):
        await interceptor(_answer, listing)(None, Peer())


async def _answer(_: object, __: object) -> bytes:
    return b"answer"


def test_without_a_file_everybody_is_anonymous_and_may_do_anything() -> None:
    """Where no callers are configured there is one caller."""
    assert caller_of(Authenticator(None, SetClock().now)) == Caller("anonymous", frozenset(Role))


REFUSED = {
    "nothing": None,
    "an empty header": "",
    "a scheme alone": "Bearer",
    "an empty token": "Bearer ",
    "another scheme": f"Basic {FIRST}",
    "a token and more": f"Bearer {FIRST}x",
    "no ASCII": "Bearer \ufffd",
    "a token alone": FIRST,
}


@pytest.mark.parametrize("shown", REFUSED)
def test_who_shows_nothing_good_is_not_let_in(tmp_path: Path, shown: str) -> None:
    """No token, another scheme, or an unknown token shows no caller."""
    assert caller_of(_authenticator(tmp_path), REFUSED[shown]) is None


def test_two_authorization_headers_let_nobody_in(tmp_path: Path) -> None:
    """A proxy and the service might each read another one; a certificate does not help."""
    pem, _ = client_certificate(CA, (), [DNS(AUDITOR)])
    peer = Peer(pem, (f"Bearer {FIRST}", f"Bearer {FIRST}"))
    assert _authenticator(tmp_path).caller(peer) is None


def test_a_certificate_counts_where_no_token_is_shown(tmp_path: Path) -> None:
    """A wrong token is not made good by a certificate; an unmapped certificate lets nobody in."""
    authenticator = _authenticator(tmp_path)
    known, _ = client_certificate(CA, (), [DNS(AUDITOR)])
    stranger, _ = client_certificate(CA, (), [DNS("stranger.internal")])
    assert name_of(authenticator, f"bearer {FIRST}") == "los"
    assert name_of(authenticator, None, known) == "auditor"
    assert caller_of(authenticator, "Bearer wrong", known) is None
    assert caller_of(authenticator, None, stranger) is None


def test_a_replaced_file_counts_and_a_bad_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that was taken out is refused; a file with mistakes leaves the last good one."""
    log = captured(monkeypatch, auth)
    authenticator, path = _authenticator(tmp_path), tmp_path / "callers.yaml"
    path.write_text(GOOD.replace(token_hash(FIRST), "sha256:" + hashlib.sha256(b"new").hexdigest()))
    assert authenticator.refresh()
    assert caller_of(authenticator, f"Bearer {FIRST}") is None
    assert name_of(authenticator, "Bearer new") == "los"
    path.write_text(f"callers: {{los: {{roles: [decide], tokens: [{FIRST}]}}}}")
    assert not authenticator.refresh()
    assert name_of(authenticator, "Bearer new") == "los"
    [refused] = [line for line in log if line["event"] == "callers refused"]
    assert refused["where"] == f"{path}:1:43"
    assert FIRST not in str(log)


def test_reviewers_are_callers_with_one_of_their_roles(tmp_path: Path) -> None:
    """Without a callers file any name that one could have is a reviewer's."""
    path = tmp_path / "callers.yaml"
    path.write_text(
        GOOD.replace("[decide]", "[review]").replace("[read, rules]", "[review_second]")
    )
    authenticator = Authenticator(path, SetClock().now)
    assert [*map(authenticator.is_reviewer, ("los", "auditor", "ana", ""))] == [1, 1, 0, 0]
    anyone = Authenticator(None, SetClock().now)
    assert [*map(anyone.is_reviewer, ("ana", "Ana Cruz", ""))] == [1, 0, 0]


def test_who_gained_and_lost_which_roles_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of new callers, those that are gone, and those whose roles are others; of no others."""
    log = captured(monkeypatch, auth)
    authenticator, path = _authenticator(tmp_path), tmp_path / "callers.yaml"
    other = GOOD.replace("[decide]", "[read, decide]").replace("auditor:", "auditor-b:")
    path.write_text(other)
    assert authenticator.refresh()
    path.write_text(other.replace("auditor.internal", "auditor-b.internal"))
    assert authenticator.refresh()
    changed = [line for line in log if line["event"] == "roles of a caller changed"]
    assert [(one["caller"], one["gained"], one["lost"]) for one in changed] == [
        ("auditor", [], ["read", "rules"]),
        ("auditor-b", ["read", "rules"], []),
        ("los", ["read"], []),
    ]


def test_a_token_ends_with_its_last_day_and_shows_its_last_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Good until midnight in UTC, then unknown, which is logged once; a plain one goes on."""
    log = captured(monkeypatch, auth)
    ends = f'{{hash: "{token_hash(FIRST)}", until: 2026-12-31}}'
    path, now = tmp_path / "callers.yaml", datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    path.write_text(GOOD.replace(f'"{token_hash(FIRST)}"', ends))
    clock = SetClock(wall=now)
    authenticator = Authenticator(path, clock.now)
    assert name_of(authenticator, f"Bearer {FIRST}") == "los"
    clock.wall = later = now + timedelta(seconds=1)
    assert [name_of(authenticator, f"Bearer {FIRST}") for _ in range(2)] == [None, None]
    assert name_of(authenticator, f"Bearer {SECOND}") == "los"
    ended = [line for line in log if line["event"] == "a token has ended"]
    assert [(line["caller"], line["until"]) for line in ended] == [("los", "2026-12-31")]
    (metric,) = of_tokens(authenticator)
    shown = {tuple(sample.labels.values()): sample.value for sample in metric.samples}
    names = {token: token_hash(token).removeprefix("sha256:")[:8] for token in (FIRST, SECOND)}
    assert shown["los", names[FIRST], "2026-12-31"] == now.timestamp()
    assert shown["los", names[SECOND], ""] == later.timestamp()
    assert sorted(shown.values())[0] == 0.0


def test_an_unreadable_callers_file_is_refused(tmp_path: Path) -> None:
    """A start with a missing or broken file ends with the places of its mistakes."""
    with pytest.raises(CallersRefused) as error:
        Authenticator(tmp_path / "none.yaml", SetClock().now)
    assert error.value.diagnostics[0].code == "A100"


def _authenticator(folder: Path) -> Authenticator:
    (folder / "callers.yaml").write_text(GOOD)
    return Authenticator(folder / "callers.yaml", SetClock().now)


def test_failures_are_a_metric_and_many_of_an_address_an_alarm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The log names the address once it has failed a hundred times."""
    log = captured(monkeypatch, auth)
    registry = CollectorRegistry()
    failures = FailedAuthentications(lambda: 0.0, registry)
    for _ in range(ALARM_FROM + 1):
        failures.count("192.0.2.1")
    assert (
        f"failed_authentications_total {ALARM_FROM + 1:.1f}" in generate_latest(registry).decode()
    )
    assert [(line["alarm"], line["address"], line["failures"]) for line in log] == [
        ("AUTHENTICATION", "192.0.2.1", ALARM_FROM)
    ]


@pytest.mark.parametrize(("peer", "address"), cases("server/failed_authentications"))
def test_a_client_is_known_by_its_address_without_the_port(peer: str, address: str) -> None:
    """Networks of IPv6 that one client has whole count as one address."""
    assert address_of(peer) == address
