"""The calls about releases: who is a person, what they see, and what is refused by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from decision_service.api.v1 import ruleset_service_pb2 as pb
from decision_service.domain.actors import TokenSubject
from decision_service.domain.errors import FieldInvalid, ReleaseRefused
from decision_service.rollout_running.releases import ReleaseTerms
from decision_service.rulebook.folder import RuleFolder, read_rules
from decision_service.server.services.releases import ReleaseCalls
from decision_service.server.transport.context import CallInfo, Role
from decision_service.server.transport.health import DECISIONS, Health
from decision_service.store.store import Store
from tests.fakes.watched import Serving, process_on
from tests.fakes.world import NOW
from tests.kits.stores import opened
from tests.unit.cli.commands import product_folder

ISSUER = "https://id.example"
BOTH = frozenset({Role.RULES, Role.RULES_APPROVE})


@dataclass
class Context:
    """What the calls read of a call."""

    info: CallInfo


def caller(name: str, *roles: Role, token: bool = True) -> Any:
    """A caller, with an ID token's person of the same name unless it is no token."""
    person = TokenSubject(ISSUER, name) if token else None
    info = CallInfo(caller=name, roles=frozenset(roles), person=person)
    info.signed_in = NOW if token else None
    return Context(info)


@dataclass
class Desk:
    """The calls on a store, with what a test changes of their surroundings."""

    process: Serving
    persons_only: bool = True
    programs: frozenset[str] = frozenset({"1"})
    means: frozenset[str] = frozenset()
    roles: dict[str, frozenset[Role]] = field(default_factory=dict)

    @property
    def calls(self) -> ReleaseCalls:
        return ReleaseCalls(
            self.process.releases,
            self.process.clock,
            roles_of=lambda name: self.roles.get(name, BOTH),
            persons_only=lambda: self.persons_only,
            programs=lambda: self.programs,
            means=self.means,
        )

    async def confirm(self, by: Any, digest: str) -> pb.Release:
        request = pb.ConfirmReleaseRequest(
            digest=digest, why="fine", accepted=["claims.json: the claims"]
        )
        return (await self.calls.confirm(request, by)).release


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RuleFolder:
    product = product_folder(tmp_path_factory.mktemp("small"))
    tests = product / "tests" / "v1.yaml"
    tests.write_text(tests.read_text().partition("  - name: a recorded person")[0])
    return read_rules(product.parent)


@pytest.fixture
async def desk(tmp_path: Path, folder: RuleFolder) -> AsyncIterator[Desk]:
    """A store on which a first folder waits for two persons."""
    async with opened(f"sqlite:///{tmp_path / 'd.db'}") as store:
        assert isinstance(store, Store)
        process = process_on(store, ReleaseTerms(two_persons=True))
        await process.releases.offer(folder)
        yield Desk(process)


async def waiting(desk: Desk) -> str:
    return (await desk.calls.list(pb.ListReleasesRequest())).releases[0].digest


async def test_two_persons_confirm_by_the_first_digits_of_a_digest(desk: Desk) -> None:
    digest = await waiting(desk)
    seen = await desk.calls.get(pb.GetReleaseRequest(digest=digest[:12]))
    assert (seen.release.state, seen.position) == (pb.RELEASE_STATE_WAITING, 0)
    assert seen.release.HasField("expire_time")
    once = await desk.confirm(caller("ana", Role.RULES), digest[:12])
    assert once.state == pb.RELEASE_STATE_CONFIRMED_ONCE
    done = await desk.confirm(caller("ben", Role.RULES_APPROVE), digest)
    assert done.state == pb.RELEASE_STATE_IN_FORCE
    assert [(one.action, one.subject) for one in done.steps] == [
        ("propose", ""),
        ("confirm", "ana"),
        ("release", "ben"),
    ]
    assert [one.HasField("sign_in_time") for one in done.steps] == [False, True, True]


async def test_where_an_issuer_is_set_only_its_tokens_confirm(desk: Desk) -> None:
    digest = await waiting(desk)
    batch = caller("batch", *BOTH, token=False)
    for step in (
        desk.confirm(batch, digest),
        desk.calls.decline(pb.DeclineReleaseRequest(digest=digest, why="no"), batch),
        desk.calls.revert(pb.RevertReleaseRequest(position=1, why="back"), batch),
    ):
        with pytest.raises(ReleaseRefused, match="batch is no person: sign in at the lender's"):
            await step
    desk.persons_only = False
    assert (await desk.confirm(batch, digest)).state == pb.RELEASE_STATE_CONFIRMED_ONCE


async def test_the_second_needs_the_role_and_the_first_keeps_it(desk: Desk) -> None:
    digest = await waiting(desk)
    await desk.confirm(caller("ana", Role.RULES), digest)
    with pytest.raises(ReleaseRefused, match="ben has not the role `rules_approve`"):
        await desk.confirm(caller("ben", Role.RULES), digest)
    desk.roles["ana"] = frozenset()
    once = await desk.confirm(caller("ben", *BOTH), digest)
    assert once.state == pb.RELEASE_STATE_CONFIRMED_ONCE


async def test_a_person_signs_in_as_the_setting_says(desk: Desk) -> None:
    """By `acr` or `amr` of the ID token; a lender without an issuer has no such tokens."""
    digest = await waiting(desk)
    desk.means = frozenset({"phr", "hwk"})
    ana = caller("ana", *BOTH)
    with pytest.raises(ReleaseRefused, match="ana did not sign in by hwk or phr, as the `acr`"):
        await desk.confirm(ana, digest)
    with pytest.raises(ReleaseRefused, match="ana did not sign in by hwk or phr"):
        await desk.calls.revert(pb.RevertReleaseRequest(position=1, why="back"), ana)
    ana.info.means = frozenset({"pwd", "hwk"})
    assert (await desk.confirm(ana, digest)).state == pb.RELEASE_STATE_CONFIRMED_ONCE


async def test_nothing_is_confirmed_while_programs_differ(desk: Desk) -> None:
    digest = await waiting(desk)
    desk.programs = frozenset({"1", "2"})
    with pytest.raises(ReleaseRefused, match=r"different versions decide on this store \(1, 2\)"):
        await desk.confirm(caller("ana", *BOTH), digest)
    assert (await desk.calls.get(pb.GetReleaseRequest(digest=digest))).release.steps[1:] == []


async def test_too_few_digits_and_unknown_ones_are_refused(desk: Desk) -> None:
    digest = await waiting(desk)
    with pytest.raises(FieldInvalid):
        await desk.calls.get(pb.GetReleaseRequest(digest=digest[:11]))
    with pytest.raises(ReleaseRefused, match="there is no release 0000000000000000: "):
        await desk.calls.get(pb.GetReleaseRequest(digest="0" * 64))


def test_a_refused_step_is_a_failed_precondition() -> None:
    assert ReleaseRefused("no").reason == "RELEASE_REFUSED"


async def test_before_the_first_release_only_decisions_are_not_served() -> None:
    """With the reason; every other service and the whole are ready, so that two can confirm."""
    rulesets = DECISIONS.replace("DecisionService", "RulesetService")
    health = Health([DECISIONS, rulesets])
    health.set()
    health.decide("no release of rules is in force")
    found = {name: health._status_of(name) for name in ("", DECISIONS, rulesets)}
    assert found == {"": 1, DECISIONS: 2, rulesets: 1}
    assert health.reasons == ()
    health.decide()
    assert health._status_of(DECISIONS) == 1
