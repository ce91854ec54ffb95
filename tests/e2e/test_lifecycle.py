"""The story of docs/lifecycle.md: what becomes of applications, of rules, and of a person's data.

The loan system and the vendor call the service; persons work at the command line.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import notice_service_pb2 as notice_pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.api.v1.outcome_service_pb2_grpc import OutcomeServiceStub
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import sandbox_people
from tests.journeys.kit import Lender, lender
from tests.kits.until import until

GEORGE, RYAN, CHRISTINA, ANISHA = (person.user_id for person in sandbox_people())
NO_CONTRIBUTIONS = Fault("status", "/contributions", GEORGE, settings={"status": 503})
PRODUCT = "personal-loan-ph"
STANDS = (
    "result: APPROVE 25,000 PHP over 6 months, 4,925.43 PHP a month by a person (review_second)"
)
CASE = """
  - name: just under nine thousand is not enough
    factors: {income.conservative_6m: 8999.99, income.median_6m: 8999.99}
    expect: {outcome: DECLINE, reasons: [INCOME_TOO_LOW]}
"""
SHOWN = (
    "by juan, signed by two:",
    "personal-loan-ph v4 (champion) against v3: ",
    "from 8000 to 9000",
    "changes: the champion from v3 to v4",
    "tightens: the file is new, with ",
    "Tests of personal-loan-ph v4: coverage 100 %",
    "Impact: Approvals ",
    "Proofs: PROVED: personal-loan-ph v4 gives no applicant a better outcome",
)


@pytest.mark.long
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_from_application_to_erasure(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Decided again, overridden, contested, changed by two, audited by one command, withdrawn."""
    async with lender(tmp_path, url, capsys, NO_CONTRIBUTIONS) as at:
        again = await _is_decided_again(at)
        overridden = await _is_overridden_and_owed(at)
        contested = await _contests(at)
        await _two_change_the_rules(at)
        await _is_audited(at, again, overridden, contested)
        await _asks_and_withdraws(at, overridden)


async def _is_decided_again(at: Lender) -> tuple[str, str]:
    """The missing contributions arrive: a second record names the first, whose outcome follows."""
    office = at.office
    first = await office.decided(GEORGE)
    assert first.refer_kind == decision_pb2.REFER_KIND_DATA
    before = (await office.read(first.decision_id)).review
    assert (before.state, before.outcome) == (
        decision_pb2.REVIEW_STATE_OPEN,
        decision_pb2.OUTCOME_REFER,
    )
    office.vendor.faults.clear()
    await office.event(GEORGE, "TASK_FINISHED", datapoints=["CONTRIBUTIONS"])

    async def again() -> str:
        return (await office.read(first.decision_id)).review.decided_again_as

    second = await office.read(await until(again), full=True)
    assert second.outcome == decision_pb2.OUTCOME_APPROVE
    assert second.first_decision_id == first.decision_id
    assert (second.assignment.arm, second.user_id) == (first.assignment.arm, first.user_id)
    seen = {one.name: one for one in second.factor_values}
    assert seen["history.applications_1d"].value.number == "0"
    after = (await office.read(first.decision_id)).review
    assert (after.state, after.outcome, after.standing_decision_id) == (
        decision_pb2.REVIEW_STATE_ENDED,
        decision_pb2.OUTCOME_APPROVE,
        second.decision_id,
    )
    replay = service_pb.ReplayDecisionRequest(decision_id=second.decision_id)
    told = await office.decisions.ReplayDecision(replay, metadata=office.los)
    assert list(told.differing_fields) == []
    assert told.decision.first_decision_id == first.decision_id
    return first.decision_id, second.decision_id


async def _is_overridden_and_owed(at: Lender) -> str:
    """Two persons approve; the record stays, the loan is booked and counts as exposure."""
    made = await at.office.decided(ANISHA, 30_000)
    assert made.refer_kind == decision_pb2.REFER_KIND_SCORE
    (listed,) = (await at.read("ana", "reviews", "list"))["reviews"]
    review_id = listed["review_id"]
    assert (listed["decision_id"], listed["queue"]) == (made.decision_id, "judgement")
    assert "CLAIMED by ana" in await at.ask("ana", "reviews", "claim", review_id)
    result = ("--outcome", "APPROVE", "--amount", "25000", "--reason", "INCOME_CONFIRMED")
    said = ("--explanation", "The employer confirms it.")
    proposed = await at.ask("ana", "reviews", "complete", review_id, *result, *said)
    assert "AWAITING_SECOND" in proposed
    assert (await at.office.read(made.decision_id)).review.outcome == decision_pb2.OUTCOME_REFER
    for _ in range(2):
        confirmed = await at.ask("ben", "reviews", "confirm", review_id, "--request-id", "c-1")
        assert "by ana and ben" in confirmed
    assert "CONFIRMED · ben" in await at.ask("ana", "reviews", "show", review_id)
    shown = await at.ask("los", "decisions", "show", made.decision_id)
    assert STANDS in shown
    now = await at.office.read(made.decision_id)
    assert now.outcome == decision_pb2.OUTCOME_REFER
    assert (now.review.outcome, now.review.role, now.review.approved_amount.units) == (
        decision_pb2.OUTCOME_APPROVE,
        "review_second",
        25_000,
    )
    assert await _exposure(at, ANISHA) == 25_000
    await _book(at, made, 25_000, repaid=1_000)
    assert await _exposure(at, ANISHA) == 24_000
    return made.decision_id


async def _exposure(at: Lender, user_id: str) -> int:
    """What a further application of a person finds granted or owed."""
    made = await at.office.decided(user_id)
    seen = (await at.office.read(made.decision_id, full=True)).factor_values
    (exposure,) = (one for one in seen if one.name == "history.exposure")
    return exposure.value.money.units


async def _book(at: Lender, made: decision_pb2.Decision, units: int, repaid: int) -> None:
    day = made.create_time.ToDatetime().date().isoformat()
    booked = outcome_pb.LoanOutcome(
        decision_id=made.decision_id,
        loan_id="LN-1",
        as_of_date=day,
        status=outcome_pb.LOAN_STATUS_BOOKED,
        disbursed_amount=MoneyMessage(currency_code="PHP", units=units),
        disburse_date=day,
        instalment=MoneyMessage(currency_code="PHP", units=4_900),
        repaid_amount=MoneyMessage(currency_code="PHP", units=repaid),
    )
    report = outcome_pb.RecordOutcomeRequest(outcome=booked)
    stub = OutcomeServiceStub(at.office.live.channel)
    await stub.RecordOutcome(report, metadata=at.office.los)


async def _contests(at: Lender) -> str:
    """A decline that its applicant contests gets a person's answer, and a letter in Filipino."""
    office = at.office
    made = await office.decided(RYAN)
    assert made.outcome == decision_pb2.OUTCOME_DECLINE
    request = pb.RequestReviewRequest(
        decision_id=made.decision_id, request_id="q-1", text="My debts are repaid."
    )
    for _ in range(2):
        asked = (await office.stub.RequestReview(request, metadata=office.los)).review
        assert (asked.review_id, asked.queue) == (
            f"{made.decision_id.replace('dec_', 'rev_')}-1",
            "contest",
        )
    await at.ask("ana", "reviews", "claim", asked.review_id)
    result = ("--outcome", "DECLINE", "--reason", "NOT_AFFORDABLE")
    said = ("--explanation", "The debts are still open.")
    ended = await at.ask("ana", "reviews", "complete", asked.review_id, *result, *said)
    assert "COMPLETED by ana" in ended
    stands = (await office.read(made.decision_id)).review
    assert (stands.outcome, stands.role) == (decision_pb2.OUTCOME_DECLINE, "review")
    letter = await office.letter(made.decision_id)
    assert (letter.kind, letter.language) == (notice_pb.NOTICE_KIND_ADVERSE_ACTION, "fil")
    assert letter.review_id == asked.review_id
    return made.decision_id


async def _two_change_the_rules(at: Lender) -> None:
    """A higher minimum income decides once it is judged, proved and signed by two who saw it."""
    _write_next_version(at.rules / PRODUCT)
    impact, proofs = await _evidence(at)
    plan = at.rules / PRODUCT / "rollout.yaml"
    plan.write_text(plan.read_text().replace("champion: 3", "champion: 4"))
    evidence = ("--impact", impact, "--proofs", proofs)
    first = await at.sign("juan", "--ticket", "RISK-7", *evidence)
    assert first.code == 0, first.err
    digest = first.out.split()[-1]
    verify = ("rules", "verify", at.rules, "--callers", at.folder / "callers.yaml")
    assert "M008" in (await at.run(*verify)).err
    alone = await at.sign("juan", "--digest", digest)
    assert (alone.code, "another caller" in alone.err) == (1, True)
    await until(lambda: _status(at), lambda now: now.get("refused"))
    assert "impact_digest" not in (await _status(at))["published"]
    seen = await at.sign("maria")
    assert (seen.code, f"--digest {digest}" in seen.err) == (1, True)
    for line in SHOWN:
        assert line in seen.out, line
    assert (await at.sign("maria", "--digest", digest)).code == 0
    told = await at.run(*verify, "--format", "json")
    assert told.code == 0, told.err
    named = {"impact": _sha256(impact), "proofs": _sha256(proofs)}
    assert json.loads(told.out)["evidence"] == named
    manifest = (at.rules / "manifest.yaml").read_text()
    assert all(f"{name}: {one}\n" in manifest for name, one in named.items())
    now = await until(lambda: _status(at), lambda found: not found.get("refused"))
    assert (now["published"]["proposed_by"], now["published"]["approved_by"]) == ("juan", "maria")
    assert now["published"]["impact_digest"] == named["impact"]
    made = await at.office.decided(CHRISTINA)
    assert made.ruleset_ref.version == 4


def _write_next_version(product: Path) -> None:
    text = (product / "v3.yaml").read_text().replace("version: 3", "version: 4", 1)
    assert "min_monthly_income: {type: money, value: 8000}" in text
    (product / "v4.yaml").write_text(text.replace("money, value: 8000}", "money, value: 9000}"))
    cases = (product / "tests" / "v3.yaml").read_text().replace("version: 3", "version: 4", 1)
    least = cases.index("  - name: eight thousand a month is the least this loan needs")
    cases = cases[:least] + cases[cases.index("  - name: ", least + 5) :]
    cases = cases.replace("8000: APPROVE offer.approved_amount=9000", "9000: APPROVE")
    (product / "tests" / "v4.yaml").write_text(cases + CASE)


async def _evidence(at: Lender) -> tuple[Path, Path]:
    """The impact report and the proof of a change, as files."""
    impact, proofs = at.folder / "impact", at.folder / "proofs.json"
    versions = (f"{PRODUCT}@3", f"{PRODUCT}@4", "--claim", "tightens", "--rules", at.rules)
    proved = await at.run("rules", "prove", *versions, "--format", "json")
    assert json.loads(proved.out)["result"] == "PROVED"
    proofs.write_text(proved.out)
    other = ("--with", at.rules / PRODUCT / "v4.yaml", "--rules", at.rules, "--jobs", "1")
    store = ("--store", at.store_url, "--out", impact)
    judged = await at.run("backtest", PRODUCT, *other, *store)
    assert judged.code == 0, judged.err
    return impact / "impact.json", proofs


async def _status(at: Lender) -> Any:
    """What the service says of its rules to Maria, refused or not."""
    token = ("--token-file", at.folder / "maria.token", "--format", "json")
    address = ("--address", at.office.live.service.address)
    return json.loads((await at.run("rules", "status", *address, *token)).out)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


async def _is_audited(at: Lender, again: tuple[str, str], overridden: str, contested: str) -> None:
    """One command tells all of an application, whichever of its decisions is named."""
    for one in again:
        chain = (await at.read("olga", "decisions", "chain", one))["decisions"]
        assert tuple(link["decision"]["decision_id"] for link in chain) == again
        assert [link["decision"]["outcome"] for link in chain] == [
            "OUTCOME_REFER",
            "OUTCOME_APPROVE",
        ]
        (review,) = chain[0]["reviews"]
        assert review["decided_again_as"] == again[1]
    (link,) = (await at.read("olga", "decisions", "chain", overridden))["decisions"]
    (review,), (loan,) = link["reviews"], link["outcomes"]
    steps = [(one["action"], one.get("who", "")) for one in review["events"]]
    assert steps == [("OPENED", ""), ("CLAIMED", "ana"), ("PROPOSED", "ana"), ("CONFIRMED", "ben")]
    assert (loan["outcome"]["loan_id"], loan["outcome"]["status"]) == ("LN-1", "LOAN_STATUS_BOOKED")
    (link,) = (await at.read("olga", "decisions", "chain", contested))["decisions"]
    assert [one["text"] for one in link["reviews"][0]["events"][:1]] == ["My debts are repaid."]
    assert [one["language"] for one in link["notices"]] == ["fil"]
    told = await at.ask("olga", "decisions", "chain", overridden)
    for words in (
        "CONFIRMED · ben",
        "LN-1",
        "booked",
        STANDS,
    ):
        assert words in " ".join(told.split())


async def _asks_and_withdraws(at: Lender, overridden: str) -> None:
    """A person gets a copy of her data and withdraws; what is left is what retention says."""
    before = await _export(at, "before.json")
    (reviewed,) = (one for one in before["decision"] if one["decision_id"] == overridden)
    assert [one["outcome"] for one in reviewed["reviews"]] == ["APPROVE"]
    assert "reading" in before
    await at.ask("petra", "applicants", "erase", ANISHA, "--yes")
    left = await _export(at, "after.json")
    assert "reading" not in left
    assert len(left["decision"]) == len(before["decision"])
    assert "stay for 25 months" in left["about"][0]["after_erasure"]
    (link,) = (await at.read("olga", "decisions", "chain", overridden))["decisions"]
    assert link["reviews"][0]["completed_by"] == "ana"


async def _export(at: Lender, name: str) -> dict[str, list[Any]]:
    """The parts of a copy of what is stored of Anisha, by kind."""
    out = at.folder / name
    await at.ask("petra", "applicants", "export", ANISHA, "--out", out)
    parts: dict[str, list[Any]] = {}
    for one in json.loads(out.read_text())["records"]:
        parts.setdefault(one["kind"], []).append(one["content"])
    return parts
