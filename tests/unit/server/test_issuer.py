"""ID tokens of the lender's identity provider: which count, and how its keys are known."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, RSAKey
from msgspec.structs import replace
from starlette.responses import JSONResponse, RedirectResponse, Response

from decision_service.build import install_command
from decision_service.domain.actors import TokenSubject
from decision_service.server.transport import issuer as issuer_module
from decision_service.server.transport.auth import Authenticator, CallersRefused
from decision_service.server.transport.callers import new_token, token_hash
from decision_service.server.transport.context import Caller, RpcContext
from tests.fakes.observed import captured
from tests.fakes.world import SetClock
from tests.kits.issuer import BAD, DISCOVERY, LOGOUT, Issuer

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
def authenticator(
    tmp_path: Path, issuer: Issuer, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> Authenticator:
    monkeypatch.setattr(issuer_module, "PACE", 0.0)  # the clock of these tests stands still
    return Authenticator(_callers(tmp_path, issuer.url), clock.now)


GOOD: dict[str, Callable[[Issuer], str]] = {
    "RS256": lambda i: i.token(MARIA, "RS256"),
    "ES256": lambda i: i.token(MARIA, "ES256"),
    "EdDSA": lambda i: i.token(MARIA, "EdDSA"),
    "several audiences": lambda i: i.token(MARIA, aud=["other", i.audience], azp=i.audience),
    "the one audience in a list": lambda i: i.token(MARIA, aud=[i.audience]),
    "its own client named": lambda i: i.token(MARIA, azp=i.audience),
    "of the type of JWTs": lambda i: i.token(MARIA, typ="JWT"),
    "typed in full": lambda i: i.token(MARIA, typ="application/jwt"),
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


class Checks:
    """An issuer as the service checks it; its rests end at once, and are kept."""

    def __init__(self, issuer: Issuer, clock: SetClock) -> None:
        self.rests: list[float] = []
        self.clock = clock
        self.url = issuer.url
        self.checks = issuer_module.Issuer((issuer.url, Issuer.audience), clock.now, self._rest)

    async def _rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.clock.wall += timedelta(seconds=seconds)

    async def knows(self, token: str, address: str = "192.0.2.1") -> bool:
        """Whether a call from an address with this token is Maria's, whom it names."""
        call = RpcContext(Call())
        call.address = address
        maria = Caller("maria", frozenset())
        caller = self.checks.caller(token, {MARIA: maria}, call)
        if call.late is not None:
            caller = await call.late()
        return caller == replace(maria, person=TokenSubject(self.url, MARIA))


@pytest.fixture
def checks(issuer: Issuer, clock: SetClock) -> Checks:
    return Checks(issuer, clock)


def unknown(issuer: Issuer) -> str:
    """A token as anyone makes it: right but for its key, which has a new `kid`."""
    return issuer.token(MARIA, key=ECKey.generate_key("P-256", auto_kid=True))


async def test_rotated_keys_refuse_no_call(issuer: Issuer, checks: Checks) -> None:
    """Calls with a token by a new key wait for one fetch of the keys, all of them."""
    old = issuer.token(MARIA)
    await checks.checks.refresh()
    assert await checks.knows(old)
    issuer.rotate()
    assert all(await asyncio.gather(*(checks.knows(issuer.token(MARIA)) for _ in range(20))))
    assert not await checks.knows(old)
    assert issuer.asked == [DISCOVERY, "/keys"] * 3


async def test_a_stranger_delays_no_rotation(issuer: Issuer, checks: Checks) -> None:
    """Whatever made-up keys were asked for a moment ago, or are asked for now, a call by a rotated
    key is known; and by the next one too, within the same seconds."""
    await checks.checks.refresh()
    for _ in range(3):
        made_up = [checks.knows(unknown(issuer)) for _ in range(issuer_module.MOST_OF_ADDRESS + 9)]
        asked = asyncio.gather(*made_up)
        await asyncio.sleep(0)
        issuer.rotate()
        assert await checks.knows(issuer.token(MARIA), "192.0.2.2")
        assert not any(await asked)
        assert not await checks.knows(unknown(issuer))
        issuer.rotate()
        assert await checks.knows(issuer.token(MARIA))


async def test_a_key_that_is_published_while_keys_are_read_is_found(
    issuer: Issuer, checks: Checks
) -> None:
    """A fetch that began before a call may bring older keys: the call waits for one more."""
    reading, go_on = asyncio.Event(), asyncio.Event()
    published = checks.checks._published

    async def slow() -> issuer_module.UsableKeys:
        found = await published()
        reading.set()
        await go_on.wait()
        return found

    checks.checks._published = slow
    stranger = asyncio.create_task(checks.knows(unknown(issuer)))
    await reading.wait()
    issuer.rotate()
    maria = asyncio.create_task(checks.knows(issuer.token(MARIA)))
    await asyncio.sleep(0)
    go_on.set()
    assert await maria
    assert not await stranger


async def test_keys_are_fetched_once_a_second_whoever_asks(
    issuer: Issuer, checks: Checks, clock: SetClock
) -> None:
    """By tokens that are right but for the key; those wrong otherwise have none fetched."""
    await checks.checks.refresh()
    other = ECKey.generate_key("P-256", auto_kid=True)
    for claims in ({"aud": "other"}, {"sub": STRANGER}, {"exp": 1}, {"iss": "https://x"}, LOGOUT):
        assert not await checks.knows(issuer.token(MARIA, key=other, **claims))
    assert not await checks.knows(issuer.token(MARIA, key=other, typ="at+jwt"))
    assert len(issuer.asked) == 2
    for _ in range(3):
        assert not await checks.knows(unknown(issuer))
    clock.wall += timedelta(seconds=0.75)
    assert not await checks.knows(unknown(issuer))
    clock.wall += timedelta(seconds=60)
    assert not await checks.knows(unknown(issuer))
    clock.wall -= timedelta(seconds=60)
    assert not await checks.knows(unknown(issuer))
    assert checks.rests == [0, 1, 1, 1, 0.25, 0, 0]
    assert issuer.asked == [DISCOVERY, "/keys"] * len(checks.rests)


async def test_as_many_calls_wait_as_have_a_place(issuer: Issuer, checks: Checks) -> None:
    """Half of the places are the most of one address; what has none is refused at once."""
    go_on = asyncio.Event()

    async def rest(_: float) -> None:
        await go_on.wait()

    checks.checks._sleep = rest
    places, own = issuer_module.MOST_WAITING, issuer_module.MOST_OF_ADDRESS
    first = [asyncio.create_task(checks.knows(unknown(issuer))) for _ in range(own)]
    await asyncio.sleep(0)
    assert not await checks.knows(issuer.token(MARIA))
    maria = asyncio.create_task(checks.knows(issuer.token(MARIA), "192.0.2.2"))
    others = range(places - own - 1)
    more = [asyncio.create_task(checks.knows(unknown(issuer), "192.0.2.3")) for _ in others]
    await asyncio.sleep(0)
    assert not await checks.knows(issuer.token(MARIA), "192.0.2.4")
    go_on.set()
    assert await maria
    assert not any(await asyncio.gather(*first, *more))
    assert await checks.knows(issuer.token(MARIA), "192.0.2.4")
    assert not checks.checks._waiting


async def test_short_rsa_keys_are_not_used(
    issuer: Issuer, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token by one of 1,024 bits is of no caller, those by other keys count; the log says so."""
    log = captured(monkeypatch, issuer_module)
    private = generate_private_key(65537, 1024)
    with pytest.warns(SecurityWarning):
        short = RSAKey.import_key(private, {"use": "sig", "kid": "short"})
    issuer.keys["short"] = short
    assert not await checks.knows(issuer.token(MARIA, "RS256", short))
    assert await checks.knows(issuer.token(MARIA, "RS256"))
    assert [line["event"] for line in log] == [issuer_module._SHORT]
    issuer.keys = {"short": short}
    await checks.checks._fetched()
    assert log[-1]["event"] == issuer_module._KEPT
    assert "fewer than 2,048 bits" in log[-1]["why"]


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
