"""The RulesetService, and rules that change while the service decides."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
import pytest_asyncio
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import ruleset_service_pb2 as rules_pb
from decision_service.api.v1 import ruleset_service_pb2_grpc, values_pb2
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import (
    PRODUCT,
    Running,
    create,
    outcome,
    own_rules,
    refusal,
    running,
)
from tests.fakes.shipped import CHAMPION
from tests.kits.until import until
from tests.unit.cli.commands import command as in_process

GEORGE = sandbox_people()[0].user_id


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[tuple[Running, Any, Path]]:
    """A service on rules of its own, a RulesetService stub, and the champion's file."""
    rules = own_rules(tmp_path)
    async with running(tmp_path, rules_dir=str(rules)) as live:
        stub = ruleset_service_pb2_grpc.RulesetServiceStub(live.channel)
        yield live, stub, rules / PRODUCT / f"v{CHAMPION}.yaml"


async def listed(stub: Any, *, refused: bool) -> rules_pb.ListRulesetsResponse:
    """The listing once the folder's last reading was refused, or accepted."""
    request = rules_pb.ListRulesetsRequest()
    return await until(
        lambda: stub.ListRulesets(request), lambda reply: bool(reply.refused) == refused
    )


async def health(live: Running) -> list[str]:
    """The lines of /healthz."""
    async with httpx2.AsyncClient() as client:
        return (await client.get(f"{live.service.http.admin}/healthz")).text.splitlines()


def digest(reply: rules_pb.ListRulesetsResponse) -> str:
    """The champion's digest."""
    return next(
        r.ref.digest for r in reply.rulesets if r.ref.ruleset == PRODUCT and r.role == "champion"
    )


async def test_rulesets_are_listed_and_texts_validated(own: tuple[Running, Any, Path]) -> None:
    """Digest, role, inputs and factors say what to send; a text is checked and not taken over."""
    _, stub, file = own
    text = file.read_text()
    reply = await stub.ListRulesets(rules_pb.ListRulesetsRequest(product=PRODUCT))
    champion = next(r for r in reply.rulesets if r.role == "champion")
    assert {i.name for i in champion.inputs} >= {"requested_amount", "requested_term_months"}
    assert "income.months_24m" in champion.factors
    got = await stub.GetRuleset(rules_pb.GetRulesetRequest(product=PRODUCT))
    assert got.ruleset.source == text
    good, bad = [
        await stub.ValidateRuleset(rules_pb.ValidateRulesetRequest(product=PRODUCT, source=one))
        for one in (text, text.replace("income.months_24m <", "income.months_24 <"))
    ]
    assert (good.digest, bad.digest) == (champion.ref.digest, "")
    assert not any(problem.error for problem in good.problems)
    assert any(problem.error and problem.line for problem in bad.problems)


async def replaced(stub: ruleset_service_pb2_grpc.RulesetServiceStub, before: str) -> str:
    """The digest that decides once another one than this does."""
    return digest(
        await until(lambda: listed(stub, refused=False), lambda reply: digest(reply) != before)
    )


async def test_a_bad_edit_keeps_the_last_good_rules(
    own: tuple[Running, Any, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The listing tells the line, decisions go on by the old digest, a good edit heals it."""
    live, stub, file = own
    good = file.read_text()
    before = digest(await listed(stub, refused=False))
    file.write_text(good.replace("income.months_24m <", "income.months_24 <", 1))
    reply = await listed(stub, refused=True)
    assert digest(reply) == before
    assert any("income.months_24m" in problem.hint for problem in reply.refused)
    at = ("--address", live.service.address)
    shown = await asyncio.to_thread(in_process, capsys, "rules", "status", *at)
    assert (shown.code, "REFUSED" in shown.out, before[:12] in shown.out) == (1, True, True)
    assert "did you mean `income.months_24m`" in shown.out
    decision = (await live.stub.CreateDecision(create(GEORGE))).decision
    assert decision.ruleset_ref.digest == before
    status, remark = await health(live)
    assert status == "SERVING"
    assert "1 error" in remark
    file.write_text(good)
    assert digest(await listed(stub, refused=False)) == before
    assert await health(live) == ["SERVING"]


def trial(**changes: Any) -> rules_pb.EvaluateRulesetRequest:
    """A dry run, changed."""
    fields: dict[str, Any] = {
        "product": PRODUCT,
        "requested_amount": MoneyMessage(currency_code="PHP", units=20_000),
        "requested_term_months": 6,
    }
    return rules_pb.EvaluateRulesetRequest(**(fields | changes))


async def test_a_dry_run_judges_a_user_or_given_values_and_records_nothing(
    own: tuple[Running, Any, Path],
) -> None:
    """A user's data is gathered; of values that are given, what lacks or does not fit is named."""
    live, stub, _ = own
    reply = await stub.EvaluateRuleset(trial(user_id=GEORGE))
    assert outcome(reply.decision) == "APPROVE"
    assert reply.decision.factor_values
    decisions = await live.stub.ListDecisions(service_pb.ListDecisionsRequest())
    assert not decisions.decisions
    with pytest.raises(grpc.RpcError) as error:
        await stub.EvaluateRuleset(trial())
    names = live.service.core.active.current().product(PRODUCT).champion.needs.factors
    named = refusal(error.value).fields
    assert len(named) == min(len(names), 20)
    assert set(named) <= {f"factors.{name}" for name in names}
    reply = await stub.EvaluateRuleset(
        trial(missing=dict.fromkeys(names, "SOURCE_FAILED"), as_of_date="2026-11-15")
    )
    assert outcome(reply.decision) == "REFER"
    assert reply.decision.refer_kind == pb.REFER_KIND_DATA
    assert reply.decision.as_of_date == "2026-11-15"
    many = values_pb2.InputValue(text="many")
    with pytest.raises(grpc.RpcError) as error:
        await stub.EvaluateRuleset(trial(factors={"income.months_24m": many}))
    assert "factors.income.months_24m" in refusal(error.value).fields


async def test_a_bad_folder_starts_with_the_last_good_rules(tmp_path: Path) -> None:
    """After a stop and a bad edit the service starts by what decided before, and tells why."""
    rules = own_rules(tmp_path)
    file = rules / PRODUCT / f"v{CHAMPION}.yaml"
    async with running(tmp_path, rules_dir=str(rules)) as live:
        first = (await live.stub.CreateDecision(create(GEORGE))).decision
    file.write_text(file.read_text().replace("income.months_24m <", "income.months_24 <"))
    async with running(tmp_path, rules_dir=str(rules)) as live:
        stub = ruleset_service_pb2_grpc.RulesetServiceStub(live.channel)
        reply = await stub.ListRulesets(rules_pb.ListRulesetsRequest())
        assert any("income.months_24m" in problem.hint for problem in reply.refused)
        second = (await live.stub.CreateDecision(create(GEORGE))).decision
    assert second.ruleset_ref == first.ruleset_ref


TAGS = """
tags:
  desk: {text: a desk looks at it}
  signal: {text: a sign of fraud, told: nobody}
stages:
"""
TAGGED = """\
      - id: asks
        when: inputs.requested_amount > 10000
        tags: [signal, desk]
"""


async def test_a_tag_told_to_nobody_is_in_the_full_view_alone(tmp_path: Path) -> None:
    """However it was asked for first; it is recorded, replayed and counted like any other tag."""
    rules = own_rules(tmp_path)
    file = rules / PRODUCT / f"v{CHAMPION}.yaml"
    text = file.read_text().replace("\nstages:\n", TAGS)
    file.write_text(text.replace("    rules:\n", f"    rules:\n{TAGGED}", 1))
    async with running(tmp_path, rules_dir=str(rules)) as live:
        for view in (pb.DECISION_VIEW_BASIC, pb.DECISION_VIEW_FULL):
            made = (await live.stub.CreateDecision(create(GEORGE, view=view))).decision
            assert list(made.tags) == ["desk"]
            assert list(made.withheld_tags) == ["signal"] * (view == pb.DECISION_VIEW_FULL)
            await read_back(live, made.decision_id)
        listed = await live.stub.ListDecisions(service_pb.ListDecisionsRequest())
        assert [list(one.withheld_tags) for one in listed.decisions] == [[], []]
        async with httpx2.AsyncClient() as client:
            metrics = (await client.get(f"{live.service.http.admin}/metrics")).text
        assert f'decision_tags_total{{product="{PRODUCT}",tag="signal"}} 2.0' in metrics


async def read_back(live: Running, decision_id: str) -> None:
    """A decision in BASIC view without the withheld tag, in FULL view and replayed with it."""
    basic = service_pb.GetDecisionRequest(decision_id=decision_id)
    assert b"signal" not in (await live.stub.GetDecision(basic)).SerializeToString()
    full = service_pb.GetDecisionRequest(decision_id=decision_id, view=pb.DECISION_VIEW_FULL)
    shown = (await live.stub.GetDecision(full)).decision
    assert (list(shown.tags), list(shown.withheld_tags)) == (["desk"], ["signal"])
    replay = service_pb.ReplayDecisionRequest(decision_id=decision_id)
    replayed = await live.stub.ReplayDecision(replay)
    assert list(replayed.differing_fields) == []
    assert b"signal" not in replayed.SerializeToString()


async def test_rules_that_fail_their_own_tests_are_refused(
    own: tuple[Running, Any, Path],
) -> None:
    """An edit that compiles but breaks a product's test never decides."""
    _, stub, file = own
    lines = [
        "  min_income_months: {type: integer, value: 23}" if "min_income_months:" in line else line
        for line in file.read_text().splitlines()
    ]
    file.write_text("\n".join(lines) + "\n")
    reply = await listed(stub, refused=True)
    assert {problem.code for problem in reply.refused} == {"T002"}


async def test_a_folder_that_goes_away_keeps_the_last_good_rules(
    own: tuple[Running, Any, Path],
) -> None:
    """While it is away decisions go on, and what stands in its place afterwards decides."""
    live, stub, file = own
    folder, away = file.parents[1], file.parents[1].with_name("away")
    before = digest(await listed(stub, refused=False))
    folder.rename(away)
    decision = (await live.stub.CreateDecision(create(GEORGE))).decision
    assert decision.ruleset_ref.digest == before
    other = away / PRODUCT / f"v{CHAMPION}.yaml"
    other.write_text(
        other.read_text().replace("regulatory: Legal capacity", "regulatory: Capacity")
    )
    away.rename(folder)
    await replaced(stub, before)
    assert await health(live) == ["SERVING"]
