"""`decision-service monitor` on stores of both databases, and what is wrong in one sentence."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1.decision_service_pb2 import CreateDecisionResponse
from decision_service.author.backtest.command import days_within
from decision_service.author.backtest.render import encoded
from decision_service.author.backtest.replica import StoreReader
from decision_service.casework.outcomes import LoanStatus
from decision_service.casework.review_steps import complete
from decision_service.domain.decision import Outcome
from decision_service.domain.reviews import ReviewCase, ReviewState
from decision_service.operate.monitor.read import lent, observed, reviewed, steps
from decision_service.operate.monitor.report import LoanState, ObservedLoan
from tests.kits.decision_log import ENTRY
from tests.kits.monitored_people import opened_review, record
from tests.kits.outcome_log import BOOKED, told
from tests.kits.recorded_people import PRODUCT, RULES
from tests.kits.review_log import APPROVED, POLICY, by, claimed_by
from tests.kits.rollout_journal import FIRST, SECOND
from tests.kits.stores import opened
from tests.unit.author.reports import report as impact
from tests.unit.cli.commands import command

SEPTEMBER = ("--from", "2026-09-01", "--to", "2026-09-30")
SUMMER = ("--baseline", "2026-07-01..2026-08-31")


def monitor(capsys: pytest.CaptureFixture[str], store: str, out: Path, *words: object):
    """The command, and its report where all is well."""
    given = ("--store", store, "--rules", RULES, "--out", out, *words)
    done = command(capsys, "monitor", PRODUCT, *given)
    return done, json.loads((out / "monitor.json").read_text()) if done.code == 0 else {}


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.long
def test_a_report_of_a_store_finds_what_was_planted(url, tmp_path, capsys):
    """Drift of income, overrides and vintages; an earlier report is as good a baseline."""
    asyncio.run(record(url))
    groups = tmp_path / "groups.csv"
    groups.write_text("decision_id,group\n" + "".join(f"dec_{n:026},g\n" for n in range(920)))
    out, frozen = tmp_path / "now", tmp_path / "before"
    _, found = monitor(capsys, url, out, *SEPTEMBER, *SUMMER, "--groups", groups)
    best = found["drift"][0]
    assert best["now"]["scale"]["name"] == "income.conservative_6m"
    assert best["adjusted"] < 0.001
    assert (found["decisions"], found["baseline"]["applicants"]) == (300, 620)
    assert [(m["day"], m["kind"]) for m in found["marks"]] == [("2026-09-09", "plan")]
    persons = {(row["rules"], row["person"]): row["decisions"] for row in found["overrides"]}
    assert persons["REFER", "APPROVE"] > persons["APPROVE", "DECLINE"] > 0
    assert [row["month"] for row in found["vintages"]] == ["2026-07", "2026-08"]
    assert [row["shares"]["of"] for row in found["groups"]["rows"]] == [300]
    assert "dec_0" not in (out / "monitor.json").read_text() + (out / "monitor.html").read_text()
    summer, later = ("--from", "2026-07-01", "--to", "2026-08-31"), "2026-09-01..2026-09-30"
    monitor(capsys, url, frozen, *summer, "--baseline", later)
    _, again = monitor(capsys, url, out, *SEPTEMBER, "--baseline", frozen / "monitor.json")
    assert again["drift"] == found["drift"]
    _, few = monitor(capsys, url, out, *SEPTEMBER, "--baseline", "2026-08-20..2026-08-31")
    assert {row["psi"] for row in few["drift"]} == {None}
    assert "fewer than 200 applicants" in (out / "monitor.html").read_text()
    monitor(capsys, url, out, "--from", "2026-09-30", "--to", "2026-09-30", *SUMMER)
    assert "No score or factor could be judged" in (out / "monitor.html").read_text()
    groups.write_text("decision_id,group\n")
    done, _ = monitor(capsys, url, out, *SEPTEMBER, "--groups", groups)
    assert "names no decision of" in done.err


def test_a_decision_is_read_as_the_rules_concluded_it() -> None:
    """Where something else was decided too; its data is of the accounts that were used."""
    reasons = [pb.Reason(code="FIRST"), pb.Reason(code="SECOND")]
    said = pb.Decision(override=pb.Override(outcome="OUTCOME_APPROVE"), reasons=reasons)
    for used in ("", "used"):
        said.data_quality.accounts.add(provider_id=used, used=bool(used))
    reply = CreateDecisionResponse(decision=said).SerializeToString()
    found = observed(replace(ENTRY, outcome=Outcome.REFER, reply=reply))
    assert (found.outcome, found.judged, found.reason) == ("REFER", "APPROVE", "FIRST")
    assert (found.providers, found.values) == ({"used"}, None)


_ZONE, _FIRST, _LAST = ZoneInfo("Asia/Manila"), date(2026, 9, 1), date(2026, 9, 30)
_PAID_OUT, _BEGAN = date(2026, 8, 30), datetime(2026, 8, 31, 17, tzinfo=UTC)
_REPORTS = (
    ("crm", {"loan_id": "a", "as_of": _LAST, "status": LoanStatus.REPAID, "overdue_days": 0}),
    ("los", {"loan_id": "a", "as_of": date(2026, 9, 5), "overdue_days": 1}),
    ("los", {"loan_id": "a", "as_of": _LAST, "overdue_days": 0, "disbursed_on": None}),
    ("los", {"loan_id": "a", "as_of": date(2026, 10, 1), "status": LoanStatus.CHARGED_OFF}),
    ("los", {"loan_id": "b", "as_of": _FIRST}),
    ("los", {"loan_id": "b", "as_of": _LAST, "status": LoanStatus.NOT_TAKEN_UP}),
    ("los", {"loan_id": "c", "as_of": _LAST, "status": LoanStatus.CHARGED_OFF, "overdue_days": 0}),
)


async def _lend(url: str) -> None:
    """Two decisions at one in the morning of the first day in Manila, their loans, and steps."""
    async with opened(url) as store:
        for caller, state in (("crm", ReviewState.COMPLETED), ("los", ReviewState.AWAITING_SECOND)):
            ids = {"decision_id": f"dec_{caller}", "user_id": "user"}
            own = {"caller": caller, "outcome": Outcome.APPROVE, "created": _BEGAN}
            entry = replace(ENTRY, **ids, **own)
            found = opened_review(entry, 10 * len(caller), ids, _BEGAN)
            review = replace(found.review, review_id=caller, state=state)
            await store.commit(replace(entry, review=replace(found, review=review)))
        place = ("dec_crm", "crm", "user", PRODUCT, Outcome.APPROVE)
        asked = ReviewCase(*place, requested=APPROVED.amount)
        again = await store.reviews.contest(asked, by("los"), "again", POLICY)
        for move in (claimed_by("ana"), lambda one, _: complete(one, by("ana"), APPROVED, POLICY)):
            await store.reviews.step(again.review_id, move)
        for caller, changes in _REPORTS:
            loan = replace(BOOKED, decision_id=f"dec_{caller}", disbursed_on=_PAID_OUT)
            await told(store, replace(loan, **changes), caller)
        await store.append(replace(FIRST, at=_BEGAN - timedelta(hours=2)))
        await store.append(replace(SECOND, at=_BEGAN))


async def test_loans_results_and_steps_are_of_the_days_of_the_rules(url: str) -> None:
    """By reports until the last day; no loan that was not taken up, no result but the last."""
    await _lend(url)
    days = days_within(_FIRST, _LAST, _ZONE)
    async with aclosing(await StoreReader.open(url)) as reader:
        loans = await lent(reader, PRODUCT, days, _LAST, _ZONE)
        assert await reviewed(reader, PRODUCT, days) == {"dec_crm": "APPROVE"}
        plan = await steps(reader, PRODUCT, days, _ZONE)
    repaid, lost = (LoanState(1, bad=bad, closed=True) for bad in (False, True))
    late, caught_up = (LoanState(age, bad=not age, closed=False) for age in (0, 1))
    expected = (("dec_crm", (repaid,)), ("dec_los", (late, caught_up)), ("dec_los", (lost,)))
    assert loans == [ObservedLoan(one, _FIRST, _PAID_OUT, states) for one, states in expected]
    assert [(one.day, one.text[-8:]) for one in plan] == [(_FIRST, "(RISK-7)")]


WRONG = [
    (("--to", "2026-08-31"), "--from and --to: 2026-08-31 is before 2026-09-01"),
    (("--to", "soon"), "--from and --to: soon is no day, write it as 2026-10-31"),
    (("--to", "9999-12-31"), "--from and --to: 9999-12-31 is after today, 2"),
    (("--baseline", "2026-08-01..2026-09-01"), "2026-08-01..2026-09-01 shares days with 2026-"),
    (("--baseline", "2026-09-30..2026-10-31"), "2026-09-30..2026-10-31 shares days with 2026-"),
    (("--baseline", "2026-07-01"), "--baseline 2026-07-01 is no file: name days as 2026-07-01.."),
    (SUMMER, f"there are no decisions of {PRODUCT} from 2026-07-01 to 2026-08-31 in Asia/Manila"),
    (("--baseline", "made.csv"), "is not what `decision-service monitor --out` wrote"),
    (("--forecast", "made.csv"), "is not what `decision-service backtest --out` wrote"),
    (("--forecast", "impact.json"), f"--forecast impact.json is of test-loan, not {PRODUCT}"),
    (("--groups", "made.csv"), "must be decision_id,group or customer_ref,group"),
    (("--groups", "/dev/null"), "--groups /dev/null begins with nothing: its first line must"),
    (("--groups", "twice.csv"), "twice.csv:3: this customer_ref has another group above"),
    (("--groups", "torn.csv"), "torn.csv:2: a line is one customer_ref and one group"),
    ((), f"there are no decisions of {PRODUCT} from 2026-09-01 to 2026-09-30 in Asia/Manila"),
]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("words", "sentence"), WRONG)
def test_what_is_wrong_is_one_sentence(words, sentence, url, tmp_path, capsys, monkeypatch):
    """Nothing is written, and no key of a file is in the sentence."""
    monkeypatch.chdir(tmp_path)
    Path("impact.json").write_bytes(encoded(impact()))
    Path("made.csv").write_text("name,group\nc-1,a\n")
    Path("twice.csv").write_text("customer_ref,group\nc-1,a\nc-1,b\n")
    Path("torn.csv").write_text("customer_ref,group\nc-1\n")
    done, _ = monitor(capsys, url, Path("out"), *SEPTEMBER, *words)
    assert done.code != 0
    assert sentence in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert "c-1" not in done.err
    assert not Path("out").exists()
