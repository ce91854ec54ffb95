"""What a rollout has measured, and versions compared, on a running service."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from decision_service.api.v1 import decision_pb2, rollout_figures_pb2, rollout_service_pb2_grpc
from decision_service.api.v1 import decision_service_pb2 as decisions_pb
from decision_service.api.v1 import rollout_service_pb2 as pb
from decision_service.cli.output import Exit
from decision_service.domain.errors import FieldInvalid
from decision_service.server.rollouts import question_from
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import PRODUCT, Running, create, outcome, own_rules, running
from tests.fakes.cases import STRICTER
from tests.fakes.plans import CHALLENGED
from tests.kits.until import until
from tests.unit.cli.commands import Done, command
from tests.unit.rollout.plans import edited

ALONE = CHALLENGED[: CHALLENGED.index("  challenger:")]
WATCHED = """\
guardrails:
  - {name: declines, metric: decline_rate, scope: product, max: 0.90, min_units: 2, window: 1h,
     action: pause}
"""
SHADOWED = ALONE + "  shadow: [{version: 2, percent: 100}]\n" + WATCHED


@dataclass(frozen=True, slots=True)
class Measured:
    """A running service that decided for the sandbox people."""

    live: Running
    rollouts: Any
    made: list[decision_pb2.Decision]

    async def figures(self) -> rollout_figures_pb2.RolloutFigures:
        return (await self.rollouts.GetRollout(pb.GetRolloutRequest(product=PRODUCT))).figures

    async def run(self, capsys: pytest.CaptureFixture[str], *words: str) -> Done:
        """`decision-service rollout …`"""
        return await asyncio.to_thread(command, capsys, "rollout", *words, *self.at)

    @property
    def at(self) -> tuple[str, str]:
        """Where it serves, as an option."""
        return "--address", self.live.service.address

    async def replayed(self, decision: decision_pb2.Decision, version: int) -> str:
        """What a version makes of a decision, by replaying it."""
        request = decisions_pb.ReplayDecisionRequest(decision_id=decision.decision_id)
        request.ruleset_ref.version = version
        return outcome((await self.live.stub.ReplayDecision(request)).decision)

    async def by_replay(self) -> Counter[tuple[str, str]]:
        """The outcomes of versions 1 and 2 on everybody, by replaying each decision."""
        pairs = [(await self.replayed(d, 1), await self.replayed(d, 2)) for d in self.made]
        return Counter(pairs)


@asynccontextmanager
async def measured(folder: Path, plan: str) -> AsyncIterator[Measured]:
    """Decide for everybody under a plan, whose version 2 asks for a much higher income."""
    rules = own_rules(folder)
    second = rules / PRODUCT / "v2.yaml"
    second.write_text(edited(second.read_text(), STRICTER))
    (rules / PRODUCT / "rollout.yaml").write_text(plan)
    with capture_logs():
        async with running(folder, rules_dir=str(rules)) as live:
            made = [
                (await live.stub.CreateDecision(create(person.user_id))).decision
                for person in sandbox_people()
            ]
            stub = rollout_service_pb2_grpc.RolloutServiceStub(live.channel)
            yield Measured(live, stub, made)


async def counted(seen: Measured) -> rollout_figures_pb2.RolloutFigures:
    """The figures once everything that goes on beside deciding has been written."""
    many = len(seen.made)

    def written(figures: rollout_figures_pb2.RolloutFigures) -> bool:
        counts = [sum(arm.attempts for arm in figures.arms)]
        counts += [s.compared + s.not_comparable + s.failed for s in figures.shadows]
        return set(counts) == {many}

    return await until(seen.figures, written)


def _word(name: str) -> str:
    return name.removeprefix("OUTCOME_")


def outcomes(found: rollout_figures_pb2.VersionComparison) -> Counter[tuple[str, str]]:
    """Decisions by pair of outcomes."""
    name = decision_pb2.Outcome.Name
    return Counter({(_word(name(p.live)), _word(name(p.other))): p.count for p in found.outcomes})


@pytest.mark.long
async def test_a_shadow_is_measured_beside_the_decisions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Arms, shadow and guardrail show what was decided, and what replays say of the shadow."""
    async with measured(tmp_path, SHADOWED) as seen:
        figures = await counted(seen)
        (arm,) = figures.arms
        made = Counter(outcome(decision) for decision in seen.made)
        assert (arm.arm, arm.version, arm.percent) == ("champion", 1, "100")
        assert (arm.approved.count, arm.referred.count, arm.declined.count) == (
            made["APPROVE"],
            made["REFER"],
            made["DECLINE"],
        )
        assert arm.approved_amount.units == sum(
            d.offer.approved_amount.units for d in seen.made if outcome(d) == "APPROVE"
        )
        (guardrail,) = figures.guardrails
        assert (guardrail.standing, guardrail.units, guardrail.allowed) == ("ok", 4, "90 %")
        request = pb.CompareVersionsRequest(product=PRODUCT, shadow_version=2)
        found = (await seen.rollouts.CompareVersions(request)).comparison
        assert (found.compared, outcomes(found)) == (4, await seen.by_replay())
        (shadow,) = figures.shadows
        assert (shadow.compared, shadow.agreed) == (found.compared, found.agreed)
        shown = (await seen.run(capsys, "show", PRODUCT)).out
        assert "shadow v2 of 100 %: 4 compared, agrees " in shown
        assert "decline_rate of product, the last 1h" in shown
        told = (await seen.run(capsys, "compare", PRODUCT, "--shadow", "2")).out
        rows = [line.split() for line in told.splitlines()]
        assert ["compared", "4"] in rows
        assert ["agreed", str(found.agreed)] in rows


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say what to compare"),
        (("--shadow", "2", "--challenger"), "say what to compare"),
        (
            ("--challenger", "--window", "a week"),
            "a week is no time such as 30s, 90m, 24h or 14d",
        ),
    ],
)
def test_what_to_compare_must_be_said(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither or both of shadow and challenger, and a window that is none, are wrong usage."""
    done = command(capsys, "rollout", "compare", PRODUCT, *words)
    assert (done.code, said in done.err) == (Exit.USAGE, True)


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (
            {"product": "", "shadow_version": -1, "most_decisions": 2001, "window": timedelta(0)},
            {"product", "shadow_version", "most_decisions", "window"},
        ),
        ({"champion": True}, {"params_as_of"}),
        ({"params_as_of": "December"}, {"params_as_of"}),
        ({"shadow_version": 2, "champion": True, "params_as_of": "2026-12-01"}, {"shadow_version"}),
    ],
)
def test_a_question_out_of_bounds_is_refused(asked: dict[str, Any], wrong: set[str]) -> None:
    """Each wrong field of a comparison is named."""
    request = pb.CompareVersionsRequest(**{"product": PRODUCT} | asked)
    with pytest.raises(FieldInvalid) as refused:
        question_from(request, datetime(2026, 11, 24, tzinfo=UTC))
    assert {problem.field for problem in refused.value.problems} == wrong
