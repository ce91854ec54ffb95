"""ID tokens of the lender's identity provider (OpenID Connect), and the keys that it publishes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx2
import msgspec
import structlog
from joserfc.errors import InvalidKeyIdError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.jws import JWSRegistry, extract_compact, validate_compact
from joserfc.jwt import JWTClaimsRegistry
from msgspec.structs import replace

from decision_service.domain.actors import TokenSubject
from decision_service.runtime.address import is_protected
from decision_service.server.context import Caller, RpcContext

ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
LEEWAY = 60
"""Seconds by which the issuer's clock may differ."""

AGAIN = timedelta(seconds=10)
"""How long after tokens had the keys fetched no token has them fetched again."""

REFRESHED = timedelta(minutes=10)
KEPT = timedelta(hours=24)
"""How long keys serve while no newer ones can be fetched."""

FETCH_SECONDS = 3.0
LARGEST_ANSWER = 256 * 1024
MOST_WAITING = 128
DISCOVERY = "/.well-known/openid-configuration"

log = structlog.get_logger("decision_service.access")
_FETCHED = "the issuer's keys are known"
_KEPT = "the issuer's keys cannot be fetched: those fetched before serve for 24 hours"
_UNKNOWN = "the issuer's keys cannot be fetched: callers by `subjects` are unknown"


class _Registry(JWSRegistry):
    """Knows the allowed algorithms alone; the library warns of the older name of Ed25519."""

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


_REGISTRY = _Registry(strict_check_header=False)  # fields that are not known count for nothing


class _Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _Published(msgspec.Struct):
    keys: list[dict[str, Any]]


class Issuer:
    """Finds callers by its ID tokens; `named` are its URL and the audience of its tokens.

    `now` is the clock by which tokens and keys end. Tokens are checked on any thread, and keys
    fetched on the event loop.
    """

    def __init__(self, named: tuple[str, str], now: Callable[[], datetime]) -> None:
        self.named = named
        self._url = named[0]
        self._now = now
        self._keys: tuple[KeySet, datetime] | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._asked: datetime | None = None
        self._waiting = 0
        self._state = ""
        plain = self._url.startswith("http://")  # needs no certificates loaded
        self._tls = not plain and httpx2.create_ssl_context(trust_env=False)

    def caller(
        self, token: str, subjects: Mapping[str, Caller], context: RpcContext
    ) -> Caller | None:
        """Whose the token is; where only its key is not known, `context.late` finds it out."""
        try:
            return self._checked(token, subjects)
        except InvalidKeyIdError:
            context.late = partial(self._late, token, subjects)
            return None

    async def refresh(self) -> None:
        """Fetch the keys where they are not known or ten minutes old."""
        if self._keys is None or abs(self._now() - self._keys[1]) >= REFRESHED:
            await self._fetched()

    def _checked(self, token: str, subjects: Mapping[str, Caller]) -> Caller | None:
        """Raises InvalidKeyIdError where the token has all but a known key.

        What it claims is read before its signature: no other token has keys fetched.
        """
        now, caller = self._now(), None
        with suppress(JoseError, ValueError, RecursionError):
            signed = extract_compact(token.encode(), registry=_REGISTRY)
            claims = msgspec.json.decode(signed.payload or b"", type=dict[str, Any])
            validate(claims, self.named, now)
            caller = subjects.get(claims["sub"])
        if caller is None:
            return None
        caller = replace(caller, person=TokenSubject(self._url, claims["sub"]))
        try:
            good = validate_compact(signed, self._known(now), registry=_REGISTRY)
        except InvalidKeyIdError:
            raise
        except (JoseError, ValueError):
            return None
        return caller if good else None

    def _known(self, now: datetime) -> KeySet:
        if self._keys is None or abs(now - self._keys[1]) > KEPT:
            return KeySet([])
        return self._keys[0]

    async def _late(self, token: str, subjects: Mapping[str, Caller]) -> Caller | None:
        """Check the token once more, after the keys were fetched where that is due."""
        now, fetching = self._now(), self._fetching is not None and not self._fetching.done()
        due = self._asked is None or abs(now - self._asked) >= AGAIN
        if (due or fetching) and self._waiting < MOST_WAITING:
            self._asked = now if due else self._asked
            self._waiting += 1
            try:
                await self._fetched()
            finally:
                self._waiting -= 1
        with suppress(InvalidKeyIdError):
            return self._checked(token, subjects)
        return None

    async def _fetched(self) -> None:
        """Wait for the fetch under way, or for one of its own; it goes on without its waiters."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        await asyncio.wait((self._fetching,))

    async def _fetch(self) -> None:
        now, why = self._now(), ""
        try:
            self._keys = await self._published(), now
        except TimeoutError:
            why = f"no answer within {FETCH_SECONDS:.0f} seconds"
        except (httpx2.HTTPError, httpx2.InvalidURL, RecursionError) as error:
            why = type(error).__name__
        except ValueError as error:
            why = str(error)
        state = (_KEPT if self._known(now) else _UNKNOWN) if why else _FETCHED
        if state != self._state:
            self._state = state
            (log.warning if why else log.info)(state, issuer=self._url, why=why or None)

    async def _published(self) -> KeySet:
        """Raises ValueError where an answer is not as it must be."""
        async with (
            asyncio.timeout(FETCH_SECONDS),
            httpx2.AsyncClient(
                headers={"accept-encoding": "identity"},
                timeout=FETCH_SECONDS,
                trust_env=False,
                follow_redirects=False,
                verify=self._tls,
            ) as http,
        ):
            found = msgspec.json.decode(
                await _read(http, self._url.rstrip("/") + DISCOVERY), type=_Discovery
            )
            if found.issuer != self._url:
                raise ValueError("its discovery document names another issuer")
            if not is_protected(found.jwks_uri):
                raise ValueError("its `jwks_uri` is neither https nor on this machine")
            published = await _read(http, found.jwks_uri)
        keys = [*_usable(msgspec.json.decode(published, type=_Published).keys)]
        if not keys:
            raise ValueError("it publishes no key that can be used")
        return KeySet(keys)


def validate(claims: dict[str, Any], named: tuple[str, str], now: datetime, **more: Any) -> None:
    """Raises JoseError where a token is not of that issuer to that audience, or has ended."""
    JWTClaimsRegistry(
        int(now.timestamp()),
        LEEWAY,
        iss={"essential": True, "value": named[0]},
        aud={"essential": True, "value": named[1]},
        sub={"essential": True},
        exp={"essential": True},
        **more,
    ).validate(claims)


async def _read(http: httpx2.AsyncClient, url: str) -> bytes:
    taken = bytearray()
    async with http.stream("GET", url) as answer:
        if answer.status_code != httpx2.codes.OK:
            raise ValueError(f"it answered with HTTP status {answer.status_code}")
        async for chunk in answer.aiter_raw():
            taken += chunk
            if len(taken) > LARGEST_ANSWER:
                raise ValueError(f"it answered with more than {LARGEST_ANSWER // 1024} KiB")
    return bytes(taken)


def _usable(keys: Iterable[dict[str, Any]]) -> Iterator[Key]:
    """The keys but those of kinds that are not known here."""
    for key in keys:
        with suppress(JoseError, ValueError, KeyError, TypeError):
            yield JWKRegistry.import_key(key)
