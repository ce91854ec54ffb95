"""ID tokens of the lender's identity provider: which count, and how its keys are known."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc.jwk import ECKey
from starlette.responses import JSONResponse, RedirectResponse, Response

from decision_service.build import install_command
from decision_service.server import issuer as issuer_module
from decision_service.server.auth import Authenticator, CallersRefused
from decision_service.server.callers import new_token, token_hash
from decision_service.server.context import RpcContext
from tests.fakes.log import captured
from tests.fakes.world import SetClock
from tests.kits.issuer import BAD, DISCOVERY, Issuer

MARIA, STRANGER, LOS = "248289761001", "1", new_token() + ".a.b"


class Call:
    """The transport of a call with these authorization headers."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = tokens

    def peer(self) -> str:
        """A client elsewhere."""
        return "ipv4:192.0.2.1:4711"

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return tuple(("authorization", f"Bearer {token}") for token in self._tokens)

    def auth_context(self) -> dict[str, list[bytes]]:
        return {}

    def time_remaining(self) -> None:
        """No deadline."""


async def name_of(authenticator: Authenticator, *tokens: str) -> str | None:
    """The name of who shows these tokens, found as a server finds it."""
    call = RpcContext(Call(*tokens))
    caller = authenticator.caller(call)
    if call.late is not None:
        caller = await call.late()
    return caller and caller.name


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def issuer(clock: SetClock) -> AsyncIterator[Issuer]:
    async with Issuer(clock.now).serving() as one:
        yield one


def _callers(folder: Path, url: str) -> Path:
    path = folder / "callers.yaml"
    path.write_text(f"""\
issuer: {{url: "{url}", audience: {Issuer.audience}}}
callers:
  maria: {{roles: [review, read], subjects: ["{MARIA}"]}}
  los: {{roles: [decide], tokens: ["{token_hash(LOS)}"]}}
""")
    return path


@pytest.fixture
def authenticator(tmp_path: Path, issuer: Issuer, clock: SetClock) -> Authenticator:
    return Authenticator(_callers(tmp_path, issuer.url), clock.now)


GOOD: dict[str, Callable[[Issuer], str]] = {
    "RS256": lambda i: i.token(MARIA, "RS256"),
    "ES256": lambda i: i.token(MARIA, "ES256"),
    "EdDSA": lambda i: i.token(MARIA, "EdDSA"),
    "several audiences": lambda i: i.token(MARIA, aud=["other", i.audience]),
    "ended within the leeway": lambda i: i.token(MARIA, exp=i.at(-59)),
    "beginning within the leeway": lambda i: i.token(MARIA, nbf=i.at(59)),
}


@pytest.mark.parametrize("case", GOOD)
async def test_a_good_token_is_of_its_subjects_caller(
    issuer: Issuer, authenticator: Authenticator, case: str
) -> None:
    """By each algorithm, for one audience or several, and within a minute of the clocks."""
    assert await name_of(authenticator, GOOD[case](issuer)) == "maria"


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_token_is_of_no_caller(
    issuer: Issuer, authenticator: Authenticator, case: str
) -> None:
    """While a good one is known, and raising nothing."""
    assert await name_of(authenticator, issuer.token(MARIA)) == "maria"
    assert await name_of(authenticator, BAD[case](issuer, MARIA)) is None


async def test_two_headers_are_refused_and_other_tokens_go_on(
    issuer: Issuer, authenticator: Authenticator
) -> None:
    """Two good ID tokens are of no caller; the service's own tokens are known next to them."""
    good = issuer.token(MARIA)
    assert await name_of(authenticator, good, good) is None
    assert await name_of(authenticator, LOS) == "los"
    assert issuer.asked == []


async def test_rotated_keys_refuse_no_call(issuer: Issuer, authenticator: Authenticator) -> None:
    """Calls with a token by a new key wait for one fetch of the keys, all of them."""
    old = issuer.token(MARIA)
    await authenticator._issuer.refresh()
    assert await name_of(authenticator, old) == "maria"
    issuer.rotate()
    calls = (name_of(authenticator, issuer.token(MARIA)) for _ in range(20))
    assert set(await asyncio.gather(*calls)) == {"maria"}
    assert await name_of(authenticator, old) is None
    assert issuer.asked == [DISCOVERY, "/keys"] * 2


async def test_tokens_have_keys_fetched_once_in_ten_seconds(
    issuer: Issuer, authenticator: Authenticator, clock: SetClock
) -> None:
    """Those by unknown keys, and none that is wrong in another way too."""
    await authenticator._issuer.refresh()
    other = ECKey.generate_key("P-256", auto_kid=True)
    for claims in ({"aud": "other"}, {"sub": STRANGER}, {"exp": 1}, {"iss": "https://x"}):
        assert await name_of(authenticator, issuer.token(MARIA, key=other, **claims)) is None
    assert len(issuer.asked) == 2
    for seconds, fetches in ((0, 2), (9.9, 2), (10, 3)):
        clock.wall = SetClock().wall + timedelta(seconds=seconds)
        for _ in range(3):
            assert await name_of(authenticator, issuer.token(MARIA, key=other)) is None
        assert issuer.asked == [DISCOVERY, "/keys"] * fetches


async def test_known_keys_serve_for_a_day_without_the_issuer(
    issuer: Issuer, authenticator: Authenticator, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are fetched every ten minutes; the log says once what has changed."""
    log, checks = captured(monkeypatch, issuer_module), authenticator._issuer
    down, seen = Response(status_code=503), []
    for minutes, answers in ((0, down), (1, down), (2, None), (11, down), (12, down), (24 * 60, 0)):
        clock.wall = SetClock().wall + timedelta(minutes=minutes)
        issuer.answers = {} if answers is None else {DISCOVERY: down}
        await checks.refresh()
        seen.append(await name_of(authenticator, issuer.token(MARIA)))
    assert seen == [None, None, "maria", "maria", "maria", "maria"]
    for _ in range(2):
        clock.wall += timedelta(minutes=3)
        await checks.refresh()
        assert await name_of(authenticator, issuer.token(MARIA)) is None
    why = "it answered with HTTP status 503"
    assert [(line["event"], line["why"]) for line in log] == [
        (issuer_module._UNKNOWN, why),
        (issuer_module._FETCHED, None),
        (issuer_module._KEPT, why),
        (issuer_module._UNKNOWN, why),
    ]


NO_KEYS: dict[str, tuple[str, Callable[[Issuer], Response], str]] = {
    "of another issuer": (
        DISCOVERY,
        lambda i: JSONResponse({"issuer": f"{i.url}/x", "jwks_uri": f"{i.url}/keys"}),
        "its discovery document names another issuer",
    ),
    "over plain HTTP": (
        DISCOVERY,
        lambda i: JSONResponse({"issuer": i.url, "jwks_uri": "http://id.example.com/keys"}),
        "its `jwks_uri` is neither https nor on this machine",
    ),
    "elsewhere": (
        "/keys",
        lambda i: RedirectResponse(f"{i.url}/keys?2"),
        "it answered with HTTP status 307",
    ),
    "too large": (
        "/keys",
        lambda _: JSONResponse({"keys": [], "x": "x" * 300_000}),
        "it answered with more than 256 KiB",
    ),
    "of other kinds": (
        "/keys",
        lambda _: JSONResponse({"keys": [{"kty": "AKP"}, {"kty": "EC", "crv": "P-9"}]}),
        "it publishes no key that can be used",
    ),
}


@pytest.mark.parametrize("case", NO_KEYS)
async def test_keys_that_are_not_the_issuers_are_not_taken(
    issuer: Issuer, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    """Documents of another, redirects, and what is too large; the log says which."""
    log = captured(monkeypatch, issuer_module)
    path, answer, why = NO_KEYS[case]
    issuer.answers = {path: answer(issuer)}
    assert await name_of(authenticator, issuer.token(MARIA)) is None
    assert [line["why"] for line in log] == [why]


async def test_an_issuer_that_cannot_be_reached_stops_no_start(
    tmp_path: Path, issuer: Issuer, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its callers are unknown; a replaced file with another issuer counts, and one with none."""
    log = captured(monkeypatch, issuer_module)
    authenticator = Authenticator(_callers(tmp_path, "http://127.0.0.1:1"), clock.now)
    gone = issuer.token(MARIA, iss="http://127.0.0.1:1")
    assert await name_of(authenticator, gone) is None
    assert [line["why"] for line in log] == ["ConnectError"]
    path = _callers(tmp_path, issuer.url)
    assert authenticator.refresh()
    assert await name_of(authenticator, issuer.token(MARIA)) == "maria"
    known = authenticator._issuer
    assert authenticator.refresh()
    assert authenticator._issuer is known
    path.write_text(f'callers: {{los: {{roles: [decide], tokens: ["{token_hash(LOS)}"]}}}}')
    assert authenticator.refresh()
    assert authenticator._issuer is None
    assert await name_of(authenticator, issuer.token(MARIA)) is None


def test_without_the_extra_an_issuer_is_refused(
    tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence says how to get it; a file without an issuer needs none of it."""
    monkeypatch.delitem(sys.modules, issuer_module.__name__)
    monkeypatch.setitem(sys.modules, "joserfc.errors", None)
    with pytest.raises(CallersRefused) as error:
        Authenticator(_callers(tmp_path, "https://id.example.com"), clock.now)
    [refused] = error.value.diagnostics
    assert (refused.code, refused.hint) == ("A110", install_command("console"))
