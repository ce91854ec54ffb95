"""ID tokens of the lender's identity provider (OpenID Connect), and the keys that it publishes."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import httpx2
import msgspec
import structlog
from joserfc.errors import (
    InvalidClaimError,
    InvalidKeyIdError,
    JoseError,
    UnsupportedAlgorithmError,
)
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.jws import JWSRegistry, extract_compact, validate_compact
from joserfc.jwt import JWTClaimsRegistry
from msgspec.structs import replace

from decision_service.domain.actors import TokenSubject
from decision_service.runtime.address import is_protected
from decision_service.server.transport.context import Caller, RpcContext

ALGORITHMS = ("RS256", "ES256", "EdDSA", "Ed25519")
LEEWAY = 60
"""Seconds by which the issuer's clock may differ."""

RSA_BITS = 2048
"""Of the shortest RSA key whose signatures count."""

PACE = 1.0
"""Seconds from the beginning of one fetch of the keys to that of the next."""

REFRESHED = timedelta(minutes=10)
KEPT = timedelta(hours=24)
"""How long keys serve while no newer ones can be fetched."""

FETCH_SECONDS = 3.0
LARGEST_ANSWER = 256 * 1024
MOST_WAITING = 128
MOST_OF_ADDRESS = MOST_WAITING // 2
"""Calls of one address that wait for keys: others have places too, whatever it sends."""

DISCOVERY = "/.well-known/openid-configuration"

log = structlog.get_logger("decision_service.access")
_FETCHED = "the issuer's keys are known"
_KEPT = "the issuer's keys cannot be fetched: those fetched before serve for 24 hours"
_UNKNOWN = "the issuer's keys cannot be fetched: callers by `subjects` are unknown"
_SHORT = f"the issuer has RSA keys under {RSA_BITS:,} bits: tokens by them are refused"


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


class UsableKeys(NamedTuple):
    """The keys by which tokens count, and how many RSA keys were too short for that."""

    known: KeySet
    short: int


class Issuer:
    """Finds callers by its ID tokens; `named` are its URL and the audience of its tokens.

    `now` is the clock by which tokens and keys end. Tokens are checked on any thread, and keys
    fetched on the event loop, one fetch a second at most.
    """

    def __init__(
        self,
        named: tuple[str, str],
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.named = named
        self._url = named[0]
        self._now = now
        self._sleep = sleep
        self._keys: tuple[KeySet, datetime] | None = None
        self._one_fetch = asyncio.Lock()
        self._coming: asyncio.Task[None] | None = None
        self._under_way: asyncio.Task[None] | None = None
        self._began: datetime | None = None
        self._waiting = Counter[str]()
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
            context.late = partial(self._late, token, subjects, context.address)
            return None

    async def refresh(self) -> None:
        """Fetch the keys where they are not known or ten minutes old."""
        if self._keys is None or abs(self._now() - self._keys[1]) >= REFRESHED:
            await self._fetched()

    def _checked(self, token: str, subjects: Mapping[str, Caller]) -> Caller | None:
        """Raises InvalidKeyIdError where the token has all but a known key.

        What it claims is read before its signature: no other token has keys fetched.
        """
        now = self._now()
        caller = None
        # Nesting in a stranger's JSON ends in RecursionError before anything is verified.
        with suppress(JoseError, ValueError, RecursionError):
            signed = extract_compact(token.encode(), registry=_REGISTRY)
            claims = msgspec.json.decode(signed.payload or b"", type=dict[str, Any])
            validate(signed.headers(), claims, self.named, now=now)
            caller = subjects.get(claims["sub"])
        if caller is None:
            return None
        person = TokenSubject(self._url, claims["sub"])
        caller = replace(caller, person=person, signed_in=_signed_in(claims), means=_means(claims))
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

    async def _late(
        self, token: str, subjects: Mapping[str, Caller], address: str
    ) -> Caller | None:
        """Check the token again by keys that were asked for after it came.

        No other token takes that from it: whoever makes fetches begin has this one join them.
        """
        with self._place(address) as has_place, suppress(InvalidKeyIdError):
            if not has_place:
                return None
            if self._under_way is not None:
                await asyncio.wait((self._under_way,))
            # A fetch may have ended between the first check and this one.
            with suppress(InvalidKeyIdError):
                return self._checked(token, subjects)
            # What was under way may have read the keys before they changed.
            await self._fetched()
            return self._checked(token, subjects)
        return None

    @contextmanager
    def _place(self, address: str) -> Iterator[bool]:
        """A place among the calls that wait, False where the address or all have too many."""
        own = self._waiting[address]
        every = self._waiting.total()
        # Each waiter holds a thread of gRPC: strangers must not use up those of the lender.
        if own >= MOST_OF_ADDRESS or every >= MOST_WAITING:
            yield False
            return
        self._waiting[address] += 1
        try:
            yield True
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]

    async def _fetched(self) -> None:
        """Wait for the end of a fetch that has yet to begin; it goes on without its waiters."""
        if self._coming is None:
            self._coming = asyncio.create_task(self._next())
        # wait() cancels nothing: a caller who leaves must not end the fetch of all others.
        await asyncio.wait((self._coming,))

    async def _next(self) -> None:
        # The next one may be asked for while this one runs, and begins after it.
        async with self._one_fetch:
            # At most one fetch a second, however many tokens with unknown keys arrive.
            await self._sleep(self._rest())
            self._under_way = self._coming
            self._coming = None
            self._began = self._now()
            try:
                await self._fetch()
            finally:
                self._under_way = None

    def _rest(self) -> float:
        """Seconds until a fetch may begin; none where the clock was set back meanwhile."""
        if self._began is None:
            return 0.0
        since = (self._now() - self._began).total_seconds()
        return PACE - since if 0 <= since < PACE else 0.0

    async def _fetch(self) -> None:
        now = self._now()
        why = ""
        state = _FETCHED
        try:
            found = await self._published()
            self._keys = found.known, now
            if found.short:
                state = _SHORT
        except TimeoutError:
            why = f"no answer within {FETCH_SECONDS:.0f} seconds"
        except (httpx2.HTTPError, httpx2.InvalidURL, RecursionError) as error:
            why = type(error).__name__
        except ValueError as error:
            why = str(error)
        if why:
            state = _KEPT if self._known(now) else _UNKNOWN
        if state != self._state:
            self._state = state
            say = log.info if state is _FETCHED else log.warning
            say(state, issuer=self._url, why=why or None)

    async def _published(self) -> UsableKeys:
        """Raises ValueError where an answer is not as it must be."""
        async with (
            asyncio.timeout(FETCH_SECONDS),
            httpx2.AsyncClient(
                # A compressed answer could unpack to more than the bound on what is read.
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
            # OpenID Connect Discovery, 4.3: else a document of another issuer could name its keys.
            if found.issuer != self._url:
                raise ValueError("its discovery document names another issuer")
            # Keys over plain HTTP are whoever's who sits between.
            if not is_protected(found.jwks_uri):
                raise ValueError("its `jwks_uri` is neither https nor on this machine")
            published = await _read(http, found.jwks_uri)
        return usable_keys(msgspec.json.decode(published, type=_Published).keys)


def _signed_in(claims: Mapping[str, Any]) -> datetime | None:
    """When the person signed in (`auth_time` of OpenID Connect Core); None where it is not said."""
    at = claims.get("auth_time")
    # JSON's true is an int in Python, and would be a sign-in of 1970.
    if not isinstance(at, int) or isinstance(at, bool):
        return None
    try:
        return datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _means(claims: Mapping[str, Any]) -> frozenset[str]:
    """How the person signed in: the token's `acr` and `amr` (OpenID Connect Core, section 2)."""
    methods = claims.get("amr")
    said = [claims.get("acr"), *(methods if isinstance(methods, list) else ())]
    return frozenset(one for one in said if isinstance(one, str))


def validate(
    header: Mapping[str, Any],
    claims: dict[str, Any],
    named: tuple[str, str],
    now: datetime,
    **more: Any,
) -> None:
    """Raises JoseError where a token is no ID token of that issuer to that client, or has ended.

    An issuer signs other tokens by the same keys, for the same person: access tokens (`at+jwt`),
    logout tokens, ID tokens that another client was given.
    """
    # RFC 8725, 3.11: the type tells an ID token from others that the issuer signs by the same key.
    kind = str(header.get("typ", "JWT")).lower().removeprefix("application/")
    if kind != "jwt":
        raise InvalidClaimError("typ")
    if "events" in claims:  # of a logout token, or another event: none signs a person in
        raise InvalidClaimError("events")
    JWTClaimsRegistry(
        int(now.timestamp()),
        LEEWAY,
        iss={"essential": True, "value": named[0]},
        aud={"essential": True, "value": named[1]},
        sub={"essential": True},
        exp={"essential": True},
        **more,
    ).validate(claims)
    # Of several audiences `azp` names the one that was given the token (OpenID Connect, 3.1.3.7).
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    party = claims.get("azp", named[1] if len(audiences) == 1 else None)
    if party != named[1]:
        raise InvalidClaimError("azp")


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


def usable_keys(published: Iterable[Mapping[str, Any]]) -> UsableKeys:
    """The keys but RSA keys under 2,048 bits, and those of kinds that are not known here.

    Raises ValueError where none is left.
    """
    keys = list[Key]()
    short = 0
    for one in published:
        with suppress(JoseError, ValueError, KeyError, TypeError):
            # NIST SP 800-131A allows no shorter ones; the library would take them.
            if one["kty"] == "RSA" and _bits(one["n"]) < RSA_BITS:
                short += 1
            else:
                keys.append(JWKRegistry.import_key(dict(one)))
    if not keys:
        few = f": {short} of RSA with fewer than {RSA_BITS:,} bits" if short else ""
        raise ValueError(f"it publishes no key that can be used{few}")
    return UsableKeys(KeySet(keys), short)


def _bits(modulus: str) -> int:
    return int.from_bytes(urlsafe_b64decode(f"{modulus}==")).bit_length()
