"""Evidence that cannot be trusted refers at the service's edge too; every fault is in `rows`."""

from pathlib import Path

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import at_vendor, create, outcome

GEORGE = sandbox_people()[0].user_id


async def test_unreadable_incomes_refer_with_their_reason(tmp_path: Path) -> None:
    """George, who is otherwise approved, is referred for data, and nothing is counted as zero."""
    text = {"field": "amount", "value": "35000"}
    async with at_vendor(tmp_path, Fault("set", "/eincomes", GEORGE, settings=text)) as (live, _):
        request = create(GEORGE, view=pb.DECISION_VIEW_FULL)
        decision = (await live.stub.CreateDecision(request)).decision
    assert (outcome(decision), decision.refer_kind) == ("REFER", pb.REFER_KIND_DATA)
    assert decision.reasons[0].code == "UPSTREAM_SCHEMA"
    incomes = [f for f in decision.factor_values if f.name.startswith("income.")]
    assert incomes
    assert all(f.missing and not f.HasField("value") for f in incomes)


async def test_a_passing_failure_decides_as_ever(tmp_path: Path) -> None:
    """One answer of 503 is asked for again, and George is approved."""
    once = Fault("status", "/eincomes", GEORGE, times=1, settings={"status": 503})
    async with at_vendor(tmp_path, once) as (live, app):
        decision = (await live.stub.CreateDecision(create(GEORGE))).decision
        assert app.faults.hits
    assert outcome(decision) == "APPROVE"
