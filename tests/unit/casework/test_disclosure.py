"""What applicants may read: reasons, recourse, and what was recorded of a decision."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.casework.disclosure import Disclosure, StoredReading, plain
from decision_service.casework.letters import disclosed_reason, disclosed_recourse
from decision_service.casework.recourse import Change, FindRecourse, Recourse, RecourseKind
from decision_service.casework.review_log import RecordedReview
from decision_service.casework.review_steps import claim, complete
from decision_service.casework.subject_access import MOST_RECORDS, reading_record, review_record
from decision_service.decide.codec import snapshot_body
from decision_service.decide.replay import ReadDecisions, Recorded
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import NoticeNotDue
from decision_service.domain.factor import FactorValue
from decision_service.domain.person import NO_OWN_FACTS, OwnFacts, Reuse
from decision_service.domain.ports import PagePosition
from decision_service.domain.reviews import Review, ReviewPolicy, ReviewReason, ReviewResult
from decision_service.domain.snapshot import EstimatedIncome, KnownCount, Read, Snapshot
from decision_service.domain.values import Money
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from tests.fakes.any_decision import values
from tests.fakes.world import World, application
from tests.unit.casework.kit import NOON, POLICY, by, pesos, review

WORDS = {"en": "We could not confirm your income.", "fil": "Hindi napatunayan ang kita."}

REASONS = (
    ReviewReason("INCOME", "The income is not confirmed.", WORDS),
    ReviewReason("PLAIN", "The income is too low."),
    ReviewReason("FORGED", "A payslip is forged.", is_told=False),
)

TOLD = replace(POLICY, reasons=REASONS)

SMALL = review(asked=5_000)


def declined(code: str, policy: ReviewPolicy = TOLD) -> Review:
    """A review that a person has completed."""
    claimed = claim(SMALL, by("ana")).review
    result = ReviewResult(Outcome.DECLINE, code, "seen by Ana")
    return complete(claimed, by("ana"), result, policy).review


@pytest.mark.parametrize(
    ("code", "told"),
    [("INCOME", WORDS), ("PLAIN", {"en": "The income is too low."}), ("FORGED", {})],
)
def test_a_letter_has_the_words_of_the_plan(code: str, told: dict[str, str]) -> None:
    """Those for letters, without any those for reviewers, and nothing of what nobody is told."""
    assert disclosed_reason(declined(code), TOLD) == told


def test_a_reason_that_was_withheld_stays_so() -> None:
    """Also where the plan tells it by now."""
    open_now = replace(TOLD, reasons=tuple(replace(one, is_told=True) for one in REASONS))
    assert disclosed_reason(declined("FORGED"), open_now) == {}


def test_a_reason_that_the_plan_has_no_more_keeps_the_letter_back() -> None:
    """A letter without its reason would be none; the sentence says what to put back."""
    with pytest.raises(NoticeNotDue, match=r"no reason INCOME any more, .* put it back"):
        disclosed_reason(declined("INCOME"), POLICY)


def test_what_a_person_may_read_leaves_out_what_nobody_is_told() -> None:
    """The outcome stays, and of any other reason the code."""
    for code, told in (("INCOME", "INCOME"), ("FORGED", None)):
        record = review_record(RecordedReview(declined(code), ()))
        assert (record["outcome"], record.get("reason")) == ("DECLINE", told)
    assert "seen by Ana" not in str(record)


CHANGE = Change("liabilities.overdue_total", pesos(5), pesos(0), pesos(0).major, told=True)


@pytest.mark.parametrize(
    ("found", "changes", "day"),
    [
        (None, None, None),
        (Recourse(RecourseKind.NOTHING, told=True), None, None),
        (Recourse(RecourseKind.CHANGE, (CHANGE,), told=False), None, None),
        (Recourse(RecourseKind.CHANGE, (CHANGE,), told=True), 1, None),
        (Recourse(RecourseKind.CHANGE, (CHANGE,), NOON.date(), told=True), 1, NOON.date()),
        (Recourse(RecourseKind.WAIT, (), NOON.date(), told=True), 0, NOON.date()),
    ],
)
def test_recourse_is_told_where_the_product_lets_all_of_it(
    found: Recourse | None, changes: int | None, day: object
) -> None:
    """Part of an answer would not do."""
    told = disclosed_recourse(found)
    assert (told and len(told.changes)) == changes
    assert (told and told.day) == day


NAMES = ("income.latest", "history.exposure", "reuse.users_of_account")


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (NO_OWN_FACTS, {"income.latest", "history.exposure", "derived.owed", "inputs.purpose"}),
        (
            OwnFacts(reuse=Reuse(1, keyed=True)),
            {"income.latest", "history.exposure", "derived.owed", "inputs.purpose"},
        ),
        (OwnFacts(reuse=Reuse(2, keyed=True)), {"income.latest", "inputs.purpose"}),
    ],
)
def test_who_shares_an_account_is_told_no_figure_of_both(own: OwnFacts, told: set[str]) -> None:
    """Neither who else there is, nor own records of both, nor what may rest on them."""
    disclosed = Disclosure.of(NAMES, own)
    asked = (*NAMES, "derived.owed", "inputs.purpose")
    assert {one for one in asked if disclosed.includes(one)} == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Money("PHP", 123_450), "PHP 1234.50"),
        (Money("JPY", 500), "JPY 500"),
        (Decimal("1E+2"), "100"),
        (NOON, "2026-11-24T12:00:00Z"),
        (date(2026, 11, 24), "2026-11-24"),
        (Outcome.REFER, "REFER"),
        (True, True),
        ((1, None), [1, None]),
        (
            EstimatedIncome("i", "a", 12 * 2026 + 10, "PHP", 100),
            {"id": "i", "source": "a", "month": "2026-11", "currency": "PHP", "amount": "PHP 1.00"},
        ),
        (
            KnownCount("a", "eincomes", 3),  # type: ignore[arg-type]  # as an enum it reads alike
            {"source": "a", "kind": "eincomes", "count": 3},
        ),
    ],
)
def test_values_are_written_for_people(value: object, told: object) -> None:
    """Amounts in major units, months and instants in ISO 8601, nothing where there is nothing."""
    assert plain(value) == told


@given(st.dictionaries(st.text(max_size=4), st.lists(values, max_size=4), max_size=4))
def test_whatever_is_stored_can_be_written_as_json(value: dict[str, list[object]]) -> None:
    """Every value of a factor or an input has a plain form."""
    json.dumps(plain(value))


@given(st.integers(0, 2 * MOST_RECORDS + 1))
def test_the_parts_of_a_reading_are_the_reading(count: int) -> None:
    """No record is lost or told twice, and no part is larger than the bound."""
    records = tuple(EstimatedIncome(f"{n}", "a", 24_000, "PHP", n) for n in range(count))
    body = snapshot_body(Snapshot("user-1", eincomes=Read(records)))
    stored = StoredReading(PagePosition(NOON, body.id), body.body)
    found, part, more = list[str](), 0, True
    while more:
        record, more = reading_record(stored, part)
        ids = [one["id"] for one in record.content.get("eincomes", ())]  # type: ignore[attr-defined]  # a list
        assert len(ids) <= MOST_RECORDS
        found, part = found + ids, part + 1
    assert found == [one.id for one in records]


def test_a_reading_without_its_key_says_so() -> None:
    """What was erased and is not yet deleted is named, and nothing of it is told."""
    record, more = reading_record(StoredReading(PagePosition(NOON, "snap_1"), None), 0)
    assert (more, "erased" in record.content) == (False, True)


async def recorded() -> tuple[Recorded, FindRecourse]:
    """A decision in FULL view, and what finds its recourse."""
    world = World()
    stored = await world.decide()(application(), world.call())
    archive = RulesetArchive(world.log, lambda: world.book, CompilationThread())
    read = await ReadDecisions(world.log, archive).get(stored.decision_id, full=True)
    return read, FindRecourse(archive)


def without_source(decision: Recorded) -> Recorded:
    """The same decision on somebody who has connected no account, which refers."""
    name = "accounts.connected_count"
    made = decision.decision
    assert made is not None
    assert made.factors is not None
    values = {**made.factors.values, name: FactorValue(name, 0)}
    factors = replace(made.factors, values=values)
    return replace(decision, decision=replace(made, factors=factors))


async def test_who_is_turned_down_is_answered_as_often_as_asked() -> None:
    """Several callers at once get one and the same answer."""
    decision, find = await recorded()
    refused = without_source(decision)
    found = await asyncio.gather(*(find(refused) for _ in range(3)))
    assert found[0] is not None
    assert found[0].answer is RecourseKind.CHANGE
    assert found[0] == found[1] == found[2]


async def test_nothing_is_looked_for_where_no_rules_can_be_asked() -> None:
    """A decision whose data was erased, or that no rules made, has no recourse."""
    decision, find = await recorded()
    refused = without_source(decision)
    assert refused.decision is not None
    assert await find(replace(refused, decision=None)) is None
    assert (
        await find(replace(refused, decision=replace(refused.decision, ruleset_ref=None))) is None
    )
