"""The context of one call: deadline, caller and roles, address, languages, ids to find it by."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Any, Protocol, TypeAlias
from urllib.parse import unquote

import grpc
import msgspec

from decision_service.domain import actors
from decision_service.domain.actors import Actor, TokenSubject

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_MOST_LANGUAGES = 8
# Longer than a cold decision takes, shorter than a load balancer's usual timeout.
DEFAULT_DEADLINE = 10.0
"""Seconds granted to a caller who names no deadline."""

_NETWORK_BITS = 64
"""Whoever has one address of such an IPv6 network has all of them."""

_LOCAL_V6 = f"::/{_NETWORK_BITS}"
NEVER = 1e12
"""Seconds from which what is left of a deadline means that there is none."""

MESSAGE_LIMIT = 64 * 1024
"""Bytes of a request's message."""

Metadata: TypeAlias = tuple[tuple[str, str | bytes], ...]


class Role(StrEnum):
    """What a caller may do; `read` reads every caller's decisions, others only their own.

    `onboard_all` reaches every caller's applicants, `onboard` only those that the caller created.
    `subject_access` exports what is stored of them, all of it.
    `rules_approve` confirms releases as the second person, goes back, and reads what that needs.
    `review_second` confirms what one of `review` completed above the authority of one person.
    `see_persons` reads who applied: of reviews that the caller has claimed, else with a reason.
    """

    DECIDE = "decide"
    READ = "read"
    RULES = "rules"
    RULES_APPROVE = "rules_approve"
    ROLLOUT = "rollout"
    ONBOARD = "onboard"
    ONBOARD_ALL = "onboard_all"
    SUBJECT_ACCESS = "subject_access"
    OUTCOMES = "outcomes"
    REVIEW = "review"
    REVIEW_SECOND = "review_second"
    SEE_PERSONS = "see_persons"


class Caller(msgspec.Struct, frozen=True):
    """One who may call; `name` is part of every decision's key and never changes.

    `person` is who of several persons, `signed_in` when, and `means` how (`acr` and `amr`), where
    an ID token says so.
    """

    name: str
    roles: frozenset[Role]
    person: TokenSubject | None = None
    signed_in: datetime | None = None
    means: frozenset[str] = frozenset()


ANONYMOUS = Caller(actors.ANONYMOUS, frozenset(Role))
"""Each caller, where none are configured."""


def parse_languages(header: str) -> tuple[str, ...]:
    """The languages of an accept-language header (RFC 9110), best first; others are ignored."""
    if not header:
        return ()
    weighted: list[tuple[float, int, str]] = []
    # Bounded, since the header is a stranger's.
    for place, part in enumerate(header[:200].split(",")[:_MOST_LANGUAGES]):
        tag, _, parameters = part.strip().partition(";")
        weight = _weight(parameters)
        if _LANGUAGE.fullmatch(tag.strip()) and weight > 0:
            # By weight, then by place: RFC 9110 leaves equal weights to the server.
            weighted.append((-weight, place, tag.strip()))
    return tuple(tag for _, _, tag in sorted(weighted))


def best_language(header: str, known: Sequence[str], aliases: Mapping[str, str]) -> str:
    """The first of an accept-language header's that is known (`fil-PH` finds `fil`).

    `aliases` are other names of known ones. The first known one where there is none.
    """
    for tag in parse_languages(header):
        primary = tag.partition("-")[0].lower()
        language = aliases.get(primary, primary)
        if language in known:
            return language
    return known[0]


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


@dataclass(slots=True)
class CallInfo:
    """One call, from its metadata on.

    `seconds` is what was left of the deadline when it came, which is the service's own where the
    client named none. `call_id` is the client's `x-request-id`, and `decision_id` the decision that
    was found or made. `caller` with its `roles`, `person` (who of it, where that is known),
    `signed_in` and `means` (when and how that person did), `scope` (whose decisions it may read)
    and `applicant_scope` (whose applicants it may reach), empty for all callers', are set by
    authentication. `trailing` leaves with the reply.
    """

    method: str = ""
    seconds: float = DEFAULT_DEADLINE
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    call_id: str = ""
    decision_id: str = ""
    trace_id: str = ""
    caller: str = ""
    person: TokenSubject | None = None
    signed_in: datetime | None = None
    means: frozenset[str] = frozenset()
    roles: frozenset[Role] = frozenset()
    scope: str = ""
    applicant_scope: str = ""
    trailing: list[tuple[str, str]] = field(default_factory=list)

    @property
    def actor(self) -> Actor:
        return Actor(self.caller, self.person)

    @property
    def languages(self) -> tuple[str, ...]:
        header = self.metadata.get("accept-language")
        return parse_languages(header) if header else ()


@lru_cache(maxsize=1024)
def address_of(peer: str) -> str:
    """The network in gRPC's name of a peer (`ipv4:127.0.0.1:4711`, `ipv6:%5B::1%5D:4711`).

    A peer that has none, as on a Unix socket, is its own address.
    """
    kind, _, rest = unquote(peer).partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return peer
    return network_of(rest.rpartition(":")[0].strip("[]")) or peer


def network_of(address: str) -> str:
    """The network that one client has: an IPv4 address, or the first 64 bits of an IPv6 one.

    What is no IP address, as of a Unix socket, is its own network.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    # A dual-stack listener shows IPv4 clients so, and they would all be one network.
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, _NETWORK_BITS), strict=False))


def is_local(network: str) -> bool:
    """Whether an address, as `network_of` has it, is this machine's own."""
    return network.startswith("127.") or network == _LOCAL_V6


class CallStatus(msgspec.Struct, frozen=True):
    code: grpc.StatusCode
    details: str
    trailing: Metadata = ()


Work: TypeAlias = "Future[Any] | asyncio.Future[Any]"


class Transport(Protocol):
    """What gRPC's context of a call has, and a call over HTTP as well."""

    def peer(self) -> str:
        """The client's address as gRPC writes it."""

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]]: ...

    def auth_context(self) -> Mapping[str, Any]: ...

    def time_remaining(self) -> float | None: ...


class RpcContext:
    """The parts of a ServicerContext that behaviours use, and the call's `info`.

    `address` is the client's, as the front says where it comes through it, and `caller` who it is,
    None where that is not known. `late` finds it out where that takes keys of the issuer first.

    It lets go of gRPC's context as soon as the call is over. gRPC counts a stream for as long as
    its call is held, and takes no further ones on a connection that has as many as it may: who
    remembers this call for longer, as an error's traceback does, would keep others out.
    """

    __slots__ = (
        "_context", "_metadata", "_send", "_work", "address", "caller", "done", "info", "late",
        "status", "trailing",
    )  # fmt: skip

    def __init__(
        self, context: Transport, send: Callable[[Any], Awaitable[None]] | None = None
    ) -> None:
        self.info = CallInfo()
        self.address = address_of(context.peer())
        self.caller: Caller | None = None
        self.late: Callable[[], Awaitable[Caller | None]] | None = None
        self.done = False
        self.status: CallStatus | None = None
        self.trailing: Metadata = ()
        self._context: Transport | None = context
        self._metadata: Metadata = tuple(context.invocation_metadata())
        self._send = send
        self._work: Work | None = None

    def time_remaining(self) -> float | None:
        """Seconds until the client's deadline; None without one, 0 when the call is over."""
        context = self._context
        left = 0.0 if context is None else context.time_remaining()
        # gRPC answers an enormous number where the client named no deadline.
        return None if left is None or left > NEVER else left

    def invocation_metadata(self) -> Metadata:
        return self._metadata

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        context = self._context
        return {} if context is None else context.auth_context()

    def set_trailing_metadata(self, trailing: Metadata) -> None:
        self.trailing = trailing

    def end(self, code: grpc.StatusCode, details: str, trailing: Metadata = ()) -> None:
        self.status = CallStatus(code, details, trailing)

    async def write(self, message: Any) -> None:
        """Send one message of a stream; returns when gRPC has taken it."""
        if self._send is None:
            raise TypeError("a call with one reply has no stream")
        await self._send(message)

    def serve(self, work: Work) -> None:
        self._work = work
        if self.done:  # since before there was work to be cancelled
            work.cancel()

    def over(self) -> None:
        self.done = True
        # See the class: gRPC counts the stream for as long as its context is held.
        self._context = None
        if self._work is not None:
            self._work.cancel()


Behaviour: TypeAlias = Callable[[Any, RpcContext], Awaitable[Any]]
"""Serves a call: takes its request, or an iterator of them, and returns the reply; a stream's
behaviour writes its replies and returns None."""
