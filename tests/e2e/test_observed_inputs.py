"""A fact from outside, from the request to the person's own copy of what is stored."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from decision_service.api.v1 import applicant_service_pb2 as applicants_pb
from decision_service.api.v1 import decision_pb2 as decision_pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.domain.values import AsOf
from decision_service.runtime.clock import SystemClock
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import Running, create, running
from tests.e2e.test_json import CREATE, post
from tests.oracles.rule_facts import MANILA
from tests.unit.cli.commands import command

GEORGE = sandbox_people()[0].user_id
CONSENT = "CIC-2026/000417 <Juan>"
FULL = decision_pb.DECISION_VIEW_FULL


def _observed(days: int, amount: int, **more: Any) -> dict[str, Any]:
    """What the bureau showed so many days ago, in JSON."""
    today = AsOf.at(SystemClock().now(), MANILA).date
    money = {"currencyCode": "PHP", "units": str(amount)}
    observed = {"money": money, "observedOn": str(today - timedelta(days=days)), **more}
    return {"inputs": {"bureau_monthly_debt": observed}}


async def _decided(live: Running, **changes: Any) -> Any:
    body = {**MessageToDict(create(GEORGE)), "view": "DECISION_VIEW_FULL", **changes}
    answer = await post(live, CREATE, body)
    assert answer.status == 200, answer.content
    return answer.content["decision"]


def _conditions(decision: Any) -> list[str]:
    return [one["id"] for one in decision["conditions"]]


async def test_a_bureaus_figure_from_the_request_to_the_persons_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It decides while it is fresh, refers when it is old, and is recorded, shown, replayed and
    exported with the consent as it was sent; an erasure of decisions takes it away."""
    async with running(tmp_path, on_revoke="erase_decisions") as live:
        unasked = await _decided(live)
        assert "declare_loans" in _conditions(unasked)
        fresh = await _decided(live, **_observed(30, 0, consentReference=CONSENT))
        assert "declare_loans" not in _conditions(fresh)
        assert (unasked["outcome"], fresh["outcome"]) == ("OUTCOME_APPROVE",) * 2
        sent = fresh["inputs"]["bureau_monthly_debt"]
        assert sent["consentReference"] == CONSENT
        old = await _decided(live, **_observed(31, 0, consentReference=CONSENT))
        assert (old["outcome"], old["referKind"]) == ("OUTCOME_REFER", "REFER_KIND_DATA")
        assert [one["code"] for one in old["reasons"]] == ["STALE_DATA"]
        assert old["dataRequests"][0]["cause"]["cause"] == "STALE"

        for decided in (fresh, old):
            which = decided["decisionId"]
            replay = service_pb.ReplayDecisionRequest(decision_id=which, view=FULL)
            replayed = await live.stub.ReplayDecision(replay)
            assert list(replayed.differing_fields) == []
            assert replayed.decision.inputs["bureau_monthly_debt"].consent_reference == CONSENT
            got = await live.stub.GetDecision(
                service_pb.GetDecisionRequest(decision_id=which, view=FULL)
            )
            assert (
                got.decision.inputs["bureau_monthly_debt"].observed_on
                == (decided["inputs"]["bureau_monthly_debt"]["observedOn"])
            )

        at = ("--address", live.service.address)
        shown = await asyncio.to_thread(
            command, capsys, "decisions", "show", fresh["decisionId"], "--view", "full", *at
        )
        words = " ".join(shown.out.split())
        assert f"observed on {sent['observedOn']}, consent {CONSENT}" in words

        told = await _exported(live)
        of_decisions = [one["inputs"] for one in told if "inputs" in one]
        kept = {"value": "PHP 0.00", "observed_on": sent["observedOn"]}
        found = [one.get("bureau_monthly_debt") for one in of_decisions]
        assert {**kept, "consent_reference": CONSENT} in found
        assert sum(CONSENT in json.dumps(one) for one in told) == 2
        erase = applicants_pb.EraseApplicantRequest(user_id=GEORGE)
        await ApplicantServiceStub(live.channel).EraseApplicant(erase)
        assert not [one for one in await _exported(live) if CONSENT in json.dumps(one)]
    assert CONSENT.encode() not in b"".join(one.read_bytes() for one in tmp_path.glob("*.db*"))


async def _exported(live: Running) -> list[dict[str, Any]]:
    """What is stored of George, record by record."""
    applicants = ApplicantServiceStub(live.channel)
    found, token = [], None
    while token != "":
        asked = applicants_pb.ExportApplicantRequest(user_id=GEORGE, page_token=token or "")
        page = await applicants.ExportApplicant(asked)
        found += [json.loads(one.content) for one in page.records]
        token = page.next_page_token
    return found


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (_observed(-2, 0), "inputs.bureau_monthly_debt.observed_on"),
        (_observed(0, 0, observedOn="01/11/2026"), "inputs.bureau_monthly_debt.observed_on"),
        (_observed(0, 0, observedOn=""), "inputs.bureau_monthly_debt.observed_on"),
        (
            _observed(0, 0, consentReference="C" * 201),
            "inputs.bureau_monthly_debt.consent_reference",
        ),
    ],
)
async def test_a_wrong_day_is_refused_by_its_field(
    shared: Running, sent: dict[str, Any], field: str
) -> None:
    """Of a day to come, malformed, missing; and a consent that is too long."""
    answer = await post(shared, CREATE, {**MessageToDict(create(GEORGE)), **sent})
    assert (answer.status, answer.content["code"]) == (400, "invalid_argument")
    assert field in answer.content["message"]
