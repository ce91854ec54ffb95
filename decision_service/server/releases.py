"""Releases of rules shown and taken through their steps, with their messages and requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.domain.actors import Actor
from decision_service.domain.errors import ReleaseRefused
from decision_service.domain.ports import Clock
from decision_service.rulebook.claims import claim_lines, read_claims
from decision_service.rulebook.loosenings import name_of
from decision_service.rulebook.releases import (
    PROPOSAL_LASTS,
    Confirmation,
    Confirmer,
    ReleaseAction,
    ReleaseEntry,
    Releases,
)
from decision_service.rulebook.states import difference_lines
from decision_service.rules.language.diagnostics import render
from decision_service.server.context import Role, RpcContext
from decision_service.server.page_tokens import page_size
from decision_service.server.wire import Fields, Mapper, Problems
from decision_service.steering.releases import FolderRefused, OperateReleases

LEAST_DIGITS = 12
"""How many digits of a digest name a release at least."""

LONGEST_WHY = 500
LONGEST_TICKET = 100


def _subject(step: ReleaseEntry) -> str | None:
    return None if step.by.person is None else step.by.person.subject


RELEASES = Mapper(
    {
        rules_pb.ReleaseStep: {
            "time": "at",
            "caller": "by.caller",
            "subject": _subject,
            "sign_in_time": "signed_in",
        },
        rules_pb.Release: {
            "digest": None,
            "state": None,
            "base": None,
            "steps": None,
            "expire_time": None,
            "authors": None,
        },
        rules_pb.Loosening: {"name": name_of},
    }
)


def release_fields(releases: Releases, digest: str, now: datetime) -> Fields:
    """A release with its steps and what became of it."""
    steps = [one for one in releases.entries if one.digest == digest]
    proposed = [one for one in steps if one.action is ReleaseAction.PROPOSE]
    waits = [one for one in releases.open(now) if one.digest == digest]
    begun = proposed[-1] if proposed else steps[0]
    return RELEASES.fields(
        rules_pb.Release,
        None,
        digest=digest,
        state=releases.state(digest, now),
        base=begun.base,
        steps=[RELEASES.fields(rules_pb.ReleaseStep, one) for one in steps],
        expire_time=waits[-1].at + PROPOSAL_LASTS if waits else None,
        authors=begun.authors,
    )


class ReleaseCalls(msgspec.Struct, frozen=True):
    """What the RPCs of releases do.

    `roles_of` gives the roles that a caller has now, `persons_only` whether an ID token must say
    who confirms, as where an issuer is set, and `programs` the versions of all living processes.
    Where `means` are named a person signed in by one of them who confirms or takes back.
    """

    operate: OperateReleases
    clock: Clock
    roles_of: Callable[[str], frozenset[Role]]
    persons_only: Callable[[], bool]
    programs: Callable[[], frozenset[str]]
    means: frozenset[str] = frozenset()

    async def in_force(self) -> Fields | None:
        """The release that decides; None before the first one."""
        releases = await self.operate.read()
        deciding = releases.in_force
        if deciding is None:
            return None
        return release_fields(releases, deciding.digest, self.clock.now())

    async def list(self, request: rules_pb.ListReleasesRequest) -> rules_pb.ListReleasesResponse:
        releases = await self.operate.read()
        digests = dict.fromkeys(one.digest for one in reversed(releases.entries))
        shown = [*digests][: page_size(request.page_size)]
        now = self.clock.now()
        return RELEASES.message(
            rules_pb.ListReleasesResponse,
            releases=[release_fields(releases, one, now) for one in shown],
            position=releases.base,
        )

    async def get(self, request: rules_pb.GetReleaseRequest) -> rules_pb.GetReleaseResponse:
        releases = await self.operate.read()
        digest = _digest_of(releases, request.digest)
        try:
            found = await self.operate.differences(releases, digest)
        except FolderRefused as refused:
            raise _unloadable(digest, refused) from None
        return RELEASES.message(
            rules_pb.GetReleaseResponse,
            release=release_fields(releases, digest, self.clock.now()),
            position=releases.base,
            changes=[*difference_lines(found)],
            loosenings=[RELEASES.fields(rules_pb.Loosening, one) for one in found.loosenings],
            claims=[*claim_lines(read_claims(releases.claims_of(digest)))],
        )

    async def confirm(
        self, request: rules_pb.ConfirmReleaseRequest, context: RpcContext
    ) -> rules_pb.ConfirmReleaseResponse:
        digest = _digest_of(await self.operate.read(), request.digest)
        asked = _asked(request, digest, position=request.position, accepted=request.accepted)
        programs = sorted(self.programs())
        if len(programs) > 1:
            raise ReleaseRefused(
                f"processes of different versions decide on this store ({', '.join(programs)}): "
                "confirm once all have the newest"
            )
        try:
            by = self._signed_in(context)
            step = await self.operate.confirm(asked, by, self._still_may)
        except FolderRefused as refused:
            raise _unloadable(digest, refused) from None
        return rules_pb.ConfirmReleaseResponse(release=await self._after(step))

    async def decline(
        self, request: rules_pb.DeclineReleaseRequest, context: RpcContext
    ) -> rules_pb.DeclineReleaseResponse:
        digest = _digest_of(await self.operate.read(), request.digest)
        step = await self.operate.decline(_asked(request, digest), self._person(context))
        return rules_pb.DeclineReleaseResponse(release=await self._after(step))

    async def revert(
        self, request: rules_pb.RevertReleaseRequest, context: RpcContext
    ) -> rules_pb.RevertReleaseResponse:
        asked = _asked(request, "", position=request.position)
        try:
            step = await self.operate.revert(
                asked, self._signed_in(context), request.to, with_lists=request.with_lists
            )
        except FolderRefused as refused:
            raise _unloadable("", refused) from None
        return rules_pb.RevertReleaseResponse(release=await self._after(step))

    async def _after(self, step: ReleaseEntry) -> Any:
        releases = await self.operate.read()
        return rules_pb.Release(**release_fields(releases, step.digest, self.clock.now()))

    def _person(self, context: RpcContext) -> Confirmer:
        """Who takes a step; raises ReleaseRefused where only a token of the issuer says so."""
        info = context.info
        if self.persons_only() and info.person is None:
            raise ReleaseRefused(
                f"{info.caller} is no person: sign in at the lender's identity provider, and call "
                "with its ID token"
            )
        approves = Role.RULES_APPROVE in info.roles
        return Confirmer(info.actor, info.signed_in, approves=approves)

    def _signed_in(self, context: RpcContext) -> Confirmer:
        """Who takes a step that puts rules in force; raises ReleaseRefused for another sign-in."""
        by = self._person(context)
        info = context.info
        if info.person is not None and self.means and self.means.isdisjoint(info.means):
            wanted = " or ".join(sorted(self.means))
            raise ReleaseRefused(
                f"{info.person.subject} did not sign in by {wanted}, as the `acr` or `amr` of the "
                "ID token must say: sign in that way, then confirm"
            )
        return by

    def _still_may(self, actor: Actor) -> bool:
        """Whether who confirmed first could do so now."""
        return bool({Role.RULES, Role.RULES_APPROVE} & self.roles_of(actor.caller))


def _digest_of(releases: Releases, given: str) -> str:
    """The whole digest of a release; raises ReleaseRefused, and FieldInvalid for too few digits."""
    with Problems() as problems:
        if len(given) < LEAST_DIGITS:
            problems.add("digest", f"must be {LEAST_DIGITS} digits of a release's digest at least")
    found = {one.digest for one in releases.entries if one.digest.startswith(given)}
    if len(found) != 1:
        raise ReleaseRefused(
            f"there is no release {given[:16]}: `decision-service rules releases` lists them"
        )
    return found.pop()


def check_why(problems: Problems, why: str, ticket: str) -> None:
    """Note a reason or a ticket of a step that is no single line, or too long."""
    for field, text, longest in (("why", why, LONGEST_WHY), ("ticket", ticket, LONGEST_TICKET)):
        if len(text) > longest or not text.isprintable():
            problems.add(field, f"must be one line of at most {longest} printable characters")


def _asked(request: Any, digest: str, position: int = 0, accepted: Any = ()) -> Confirmation:
    why = request.why.strip()
    ticket = request.ticket.strip()
    with Problems() as problems:
        check_why(problems, why, ticket)
    return Confirmation(digest, position, tuple(accepted), why=why, ticket=ticket)


def _unloadable(digest: str, refused: FolderRefused) -> ReleaseRefused:
    first = render(refused.problems[0]).splitlines()[0] if refused.problems else "it is damaged"
    return ReleaseRefused(f"the release {digest[:16]} does not load in this program: {first}")
