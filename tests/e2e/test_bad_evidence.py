"""Evidence that cannot be trusted refers; it never becomes a wrong income."""

from pathlib import Path
from typing import Any

import pytest

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.simulator.faults.plan import Fault
from decision_service.simulator.people.sandbox.people import sandbox_people
from tests.e2e.service import at_vendor, create, outcome

GEORGE = sandbox_people()[0].user_id


def estimates(effect: str, **settings: Any) -> Fault:
    """A fault of George's estimated incomes."""
    return Fault(effect, path="/eincomes", user=GEORGE, settings=settings)


REFERRED = {
    "cursors that go in a circle": (estimates("cursor_loop"), "PAGINATION_LOOP"),
    "a number beyond all bounds": (
        estimates("number", field="amount", value="1e400"),
        "BAD_AMOUNT",
    ),
    "a number that is none": (estimates("number", field="amount", value="NaN"), None),
    "an amount as text": (estimates("set", field="amount", value="35000"), "UPSTREAM_SCHEMA"),
    "a body cut short": (estimates("malformed"), "UPSTREAM_BAD_BODY"),
    "a page for people": (estimates("html"), "UPSTREAM_BAD_BODY"),
    "one id with two contents": (
        estimates("conflict", field="amount", value=1),
        "DATA_CHANGED_DURING_READ",
    ),
    "no answer but failures": (estimates("status", status=500), "UPSTREAM_UNAVAILABLE"),
    "a forbidden list": (estimates("status", status=404), "DATA_GONE"),
}


@pytest.mark.parametrize("fault", REFERRED)
async def test_unreadable_incomes_refer_with_their_reason(tmp_path: Path, fault: str) -> None:
    """George, who is otherwise approved, is referred for data, and nothing is counted as zero."""
    injected, reason = REFERRED[fault]
    async with at_vendor(tmp_path, injected) as (live, _):
        request = create(GEORGE, view=pb.DECISION_VIEW_FULL)
        decision = (await live.stub.CreateDecision(request)).decision
    assert (outcome(decision), decision.refer_kind) == ("REFER", pb.REFER_KIND_DATA)
    if reason:
        assert decision.reasons[0].code == reason
    incomes = [f for f in decision.factor_values if f.name.startswith("income.")]
    assert incomes
    assert all(f.missing and not f.HasField("value") for f in incomes)


HARMLESS = {
    "equal duplicates": estimates("duplicate"),
    "the older name of amounts": estimates("base_amount"),
    "a bare array": estimates("bare_array"),
    "new fields": estimates("set", field="newField", value={"x": [1]}),
    "one answer of 429": Fault("status", "/eincomes", GEORGE, times=1, settings={"status": 429}),
    "one answer of 503": Fault("status", "/eincomes", GEORGE, times=1, settings={"status": 503}),
}


@pytest.mark.parametrize("fault", HARMLESS)
async def test_harmless_forms_decide_as_ever(tmp_path: Path, fault: str) -> None:
    """Equal duplicates, the guide's forms, new fields and passing failures change nothing."""
    async with at_vendor(tmp_path, HARMLESS[fault]) as (live, app):
        decision = (await live.stub.CreateDecision(create(GEORGE))).decision
        assert app.faults.hits
    assert outcome(decision) == "APPROVE"
