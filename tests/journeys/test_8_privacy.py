"""Journey 8: a person's rights, from what is held to its erasure and the proof of it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import uuid
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx2
import pytest
from google.protobuf.json_format import MessageToDict

from decision_service.api.v1 import applicant_service_pb2 as pb
from decision_service.api.v1 import decision_pb2 as decision_pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.domain.values import AsOf
from decision_service.runtime.clock import SystemClock
from decision_service.smile.events import PATH, signature
from decision_service.store.engine import SqliteFile
from decision_service.store.store import open_journal
from tests.e2e.service import Running, as_recorded, at_vendor, create, outcome, refused, running
from tests.e2e.team import Metadata, Team
from tests.e2e.test_json import CREATE, post
from tests.journeys.kit import ANISHA, BOTH_STORES, GEORGE, RYAN, SECRET, office, people_of, typed
from tests.kits.cases import until
from tests.oracles.rule_facts import MANILA
from tests.unit.cli.commands import Done, command

# Asked for and withdrawn


@BOTH_STORES
async def test_a_person_asks_for_her_data_and_then_withdraws(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decision, reasons, letter and data are told; afterwards what is left is told with the reason.

    The file is its owner's alone. What persons decided is kept.
    """
    journal = SqliteFile(tmp_path / "erasures")
    async with office(tmp_path, url, erasure_journal=f"sqlite:///{journal.path}") as at:
        decided = await at.decided(RYAN)
        await at.decided(GEORGE)
        letter = (await at.letter(decided.decision_id)).text
        overridden = await at.approved_by_two(ANISHA)

        async def run(*words: str) -> Done:
            return await typed(at.live, tmp_path, capsys, "petra", "applicants", *words)

        async def export(user_id: str, name: str) -> Any:
            out = tmp_path / name
            assert (await run("export", user_id, "--out", str(out))).code == 0
            assert out.stat().st_mode & 0o777 == 0o600
            return json.loads(out.read_text())["records"]

        told = await export(RYAN, "before.json")
        kinds = [one["kind"] for one in told]
        assert (kinds[0], kinds[-2:]) == ("about", ["decision", "reading"])
        decision, reading = (one["content"] for one in told[-2:])
        assert decision["outcome"] == "DECLINE"
        assert [one["message"] for one in decision["reasons"]]
        assert [one["text"] for one in decision["letters"]] == [letter]
        assert reading["incomes"][0]["employer"] == "Bayan Calls Outsourcing, Inc."
        page = json.dumps(told)
        assert GEORGE not in page
        for words in ("PHP 20000.00", decided.decision_id):
            assert words in page
        again = await run("export", RYAN, "--out", str(tmp_path / "before.json"))
        assert (again.code, "is there already" in again.err) == (2, True)
        reviewed = [one["content"] for one in await export(ANISHA, "anisha.json")]
        assert [one["outcome"] for each in reviewed for one in each.get("reviews", [])] == [
            "APPROVE"
        ]
        [counts] = [one["in_force"] for one in reviewed if "in_force" in one]
        assert counts == {"outcome": "APPROVE", "by": "person", "amount": "PHP 25000.00"}
        assert decision["in_force"] == {"outcome": "DECLINE", "by": "rules"}

        for user_id in (RYAN, RYAN, ANISHA):
            assert (await run("erase", user_id, "--yes")).code == 0
        assert (await run("erase", "nobody", "--yes")).code == 3
        left = await export(RYAN, "after.json")
        assert [one["kind"] for one in left if one["kind"] != "reference"] == ["about", "decision"]
        assert left[0]["content"]["withdrawals"] == 1
        assert len(await (await open_journal(journal)).marks()) == 2
        assert "stay for 25 months" in left[0]["content"]["after_erasure"]
        assert "Bayan Calls Outsourcing" not in json.dumps(left)
        (review_id,) = overridden.review.review_ids
        read = review_pb.GetReviewRequest(review_id=review_id)
        kept = (await at.stub.GetReview(read, metadata=at.ana)).review
        assert (kept.completed_by, kept.confirmed_by) == ("ana", "ben")

        unknown = await run("export", "nobody", "--out", str(tmp_path / "none"))
        assert (unknown.code, "nothing is stored" in unknown.err) == (3, True)
        assert not (tmp_path / "none").exists()


async def test_who_may_export_reaches_own_applicants_alone(tmp_path: Path) -> None:
    """Another's user is unknown as one that does not exist; other roles export nobody."""
    team = Team(tmp_path)
    crm, other = team.hire("crm", "onboard", "subject_access"), team.hire("o", "subject_access")
    officer = team.hire("officer", "subject_access", "onboard_all")
    auditor = team.hire("auditor", "read", "onboard_all", "decide")
    async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
        stub = ApplicantServiceStub(live.channel)
        made = pb.CreateApplicantRequest(applicant_ref="CRM 1")
        user_id = (await stub.CreateApplicant(made, metadata=crm)).user_id
        asked = pb.ExportApplicantRequest(user_id=user_id)
        for metadata in (crm, officer):
            page = await stub.ExportApplicant(asked, metadata=metadata)
            assert [one.kind for one in page.records] == ["about", "reference", "link_token"]
        error = await refused(stub.ExportApplicant(asked, metadata=other))
        assert (error.code, error.info.reason) == (grpc.StatusCode.NOT_FOUND, "USER_UNKNOWN")
        nobody = pb.ExportApplicantRequest(user_id="nobody")
        alike = await refused(stub.ExportApplicant(nobody, metadata=other))
        assert alike.message == error.message
        error = await refused(stub.ExportApplicant(asked, metadata=auditor))
        assert error.code is grpc.StatusCode.PERMISSION_DENIED
        await _refuses_foreign_tokens(stub, page.next_page_token, officer)


async def _refuses_foreign_tokens(
    stub: ApplicantServiceStub, token: str, metadata: Metadata
) -> None:
    for page_token in (token, "x"):
        asked = pb.ExportApplicantRequest(user_id="somebody", page_token=page_token)
        error = await refused(stub.ExportApplicant(asked, metadata=metadata))
        assert error.info.reason == "PAGE_TOKEN_INVALID"


# A fact from outside, with the consent for it

CONSENT = "CIC-2026/000417 <Juan>"
FULL = decision_pb.DECISION_VIEW_FULL


def observed(days: int, amount: int, **more: Any) -> dict[str, Any]:
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
        fresh = await _decided(live, **observed(30, 0, consentReference=CONSENT))
        assert "declare_loans" not in _conditions(fresh)
        assert (unasked["outcome"], fresh["outcome"]) == ("OUTCOME_APPROVE",) * 2
        sent = fresh["inputs"]["bureau_monthly_debt"]
        assert sent["consentReference"] == CONSENT
        old = await _decided(live, **observed(31, 0, consentReference=CONSENT))
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
        erase = pb.EraseApplicantRequest(user_id=GEORGE)
        await ApplicantServiceStub(live.channel).EraseApplicant(erase)
        assert not [one for one in await _exported(live) if CONSENT in json.dumps(one)]
    assert CONSENT.encode() not in b"".join(one.read_bytes() for one in tmp_path.glob("*.db*"))


async def _exported(live: Running) -> list[dict[str, Any]]:
    """What is stored of George, record by record."""
    applicants = ApplicantServiceStub(live.channel)
    found, token = [], None
    while token != "":
        asked = pb.ExportApplicantRequest(user_id=GEORGE, page_token=token or "")
        page = await applicants.ExportApplicant(asked)
        found += [json.loads(one.content) for one in page.records]
        token = page.next_page_token
    return found


# Erased


async def test_an_erasure_of_nobody_is_not_found_and_one_of_somebody_may_be_repeated(
    tmp_path: Path,
) -> None:
    """Somebody is a user of the vendor's, or one of whom anything is stored here."""
    async with running(tmp_path) as live:
        stub = people_of(live)
        for _ in range(2):
            told = await refused(stub.EraseApplicant(pb.EraseApplicantRequest(user_id="nobody")))
            assert (told.code, told.info.reason) == (grpc.StatusCode.NOT_FOUND, "USER_UNKNOWN")
            assert "Smile knows no user with this user_id" in told.message
        made = await stub.CreateApplicant(pb.CreateApplicantRequest(applicant_ref="CRM 9"))
        for _ in range(2):
            erased = await stub.EraseApplicant(pb.EraseApplicantRequest(user_id=made.user_id))
            assert (erased.revoked_accounts, erased.erased_snapshots) == (0, 0)


async def test_erasing_leaves_the_decision_and_takes_its_data(
    tmp_path: Path,
) -> None:
    """The decision reads back, replaying it says SNAPSHOT_ERASED, a new one finds consent gone."""
    async with running(tmp_path) as live:
        stub = people_of(live)
        decided = (await live.stub.CreateDecision(create(GEORGE))).decision
        key = _key_of(tmp_path / "decisions.db", GEORGE)
        erased = await stub.EraseApplicant(pb.EraseApplicantRequest(user_id=GEORGE))
        assert (erased.revoked_accounts, erased.erased_snapshots) == (3, 1)
        for file in tmp_path.glob("decisions.db*"):
            assert key not in file.read_bytes()
        read = service_pb.GetDecisionRequest(decision_id=decided.decision_id)
        found = (await live.stub.GetDecision(read)).decision
        assert as_recorded(found) == decided
        replay = service_pb.ReplayDecisionRequest(decision_id=decided.decision_id)
        assert (await refused(live.stub.ReplayDecision(replay))).info.reason == "SNAPSHOT_ERASED"
        later = (await live.stub.CreateDecision(create(GEORGE))).decision
        assert outcome(later) == "REFER"
        again = await stub.EraseApplicant(pb.EraseApplicantRequest(user_id=GEORGE))
        assert again.revoked_accounts == 0


def _key_of(store: Path, user_id: str) -> bytes:
    """The key by which a user's snapshots are encrypted, as the file holds it."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT key FROM consents WHERE user_id = ?", (user_id,))
        return bytes(found.fetchone()[0])


# Withdrawn at the vendor

COLD = 7
"""Accounts, four kinds, and a closing look, since one of his accounts has nothing of a kind."""
SETTINGS = {"webhook_secrets": f"a newer secret of tests,{SECRET}", "http_address": "127.0.0.1:0"}


async def send(live: Running, event_type: str, **data: Any) -> int:
    """An event as the vendor sends it."""
    event = {
        "id": f"et-{uuid.uuid4().hex}",
        "version": "v1",
        "type": event_type,
        "createdAt": "2026-11-24T04:00:00Z",
        "data": {"userId": GEORGE, **data},
    }
    body = json.dumps(event).encode()
    headers = {"smile-signature": signature(body, SECRET.encode())}
    async with httpx2.AsyncClient(base_url=live.service.http_url) as client:
        return (await client.post(PATH, content=body, headers=headers)).status_code


async def calls(live: Running) -> int:
    """Decide on George anew, and say how many of the vendor's calls that caused."""
    decision = (await live.stub.CreateDecision(create(GEORGE))).decision
    assert outcome(decision) == "APPROVE"
    return decision.data_quality.upstream_calls


def snapshots(store: Path) -> int:
    """How many snapshots of George the file holds."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT count(*) FROM snapshots WHERE user_id = ?", (GEORGE,))
        return int(found.fetchone()[0])


async def test_a_withdrawal_that_the_vendor_confirms_erases(tmp_path: Path) -> None:
    """The data is gone from the file, and the next decision refers for CONSENT_REVOKED."""
    async with at_vendor(tmp_path, **SETTINGS) as (live, vendor):
        await calls(live)
        person = vendor.tenant.person(GEORGE)
        assert person is not None
        for source in person.sources:
            vendor.tenant.disconnect(source.id)
        assert await send(live, "ACCOUNT_DISCONNECTED", sourceId=person.sources[0].id) == 200
        await until(lambda: not snapshots(tmp_path / "decisions.db"))
        decision = (await live.stub.CreateDecision(create(GEORGE))).decision
        assert outcome(decision) == "REFER"
        assert decision.reasons[0].code == "CONSENT_REVOKED"


async def test_a_forged_withdrawal_erases_nothing(tmp_path: Path) -> None:
    """Signed by a leaked secret it only makes the service look: the next decision reads again."""
    async with at_vendor(tmp_path, **SETTINGS) as (live, vendor):
        await calls(live)
        before = vendor.meter.total
        assert await send(live, "ACCOUNT_DISCONNECTED", sourceId="a-made-up") == 200
        await until(lambda: vendor.meter.total > before)
        assert snapshots(tmp_path / "decisions.db") == 1
        assert await calls(live) == COLD


async def test_a_second_decision_is_warm_until_an_event_says_otherwise(tmp_path: Path) -> None:
    """A cold reading, then no call; after an event data is read in the background: again none."""
    async with at_vendor(tmp_path, **SETTINGS) as (live, vendor):
        assert [await calls(live), await calls(live)] == [COLD, 0]
        before = vendor.meter.total
        assert await send(live, "EINCOMES_ADDED", count=1) == 200
        await until(lambda: vendor.meter.total > before)
        assert await calls(live) == 0
