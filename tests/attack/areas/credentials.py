"""Bad credentials on every kind of method, and a good token beside them."""

from __future__ import annotations

import asyncio
import json

import grpc

from decision_service.server.callers import new_token
from tests.attack.found import Found
from tests.attack.lender import decide
from tests.attack.target import CREATE, LIST, Target
from tests.e2e.team import Metadata, bearer
from tests.kits.issuer import BAD

METHODS = (
    CREATE,
    LIST,
    "/decision_service.api.v1.RulesetService/ListRulesets",
    "/decision_service.api.v1.RolloutService/SetKillSwitch",
    "/decision_service.api.v1.ApplicantService/EraseApplicant",
    "/decision_service.api.v1.OutcomeService/RecordOutcome",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
)
REFUSED = ("UNAUTHENTICATED", "RESOURCE_EXHAUSTED")
"""RESOURCE_EXHAUSTED where more strangers wait for their answer than have a place."""

GUESSES, AT_ONCE, DECISIONS = 400, 64, 30


async def run(target: Target, found: Found) -> None:
    """None lets anybody in; many guesses are slowed, counted and told, and the lender is served."""
    good = target.team.tokens["lender"]
    forged = {name: bearer(make(target.issuer, "auditor")) for name, make in BAD.items()}
    bad = _bad(good) | forged
    async with target.channel() as channel:
        signed_in = bearer(target.issuer.token("auditor"))
        found.equal("a good ID token", await _code(channel, LIST, signed_in), "OK")
        for method in METHODS:
            await asyncio.gather(
                *(_try(channel, found, method, name, shown) for name, shown in bad.items())
            )
        guesses = asyncio.gather(*(_guess(channel, found) for _ in range(AT_ONCE)))
        await decide(target, found, DECISIONS, "guesses of tokens")
        await guesses
    failed = await target.metric("failed_authentications_total")
    found.attempt(f"{failed:.0f} failures counted", held=failed >= len(METHODS))
    found.attempt("no alarm", held='"alarm": "AUTHENTICATION"' in _lines(target))
    found.attempt("a token in the log", held=good not in target.log.read_text())
    found.figures.append(f"{failed:.0f} authentications failed")


def _bad(good: str) -> dict[str, Metadata]:
    """What shows nobody, or more than one."""
    return {
        "nothing": (),
        "an unknown token": bearer(new_token()),
        "no token": bearer(""),
        "a token and more": bearer(good + "x"),
        "half a token": bearer(good[: len(good) // 2]),
        "another scheme": (("authorization", f"Basic {good}"),),
        "a token alone": (("authorization", good),),
        "two good tokens": bearer(good) + bearer(good),
        "a bad token first": bearer(new_token()) + bearer(good),
        "a bad token last": bearer(good) + bearer(new_token()),
        "two tokens in one": bearer(f"{good}, Bearer {good}"),
        "another header": (("x-authorization", f"Bearer {good}"),),
    }


async def _try(
    channel: grpc.aio.Channel, found: Found, method: str, name: str, shown: Metadata
) -> None:
    found.equal(f"{name} at {method}", await _code(channel, method, shown), *REFUSED)


async def _guess(channel: grpc.aio.Channel, found: Found) -> None:
    for _ in range(GUESSES // AT_ONCE):
        code = await _code(channel, LIST, bearer(new_token()))
        found.equal("a guess", code, *REFUSED)


async def _code(channel: grpc.aio.Channel, method: str, shown: Metadata) -> str:
    call = channel.unary_unary(method)(b"", metadata=shown, timeout=20)
    return (await call.code()).name


def _lines(target: Target) -> str:
    """The alarms of the log."""
    lines = (line for line in target.log.read_text().splitlines() if "alarm" in line)
    return "\n".join(json.dumps(json.loads(line)) for line in lines)
