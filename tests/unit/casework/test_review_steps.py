"""The steps of a review: who takes it, who may end it, and what each step leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.casework import review_steps as steps
from decision_service.casework.review_steps import (
    By,
    ReviewStep,
    claim,
    complete,
    confirm,
    decide_again,
    erased,
    is_barred,
    is_repeated,
    move,
    note,
    reject,
    release,
    request_data,
)
from decision_service.domain.accounts import Kind
from decision_service.domain.actors import Actor, TokenSubject
from decision_service.domain.decision import NO_TERMS, ApprovalTerms, Outcome, ReferKind
from decision_service.domain.errors import (
    AuthorityExceeded,
    FieldInvalid,
    PermissionDenied,
    RequestIdReused,
    ReviewRefused,
    ServiceError,
)
from decision_service.domain.reviews import (
    NO_POLICY,
    Review,
    ReviewAction,
    ReviewEvent,
    ReviewQueue,
    ReviewResult,
    ReviewState,
)
from tests.kits.cases import cases
from tests.unit.casework.kit import NOON, POLICY, approved, by, pesos, review

OPENED = ReviewEvent(1, NOON, "", ReviewAction.OPENED)

Action = Callable[[Review, By], ReviewStep | None]

ACTIONS: dict[str, Action] = {
    "claim": lambda r, b: steps.claim(r, b),
    "hold": lambda r, b: steps.claim(r, b, b.at + timedelta(hours=5)),
    "skip": lambda r, b: steps.skip(r, b, ""),
    "release": lambda r, b: steps.release(r, b),
    "hand over": lambda r, b: steps.release(r, b, "b"),
    "note": lambda r, b: steps.note(r, b, "seen"),
    "request data": lambda r, b: steps.request_data(r, b, [Kind.CONTRIBUTIONS], ""),
    "arrived": lambda r, b: steps.data_arrived(r, b, [Kind.CONTRIBUTIONS]),
    "other arrived": lambda r, b: steps.data_arrived(r, b, [Kind.LINKS]),
    "never whole": lambda r, b: steps.data_never_whole(r, OPENED, b, [Kind.CONTRIBUTIONS], "no"),
    "again": steps.decide_again,
    "decided": lambda r, b: steps.decided_again(r, b, "dec_1"),
    "not decided": lambda r, b: steps.not_decided_again(r, b, "no"),
    "complete": lambda r, b: complete(r, b, approved(), POLICY),
    "complete above": lambda r, b: complete(r, b, approved(30_000), POLICY),
    "confirm": lambda r, b: confirm(r, b, POLICY),
    "reject": lambda r, b: reject(r, b, "no"),
    "withdraw": lambda r, b: steps.withdraw(r, b, "a slip", is_second=False),
    "take over": lambda r, b: steps.take_over(r, b, "away"),
    "make final": lambda r, b: steps.make_final(r, b) if r.final else None,
}

MOVES = st.lists(
    st.tuples(st.sampled_from([*ACTIONS]), st.sampled_from("abc"), st.integers(0, 40)), max_size=25
)


def played(moves: Sequence[tuple[str, str, int]], kind: ReferKind) -> list[tuple[Review, str, By]]:
    """The reviews after each move that was taken, with the move and who took it."""
    at, subject = NOON, review(kind)
    taken = [(subject, "", By("", "", NOON))]
    for name, who, minutes in moves:
        at += timedelta(minutes=minutes)
        try:
            step = ACTIONS[name](subject, By(who, "", at))
        except ServiceError:
            continue
        if step is not None:
            assert step.event.position == subject.events + 1 == step.review.events
            subject = step.review
            taken.append((subject, name, By(who, "", at)))
    return taken


@given(MOVES, st.sampled_from(ReferKind))
@settings(max_examples=200)
def test_only_who_has_the_claim_works_on_a_review(
    moves: list[tuple[str, str, int]], kind: ReferKind
) -> None:
    """Nobody claims another's unended claim, or completes, releases and asks without one."""
    told = played(moves, kind)
    for (before, _, _), (_, name, who) in pairwise(told):
        holds = before.state_at(who.at) is ReviewState.CLAIMED
        if name in {"claim", "hold", "skip"}:
            assert not holds or before.claimed_by == who.who
        if name in {"release", "hand over", "request data", "complete", "complete above"}:
            assert holds
            assert before.claimed_by == who.who


@given(MOVES, st.sampled_from(ReferKind))
@settings(max_examples=200)
def test_a_review_ends_once(moves: list[tuple[str, str, int]], kind: ReferKind) -> None:
    """After its end notes alone are added, and neither result nor end changes."""
    told = played(moves, kind)
    ended = next((place for place, (one, _, _) in enumerate(told) if one.ended), None)
    if ended is not None:
        first = told[ended][0]
        for one, name, _ in told[ended + 1 :]:
            assert name == "note"
            assert (one.state, one.result, one.ended) == (first.state, first.result, first.ended)


@given(MOVES, st.sampled_from(ReferKind))
@settings(max_examples=200)
def test_above_one_persons_authority_two_have_decided(
    moves: list[tuple[str, str, int]], kind: ReferKind
) -> None:
    """A completed review above it was confirmed by another person than the one who proposed it."""
    last, _, _ = played(moves, kind)[-1]
    if last.state is ReviewState.COMPLETED and last.result and last.result.amount:
        above = last.result.amount.major > 20_000 or kind is ReferKind.LEGAL
        assert bool(last.confirmed_by) == above
        assert last.confirmed_by != last.completed_by


@pytest.mark.parametrize(
    "name", ["claim", "skip", "release", "hand over", "note", "request data", "again"]
)
def test_a_review_of_very_many_steps_takes_those_to_its_end_alone(name: str) -> None:
    """Nothing that may be repeated without end is added, and it is completed all the same."""
    claimed = steps.claim(review(), by("ana")).review
    nearly = replace(claimed, events=steps.MOST_STEPS - 1)
    taken = ACTIONS[name](nearly, by("ana", 2))
    assert taken is not None
    full = replace(claimed, events=taken.review.events)
    with pytest.raises(ReviewRefused, match="has 200 steps"):
        ACTIONS[name](full, by("ana", 2))
    again = steps.claim(full, by("ben", 60)).review
    assert complete(again, by("ben", 61), approved(), POLICY).review.ended


def test_data_that_arrives_without_end_is_noted_for_a_while() -> None:
    """A person who has claimed a review of very many steps reads no further arrivals."""
    claimed = steps.claim(review(ReferKind.DATA), by("ana")).review
    full = replace(claimed, events=steps.MOST_STEPS)
    assert steps.data_arrived(full, by("", 2), [Kind.CONTRIBUTIONS]) is None


def test_a_claim_that_has_ended_is_nobodys() -> None:
    """Its holder must claim again, and another may by then."""
    claimed = steps.claim(review(), by("ana")).review
    with pytest.raises(ReviewRefused, match="claimed by ana until 2026-11-24T12:31:00Z"):
        steps.claim(claimed, by("ben", 30))
    with pytest.raises(ReviewRefused, match=r"your claim of .* ended at .*: claim it again"):
        complete(claimed, by("ana", 31), approved(), POLICY)
    assert steps.claim(claimed, by("ben", 31)).review.claimed_by == "ben"


def test_a_referral_for_data_is_decided_again_by_itself() -> None:
    """Unless somebody has claimed it, who is told; another kind waits for a person."""
    arrived = steps.data_arrived(review(ReferKind.DATA), by(""), [Kind.CONTRIBUTIONS])
    assert arrived is not None
    assert arrived.review.state is ReviewState.DECIDING_AGAIN
    claimed = steps.claim(review(ReferKind.DATA), by("ana")).review
    told = steps.data_arrived(claimed, by("", 2), [Kind.CONTRIBUTIONS])
    assert told is not None
    assert (told.review.state, told.event.action) == ("CLAIMED", ReviewAction.DATA_ARRIVED)
    assert steps.data_arrived(review(ReferKind.SCORE), by(""), ()) is None


def test_all_the_data_that_was_asked_for_has_to_arrive() -> None:
    """What arrives first is noted, and the last kind has the application decided again."""
    claimed = steps.claim(review(), by("ana")).review
    wanted = [Kind.CONTRIBUTIONS, Kind.LIABILITIES]
    waiting = steps.request_data(claimed, by("ana", 2), wanted, "SSS, please").review
    first = steps.data_arrived(waiting, by("", 3), [Kind.CONTRIBUTIONS])
    assert first is not None
    assert (first.review.state, first.review.kinds) == ("AWAITING_DATA", (Kind.LIABILITIES,))
    assert steps.data_arrived(first.review, by("", 4), [Kind.CONTRIBUTIONS]) is None
    second = steps.data_arrived(first.review, by("", 4), [Kind.LIABILITIES])
    assert second is not None
    assert second.review.state is ReviewState.DECIDING_AGAIN


def test_data_that_never_becomes_whole_leaves_a_review_to_persons() -> None:
    """Who waited for it is open again, a claim stays; other reviews are not told, nobody twice."""
    some, why = [Kind.CONTRIBUTIONS], "it could not be read"
    opened = steps.data_never_whole(review(ReferKind.DATA), OPENED, by(""), some, why)
    assert opened is not None
    assert (opened.review.state, opened.event.text) == ("OPEN", why)
    assert opened.event.action is ReviewAction.NOT_DECIDED_AGAIN
    assert steps.data_never_whole(opened.review, opened.event, by(""), some, why) is None
    claimed = steps.claim(review(ReferKind.DATA), by("ana"))
    told = steps.data_never_whole(claimed.review, claimed.event, by("", 2), some, why)
    assert told is not None
    assert (told.review.state, told.review.claimed_by) == ("CLAIMED", "ana")
    mine = steps.claim(review(), by("ana")).review
    waiting = steps.request_data(mine, by("ana", 2), [*some, Kind.LIABILITIES], "SSS, please")
    back = steps.data_never_whole(waiting.review, waiting.event, by("", 3), some, why)
    assert back is not None
    assert (back.review.state, back.review.kinds) == ("OPEN", ())
    assert not steps.data_never_whole(waiting.review, waiting.event, by(""), [Kind.LINKS], why)
    assert steps.data_never_whole(review(ReferKind.SCORE), OPENED, by(""), (), why) is None


def test_an_approval_is_not_decided_again() -> None:
    """Its loan may be paid out already."""
    contested = steps.contested(review(), by("los"), "too little", POLICY).review
    approval = replace(contested, outcome=Outcome.APPROVE)
    with pytest.raises(ReviewRefused, match="is an approval"):
        steps.decide_again(approval, by("ana"))


def test_a_request_id_stands_for_one_step() -> None:
    """Repeated it is known; with other words, by somebody else or for another step refused."""
    noted = steps.note(review(), by("ana", 1, "r-1"), "seen").event
    actions = {ReviewAction.NOTED}
    assert is_repeated([noted], by("ana", 9, "r-1"), actions, text="seen")
    assert not is_repeated([noted], by("ana", 9, "r-2"), actions, text="seen")
    for who, other, text in (
        ("ana", actions, "another"),
        ("ben", actions, "seen"),
        ("ana", {ReviewAction.COMPLETED}, "seen"),
    ):
        with pytest.raises(RequestIdReused):
            is_repeated([noted], by(who, 9, "r-1"), other, text=text)


def test_a_contest_brings_a_review_forward() -> None:
    """It is due no later than its product promises to contests."""
    late = replace(review(), due=NOON + timedelta(days=30))
    contested = steps.contested(late, by("los", 0), "my payslips say more", POLICY)
    assert contested.review.due == NOON + POLICY.contest_sla
    assert isinstance(contested.event, ReviewEvent)
    soon = steps.contested(review(), by("los", 0), "again", POLICY).review
    assert soon.due == review().due


TAKING = cases("review/taking")


def taken(subject: Review, by: By, act: str, words: Any = None) -> ReviewStep | None:
    match act:
        case "claim":
            return steps.claim(subject, by, words and NOON + timedelta(minutes=words))
        case "skip":
            return steps.skip(subject, by, "")
        case "ask":
            return steps.request_data(subject, by, [Kind.LINKS], "")
        case "note":
            return steps.note(subject, by, "seen")
        case _:
            return steps.release(subject, by, words or "")


@pytest.mark.parametrize("case", TAKING, ids=lambda case: case["name"])
def test_a_review_is_taken_left_and_handed_over(case: dict[str, Any]) -> None:
    """Each case of the file leaves the review with somebody or nobody, or is refused."""
    subject, result = review(), case["result"]
    *first, last = case["steps"]
    for who, minute, *said in first:
        step = taken(subject, by(who, minute), *said)
        subject = subject if step is None else step.review
    who, minute, *said = last
    state, _, rest = result.partition(" ")
    if state not in ReviewState.__members__:
        with pytest.raises(ServiceError) as refused:
            taken(subject, by(who, minute), *said)
        assert result in refused.value.message
        return
    step = taken(subject, by(who, minute), *said)
    subject = subject if step is None else step.review
    now = subject.state_at(NOON + timedelta(minutes=minute))
    has, _, skipped = rest.partition(" ")
    assert (now, subject.skipped_by) == (state, tuple(skipped.split(",")) if skipped else ())
    assert now is ReviewState.OPEN or subject.claimed_by == has


@pytest.mark.parametrize(
    ("minutes", "held"), [(None, False), (5, False), (30, False), (31, True), (4320, True)]
)
def test_a_claim_longer_than_usual_is_held(minutes: int | None, *, held: bool) -> None:
    """Until it ends, however that happens."""
    claimed = taken(review(), by("ana", 0), "claim", minutes)
    assert claimed is not None
    assert claimed.review.held is held
    ended = (
        steps.release(claimed.review, by("ana")).review,
        steps.release(claimed.review, by("ana"), "ben").review,
        steps.complete(claimed.review, by("ana"), approved(), POLICY).review,
    )
    assert not any(one.held for one in ended)


def test_a_dry_run_alone_needs_no_reason() -> None:
    """One that is named is looked up all the same."""
    claimed = steps.claim(review(), by("ana")).review
    unnamed, unknown = (replace(approved(), reason=reason) for reason in ("", "X"))
    tried = steps.complete(claimed, by("ana"), unnamed, POLICY, dry_run=True).review
    assert (tried.state, tried.result) == (ReviewState.COMPLETED, unnamed)
    for result, dry_run in ((unnamed, False), (unknown, True)):
        with pytest.raises(FieldInvalid, match="the desk of loan has INCOME_CONFIRMED"):
            steps.complete(claimed, by("ana"), result, POLICY, dry_run=dry_run)


AUTHORITY = cases("review/authority")


def claimed(kind: ReferKind | None = ReferKind.SCORE, asked: object = 50_000) -> Review:
    """A review that Ana has claimed."""
    return claim(review(kind, asked), by("ana")).review


@pytest.mark.parametrize("case", AUTHORITY, ids=lambda case: case["name"])
def test_the_result_of_a_review_is_within_authority(case: dict[str, Any]) -> None:
    """Each case of the file ends with one person, waits for a second one, or is refused."""
    outcome = Outcome(case.get("outcome", "APPROVE"))
    amount = pesos(case["approve"]) if "approve" in case else None
    if amount is not None:
        amount = replace(amount, currency=case.get("currency", "PHP"))
    result = ReviewResult(outcome, case.get("reason", "INCOME_CONFIRMED"), "seen", amount)
    known = {"minimum": "least", "offered": "offered"}
    bounds = {name: pesos(case[key]) for name, key in known.items() if key in case}
    terms = ApprovalTerms(**bounds)
    subject = claimed(ReferKind(case.get("kind", "SCORE")), case.get("asked"))
    states = {"one": ReviewState.COMPLETED, "two": ReviewState.AWAITING_SECOND}
    if case["result"] in states:
        ended = complete(subject, by("ana", 2), result, POLICY, terms).review
        assert ended.state is states[case["result"]]
        assert bool(ended.second_reasons) == (case["result"] == "two")
        assert [*ended.second_reasons] == case.get("why", [*ended.second_reasons])
        return
    with pytest.raises(ServiceError) as refused:
        complete(subject, by("ana", 2), result, POLICY, terms)
    assert case["result"] in refused.value.message


def test_an_amount_that_fails_a_check_against_the_law_has_a_second_person() -> None:
    """However small it is; a decline fails none."""
    failing = ApprovalTerms(3, failed_checks=("RATE_CAP",))
    proposed = complete(claimed(), by("ana", 2), approved(1_000), POLICY, failing).review
    assert (proposed.state, proposed.terms) == (ReviewState.AWAITING_SECOND, failing)
    assert proposed.second_reasons == ("FAILED_CHECK",)
    ended = confirm(proposed, by("ben", 3), POLICY).review
    assert (ended.state, ended.terms) == (ReviewState.COMPLETED, failing)


def test_a_refusal_for_authority_names_the_limit() -> None:
    """As PERMISSION_DENIED with the limit beside its words."""
    with pytest.raises(AuthorityExceeded) as refused:
        complete(claimed(asked=500_000), by("ana", 2), approved(100_001), POLICY)
    assert isinstance(refused.value, PermissionDenied)
    assert refused.value.fields == {"limit": "PHP 100000"}


def test_nobody_confirms_what_that_person_proposed() -> None:
    """A second person does, and may reject it, which opens the review again."""
    proposed = complete(claimed(), by("ana", 2), approved(30_000), POLICY).review
    with pytest.raises(PermissionDenied, match="another person"):
        confirm(proposed, by("ana", 3), POLICY)
    ended = confirm(proposed, by("ben", 3), POLICY).review
    assert (ended.state, ended.completed_by, ended.confirmed_by) == ("COMPLETED", "ana", "ben")
    assert ended.overrides
    reopened = reject(proposed, by("ben", 3), "no payslip").review
    assert (reopened.state, reopened.result) == (ReviewState.OPEN, None)
    assert (proposed.second_reasons, reopened.second_reasons) == (("ABOVE_AUTHORITY",), ())


def test_nobody_confirms_a_proposal_that_was_not_seen() -> None:
    """A confirmation that comes late meets another proposal, and says so."""
    first = complete(claimed(), by("ana", 2), approved(25_000), POLICY).review
    open_again = reject(first, by("cai", 3), "no payslip", first.etag).review
    retaken = claim(open_again, by("ana", 4)).review
    second = complete(retaken, by("ana", 5), approved(40_000), POLICY).review
    with pytest.raises(ReviewRefused, match="has taken a step since you saw it"):
        confirm(second, by("ben", 6), POLICY, first.etag)
    with pytest.raises(ReviewRefused, match="has taken a step since you saw it"):
        reject(second, by("ben", 6), "no payslip", first.etag)
    assert confirm(second, by("ben", 6), POLICY, second.etag).review.confirmed_by == "ben"


def test_the_terms_of_an_approval_go_where_it_goes() -> None:
    """A second person confirms them; what is rejected, or ends by an erasure, leaves none."""
    terms = ApprovalTerms(6, pesos(5_910))
    proposed = complete(claimed(), by("ana", 2), approved(30_000), POLICY, terms).review
    assert proposed.terms == confirm(proposed, by("ben", 3), POLICY).review.terms == terms
    assert reject(proposed, by("ben", 3), "no payslip").review.terms == NO_TERMS
    assert erased(proposed, by("", 3)).review.terms == NO_TERMS


def test_a_limit_that_was_lowered_meanwhile_counts() -> None:
    """The second person confirms within the authority that the plan gives by then."""
    proposed = complete(claimed(), by("ana", 2), approved(30_000), POLICY).review
    assert POLICY.authority is not None
    lower = replace(POLICY, authority=replace(POLICY.authority, review_second=pesos(250).major))
    with pytest.raises(AuthorityExceeded):
        confirm(proposed, by("ben", 3), lower)


def test_without_a_desk_nothing_is_completed() -> None:
    """Neither approved nor declined: there is no authority and no reason to name."""
    for result in (approved(), ReviewResult(Outcome.DECLINE, "X", "seen")):
        with pytest.raises(ReviewRefused, match=r"add a desk\.yaml to its"):
            complete(claimed(), by("ana", 2), result, NO_POLICY)


def test_an_unknown_reason_names_those_that_there_are() -> None:
    """The field is named, with the codes of the plan."""
    with pytest.raises(FieldInvalid, match="INCOME_CONFIRMED") as refused:
        complete(claimed(), by("ana", 2), replace(approved(), reason="X"), POLICY)
    assert refused.value.problems[0].field == "reason"


SENDERS = cases("review/senders")

DECLINED = ReviewResult(Outcome.DECLINE, "INCOME_CONFIRMED", "no job")


def actor(text: str) -> Actor:
    """`caller`, or `issuer/subject@caller`."""
    person, _, caller = text.rpartition("@")
    issuer, _, subject = person.partition("/")
    return Actor(caller, TokenSubject(issuer, subject) if person else None)


def as_of(text: str, minutes: float) -> By:
    """A step of somebody, so many minutes after noon."""
    who = actor(text)
    return replace(by(who.caller, minutes), person=who.person)


def sent(text: str) -> Review:
    """A fresh review of an application that this person sent."""
    sender = actor(text)
    return replace(review(), caller=sender.caller, sender=sender.person)


def refusal(step: Callable[[], ReviewStep]) -> str:
    """The words of a refusal; empty where the step was taken."""
    try:
        step()
    except PermissionDenied as refused:
        return refused.message
    return ""


@pytest.mark.parametrize("case", SENDERS, ids=lambda case: case["name"])
def test_who_sent_an_application_ends_no_review_of_it(case: dict[str, Any]) -> None:
    """Neither approves, declines, tries, confirms nor rejects; persons are compared where known."""
    ends, words = case["ends"], case.get("words", "").replace("REVIEW", review().review_id)
    fresh = sent(case["sent"])
    mine = claim(fresh, as_of(ends, 1)).review
    theirs = claim(fresh, by("cai", 1)).review
    proposed = complete(theirs, by("cai", 2), approved(30_000), POLICY).review
    end = as_of(ends, 3)
    first = [
        refusal(lambda: complete(mine, end, approved(), POLICY)),
        refusal(lambda: complete(mine, end, DECLINED, POLICY)),
        refusal(lambda: complete(mine, end, approved(), POLICY, dry_run=True)),
    ]
    second = [
        refusal(lambda: confirm(proposed, end, POLICY)),
        refusal(lambda: reject(proposed, end, "no payslip")),
    ]
    for said, role in ((first, "review"), (second, "review_second")):
        assert {bool(one) for one in said} == {bool(words)}
        assert all(words.replace("ROLE", role) in one for one in said)
    assert is_barred(fresh, end.actor) == bool(words)


def test_a_sender_takes_every_step_but_the_end() -> None:
    """Who sent it may claim, note, ask for data and have it decided again."""
    mine = claim(sent("los"), by("los", 1)).review
    asked = request_data(mine, by("los", 2), [Kind.CONTRIBUTIONS], "SSS, please")
    assert asked.event.who == "los"
    assert decide_again(mine, by("los", 2)).review.attempt == 1
    assert note(mine, by("los", 2), "seen").review.events == 3


def test_a_review_is_handed_to_no_caller_that_could_not_end_it() -> None:
    """Another person of a group may take it, since persons are known there."""
    mine = claim(sent("los"), by("ana")).review
    with pytest.raises(FieldInvalid, match="is los, who sent the application") as refused:
        release(mine, by("ana", 2), "los")
    assert refused.value.problems[0].field == "hand_to"
    grouped = claim(sent("id/ana@office"), by("ben")).review
    assert release(grouped, by("ben", 2), "office").review.claimed_by == "office"


def test_a_review_goes_to_another_queue_and_gains_no_time() -> None:
    """Its place is by the queue's time, never later than it was; the queue has to be the desk's."""
    hour = timedelta(hours=1)
    queues = (ReviewQueue("law", hour), ReviewQueue("later", 99 * hour))
    desk = replace(POLICY, queues=queues)
    mine = claim(review(), by("ana")).review
    urgent = move(mine, by("ana", 2), "law", desk)
    assert (urgent.review.queue, urgent.review.state) == ("law", ReviewState.OPEN)
    assert urgent.review.due == urgent.event.at + hour
    assert (urgent.event.action, urgent.event.text) == (ReviewAction.MOVED, "law")
    assert move(mine, by("ana", 2), "later", desk).review.due == mine.due
    for name, why in (("lwa", "is lwa: the desk"), ("default", "already"), ("contest", "contest")):
        with pytest.raises(FieldInvalid, match=why):
            move(mine, by("ana", 2), name, desk)
    with pytest.raises(ReviewRefused, match="claimed by ana"):
        move(mine, by("ben", 2), "law", desk)


def test_a_dry_run_is_refused_below_the_least_amount_too() -> None:
    """Before anything is recorded the person reads the amount that the rules grant."""
    mine = claim(review(), by("ana")).review
    least = ApprovalTerms(minimum=pesos(1_000))
    with pytest.raises(FieldInvalid, match=r"grant 1000\.00 at least"):
        complete(mine, by("ana", 2), approved(1), POLICY, least, dry_run=True)


THINKING = replace(POLICY, withdraw_within=timedelta(minutes=10))


def ended_by(who: str, amount: object = 20_000, of: Review | None = None) -> Review:
    """A review that somebody has claimed and ended three minutes after noon."""
    begun = claim(of or review(), by(who)).review
    return complete(begun, by(who, 3), approved(amount), THINKING).review


def test_a_result_counts_at_once_and_is_final_when_nobody_withdrew_it() -> None:
    """What was fixed at the completion stays, however late a process looks."""
    done = ended_by("ana")
    assert (done.state, done.ended) == (ReviewState.AWAITING_RELEASE, None)
    assert (done.counted, done.final) == (by("", 3).at, by("", 13).at)
    assert done.has_effect
    assert not done.is_overdue(NOON + timedelta(days=9))
    final = steps.make_final(done, by("", 15))
    assert (final.review.state, final.review.ended) == (ReviewState.COMPLETED, by("", 13).at)
    assert (final.event.action, final.event.at) == (ReviewAction.MADE_FINAL, by("", 15).at)
    assert final.review.result == approved()


def test_without_a_time_to_think_a_result_is_final_at_once() -> None:
    """As it was before desks could name one."""
    done = complete(claim(review(), by("ana")).review, by("ana", 3), approved(), POLICY).review
    assert (done.state, done.ended, done.final) == (ReviewState.COMPLETED, by("", 3).at, None)


@pytest.mark.parametrize(
    ("who", "minutes", "is_second", "refused"),
    [
        ("ana", 12, False, None),
        ("rosa", 12, True, None),
        ("rosa", 12, False, PermissionDenied),
        ("ana", 13, False, ReviewRefused),
    ],
)
def test_a_result_is_withdrawn_by_who_gave_it_or_a_second_person_until_it_is_final(
    who: str, minutes: int, is_second: bool, refused: type[ServiceError] | None
) -> None:
    """The review is that person's again, and nothing of the result is left in it."""
    done = ended_by("ana")
    if refused is not None:
        with pytest.raises(refused) as error:
            steps.withdraw(done, by(who, minutes), "a slip", is_second=is_second)
        assert "withdraw" in error.value.message
        return
    back = steps.withdraw(done, by(who, minutes), "a slip", is_second=is_second)
    assert (back.event.action, back.event.text) == (ReviewAction.WITHDRAWN, "a slip")
    assert (back.review.state, back.review.claimed_by) == (ReviewState.CLAIMED, who)
    assert (back.review.result, back.review.completed_by) == (None, "")
    assert (back.review.counted, back.review.final) == (None, None)


def test_who_withdrew_a_result_needs_a_second_person_for_the_next_one() -> None:
    """Otherwise ten minutes of trying would find the amount that nobody looks at."""
    back = steps.withdraw(ended_by("ana"), by("ana", 4), "a slip", is_second=False).review
    again = complete(back, by("ana", 5), approved(), THINKING).review
    assert again.state is ReviewState.AWAITING_SECOND
    assert again.second_reasons == ("WITHDRAWN_BEFORE",)
    other = release(back, by("ana", 5)).review
    free = complete(claim(other, by("rosa", 6)).review, by("rosa", 7), approved(), THINKING)
    assert free.review.state is ReviewState.AWAITING_RELEASE


def test_a_withdrawal_ends_the_second_persons_confirmation() -> None:
    """Both are named as those whose result it was."""
    proposed = ended_by("ana", 30_000)
    done = confirm(proposed, by("rosa", 4), THINKING, words="seen").review
    assert (done.state, done.confirmed_by) == (ReviewState.AWAITING_RELEASE, "rosa")
    back = steps.withdraw(done, by("rosa", 5), "a slip", is_second=True).review
    assert (back.confirmed_by, back.withdrawn_of) == ("", ("ana", "rosa"))


def test_a_proposal_is_withdrawn_by_its_maker() -> None:
    """However long it waits: nothing rests on it."""
    proposed = ended_by("ana", 30_000)
    back = steps.withdraw(proposed, by("ana", 900), "a slip", is_second=False).review
    assert (back.state, back.result) == (ReviewState.CLAIMED, None)


def test_what_is_final_names_what_can_be_done_instead() -> None:
    """A review that the applicant, or the lender for him, asks for."""
    done = steps.make_final(ended_by("ana"), by("", 15)).review
    with pytest.raises(ReviewRefused, match="request a review of dec_01KAVQJ5000000000000000000"):
        steps.withdraw(done, by("ana", 16), "a slip", is_second=True)


def test_held_and_late_reviews_are_taken_over_and_others_are_left() -> None:
    """Its holder reads who did and why; a fresh claim of half an hour ends by itself."""
    fresh = claim(review(), by("ana")).review
    with pytest.raises(ReviewRefused, match="is claimed by ana until"):
        steps.take_over(fresh, by("rosa", 2), "away")
    held = claim(review(), by("ana"), NOON + timedelta(hours=5)).review
    taken = steps.take_over(held, by("rosa", 2), "ana is ill")
    assert (taken.review.claimed_by, taken.review.held) == ("rosa", False)
    assert (taken.event.action, taken.event.who) == (ReviewAction.TAKEN_OVER, "rosa")
    assert taken.event.text == "ana is ill"
    late = replace(fresh, due=NOON)
    assert steps.take_over(late, by("rosa", 2), "late").review.claimed_by == "rosa"
    with pytest.raises(ReviewRefused, match="claimed by you already"):
        steps.take_over(held, by("ana", 2), "mine")


def test_a_result_that_an_erasure_overtakes_is_no_result() -> None:
    """The person is gone: no letter and no event is to come of it."""
    gone = erased(ended_by("ana"), by("", 4)).review
    assert (gone.state, gone.result, gone.final) == (ReviewState.ENDED, None, None)
