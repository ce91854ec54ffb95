"""Releases of rules through a real service: first one, who confirms, older folders, and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import msgspec
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from structlog.testing import capture_logs

from decision_service.api.v1 import ruleset_service_pb2 as pb
from decision_service.api.v1.ruleset_service_pb2_grpc import RulesetServiceStub
from decision_service.domain.ports import StoredText
from decision_service.rulebook.acceptance import LAST_GOOD
from decision_service.rulebook.folder import read_rules
from decision_service.server.transport.health import DECISIONS
from decision_service.store.seals import JOURNAL_KEYS
from decision_service.store.store import Store
from tests.e2e.service import PRODUCT, Running, create, outcome, own_rules, refused, running
from tests.e2e.team import Metadata, Team
from tests.e2e.test_rulesets import GEORGE
from tests.kits.cases import until
from tests.kits.stores import begun
from tests.unit.cli.commands import command

pytestmark = pytest.mark.long

CHAMPION = "v3"


@dataclass(frozen=True, slots=True)
class Office:
    """A service whose rules two persons confirm, and how each of them calls."""

    live: Running
    people: dict[str, Metadata]

    @property
    def rules(self) -> Any:
        return RulesetServiceStub(self.live.channel)

    async def listed(self) -> pb.ListReleasesResponse:
        request = pb.ListReleasesRequest()
        return await self.rules.ListReleases(request, metadata=self.people["juan"])

    async def waiting(self) -> pb.GetReleaseResponse:
        """The release that came last, once it waits."""

        async def newest() -> pb.Release:
            return (await self.listed()).releases[0]

        waits = (pb.RELEASE_STATE_WAITING, pb.RELEASE_STATE_CONFIRMED_ONCE)
        found = await until(newest, lambda one: one.state in waits)
        request = pb.GetReleaseRequest(digest=found.digest)
        return await self.rules.GetRelease(request, metadata=self.people["maria"])

    async def confirm(self, who: str, shown: pb.GetReleaseResponse, **changes: Any) -> pb.Release:
        fields: dict[str, Any] = {
            "digest": shown.release.digest,
            "position": shown.position,
            "accepted": [one.name for one in shown.loosenings],
            "why": "read and understood",
        }
        request = pb.ConfirmReleaseRequest(**(fields | changes))
        reply = await self.rules.ConfirmRelease(request, metadata=self.people[who])
        return reply.release

    async def released(self) -> pb.Release:
        shown = await self.waiting()
        await self.confirm("juan", shown)
        return await self.confirm("maria", shown)

    async def decide(self) -> Any:
        return await self.live.stub.CreateDecision(create(GEORGE), metadata=self.people["los"])

    async def health(self, service: str) -> str:
        request = HealthCheckRequest(service=service)
        reply = await HealthStub(self.live.channel).Check(request)
        return HealthCheckResponse.ServingStatus.Name(reply.status)


@asynccontextmanager
async def office(folder: Path, rules: Path) -> AsyncIterator[Office]:
    """Serve with approval required on the store and the keys of a folder."""
    team = Team(folder)
    people = {
        "los": team.hire("los", "decide"),
        "juan": team.hire("juan", "rules"),
        "jose": team.hire("jose", "rules"),
        "maria": team.hire("maria", "rules_approve"),
    }
    keys = folder / "journal-keys"
    if not keys.exists():
        JOURNAL_KEYS.add(keys)
    settings = {
        "require_approval": "true",
        "journal_key_file": str(keys),
        "auth_tokens_file": str(team.path),
        "rules_dir": str(rules),
    }
    async with running(folder, **settings) as live:
        yield Office(live, people)


def reworded(rules: Path, words: str) -> None:
    """Change what is told of a version, which loosens no figure."""
    file = rules / PRODUCT / f"{CHAMPION}.yaml"
    text = file.read_text()
    old = text.partition("title: ")[2].partition("\n")[0]
    file.write_text(text.replace(old, words, 1))


async def test_nothing_is_decided_before_two_persons_confirmed_a_first_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything else is served meanwhile; wrong confirmations say why and change nothing."""
    async with office(tmp_path, own_rules(tmp_path)) as at:
        early = await refused(at.decide())
        assert (early.code, early.info.reason) == (grpc.StatusCode.UNAVAILABLE, "RULES_UNAVAILABLE")
        assert (await at.health(""), await at.health(DECISIONS)) == ("SERVING", "NOT_SERVING")
        address = at.live.service.address
        said = await asyncio.to_thread(command, capsys, "health", "--address", address)
        assert said.out.startswith(f"{address} is SERVING, but no decisions are made: no release")
        assert said.code == 0
        shown = await at.waiting()
        wrong = {
            "compared with entry 7": at.confirm("juan", shown, position=7),
            "there is no release": at.confirm("juan", shown, digest="0" * 64),
        }
        for words, call in wrong.items():
            found = await refused(call)
            assert (found.info.reason, words in found.message) == ("RELEASE_REFUSED", True), words
        once = await at.confirm("juan", shown)
        assert once.state == pb.RELEASE_STATE_CONFIRMED_ONCE
        again = await refused(at.confirm("juan", shown))
        assert "another person confirms now" in again.message
        alike = await refused(at.confirm("jose", shown))
        assert "has not the role `rules_approve`" in alike.message
        assert (await refused(at.decide())).info.reason == "RULES_UNAVAILABLE"
        assert (await at.confirm("maria", shown)).state == pb.RELEASE_STATE_IN_FORCE
        assert outcome((await at.decide()).decision) == "APPROVE"
        assert await until(lambda: at.health(DECISIONS), lambda said: said == "SERVING")


async def test_an_older_folder_takes_nothing_back(tmp_path: Path) -> None:
    """A process that starts with it decides by the release in force, and proposes nothing."""
    rules = own_rules(tmp_path)
    before = (rules / PRODUCT / f"{CHAMPION}.yaml").read_text()
    async with office(tmp_path, rules) as at:
        await at.released()
        reworded(rules, "A loan for workers")
        newest = await at.released()
        steps = (await at.listed()).position
    (rules / PRODUCT / f"{CHAMPION}.yaml").write_text(before)
    async with office(tmp_path, rules) as at:
        listed = await at.listed()
        assert (listed.position, listed.releases[0].digest) == (steps, newest.digest)
        states = [one.state for one in listed.releases]
        assert states == [pb.RELEASE_STATE_IN_FORCE, pb.RELEASE_STATE_REPLACED]
        now = await at.rules.GetRuleset(
            pb.GetRulesetRequest(product=PRODUCT, version=3), metadata=at.people["juan"]
        )
        assert now.ruleset.title == "A loan for workers"


async def test_one_person_goes_back_once_and_two_go_further(tmp_path: Path) -> None:
    """At once within a day, with an alarm; from a revert it is a proposal for two."""
    rules = own_rules(tmp_path)
    async with office(tmp_path, rules) as at:
        first = await at.released()
        reworded(rules, "A loan for workers")
        second = await at.released()
        position = (await at.listed()).position
        back = pb.RevertReleaseRequest(position=position, why="complaints")
        low = await refused(at.rules.RevertRelease(back, metadata=at.people["juan"]))
        assert low.code is grpc.StatusCode.PERMISSION_DENIED
        with capture_logs() as lines:
            reply = await at.rules.RevertRelease(back, metadata=at.people["maria"])
        assert [one["alarm"] for one in lines if "alarm" in one] == ["RULES_REVERTED"]
        assert (reply.release.digest, reply.release.state) == (
            first.digest,
            pb.RELEASE_STATE_IN_FORCE,
        )
        stale = await refused(at.rules.RevertRelease(back, metadata=at.people["maria"]))
        assert "look again" in stale.message
        again = pb.RevertReleaseRequest(position=position + 1, why="no complaints")
        reply = await at.rules.RevertRelease(again, metadata=at.people["maria"])
        assert (reply.release.digest, reply.release.state) == (
            second.digest,
            pb.RELEASE_STATE_WAITING,
        )


async def test_rules_of_before_decide_with_an_alarm_until_two_persons_confirm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the seal nothing starts; whose rules nobody approved is said at each start."""
    rules = own_rules(tmp_path)
    async with running(tmp_path, rules_dir=str(rules)) as live:
        assert outcome((await live.stub.CreateDecision(create(GEORGE))).decision) == "APPROVE"
    monkeypatch.setenv("DECISION_STORE_URL", f"sqlite:///{tmp_path / 'decisions.db'}")
    for words in (("add",), ("seal", "--take-over")):
        file = ("--file", str(tmp_path / "journal-keys"))
        done = await asyncio.to_thread(command, capsys, "keys", "journal", *words, *file)
        assert done.code == 0, done.err
    with capture_logs() as lines:
        async with office(tmp_path, rules) as at:
            assert outcome((await at.decide()).decision) == "APPROVE"
            assert alarms(lines) == {"RULES_NOT_APPROVED"}
            reworded(rules, "A loan for workers")
            await at.released()
    with capture_logs() as lines:
        async with office(tmp_path, rules) as at:
            assert outcome((await at.decide()).decision) == "APPROVE"
    assert alarms(lines) == set()


async def test_the_rules_of_an_older_store_are_taken_over_where_its_journal_is_sealed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What decided last is the first release; a folder that is another waits."""
    rules = own_rules(tmp_path)
    url = f"sqlite:///{tmp_path / 'decisions.db'}"
    begun(tmp_path / "decisions.db")
    body = msgspec.json.encode(read_rules(rules))
    async with aclosing(await Store.open(url)) as store:
        await store.put_texts([StoredText(sha256(body).hexdigest(), LAST_GOOD, body)])
    monkeypatch.setenv("DECISION_STORE_URL", url)
    file = ("--file", str(tmp_path / "journal-keys"))
    for words in (("add",), ("seal", "--take-over")):
        done = await asyncio.to_thread(command, capsys, "keys", "journal", *words, *file)
        assert done.code == 0, done.err
    assert "are the first release: nobody approved them" in done.out
    reworded(rules, "A loan for workers")
    async with office(tmp_path, rules) as at:
        shown = await at.waiting()
        assert [one.action for one in (await at.listed()).releases[1].steps] == ["take-over"]
        assert any("A loan for workers" in line for line in shown.changes)
        assert outcome((await at.decide()).decision) == "APPROVE"


def alarms(lines: list[Any]) -> set[str]:
    return {one["alarm"] for one in lines if "alarm" in one}
