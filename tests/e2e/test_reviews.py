"""What becomes of referred and contested decisions, over gRPC on both stores, and by commands."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.api.v1.decision_service_pb2 import ListDecisionsRequest
from decision_service.api.v1.values_pb2 import InputValue
from decision_service.cli.client import ServerOptions
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import ROOT, create, own_rules, refusal, refused
from tests.e2e.team import Metadata
from tests.e2e.test_process import MovedClock
from tests.journeys.kit import office
from tests.kits.cases import until
from tests.kits.postgres import Postgres

SHIPPED = str(ROOT / "rules")
OFFERED = MoneyMessage(currency_code="PHP", units=10_000)
"""Not above what the rules offer Anisha, so that one person ends it."""

GEORGE, CHRISTINA, _, ANISHA = (person.user_id for person in sandbox_people())


@pytest.fixture
def store_url(postgres: Postgres) -> str:
    return postgres.migrated()


async def test_a_small_amount_has_the_law_of_small_amounts(tmp_path: Path, store_url: str) -> None:
    """Up to 10,000 over four months has a legal price, and more than that has none."""
    async with office(tmp_path, store_url) as at:
        seen = []
        for approved in (9_000, 10_500):
            made = await at.decided(ANISHA, 15_000, 4, other_charges=InputValue(number="0.08"))
            listed = await at.stub.ListReviews(pb.ListReviewsRequest(), metadata=at.ana)
            [review] = [r.review_id for r in listed.reviews if r.decision_id == made.decision_id]
            await at.claimed(review, at.ana)
            amount = MoneyMessage(currency_code="PHP", units=approved)
            ended = await at.complete(review, at.ana, approved_amount=amount)
            state = decision_pb2.ReviewState.Name(ended.state).removeprefix("REVIEW_STATE_")
            seen.append((state, [*ended.failed_checks]))
        assert seen == [("AWAITING_SECOND", ["RATE_CAP"]), ("COMPLETED", [])]


async def test_what_persons_approve_takes_from_the_day(tmp_path: Path) -> None:
    """A person's approval leaves the rules less, and a full day refuses both until midnight."""
    rules = own_rules(tmp_path)
    plan = rules / "personal-loan-ph" / "rollout.yaml"
    plan.write_text(plan.read_text() + "caps:\n  - {name: all, amount_per_day: 22000}\n")
    store = f"sqlite:///{tmp_path}/decisions.db"
    async with office(tmp_path, store, rules_dir=str(rules)) as at:
        first = await at.decided(ANISHA, 30_000)
        review_id = first.decision_id.replace("dec_", "rev_") + "-1"
        await at.claimed(review_id, at.ana)
        # above what the rules offered
        proposed = await at.complete(review_id, at.ana)
        assert [*proposed.second_reasons] == ["ABOVE_OFFER"]
        confirm = pb.ConfirmReviewRequest(review_id=review_id, request_id="c-1")
        await at.stub.ConfirmReview(confirm, metadata=at.ben)
        second = await at.decided(GEORGE)
        assert (second.override.kind, second.override.cap) == ("CAPPED", "all")
        review_id = second.decision_id.replace("dec_", "rev_") + "-1"
        await at.claimed(review_id, at.ana)
        told = await refused(at.complete(review_id, at.ana))
        assert (told.code, told.info.reason) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "REVIEW_REFUSED",
        )
        assert told.info.metadata["cap"] == "all"
        assert "PHP 22,000, of which PHP 7,000 is left: approve less, or end" in told.message
        less = MoneyMessage(currency_code="PHP", units=7_000)
        ended = await at.complete(review_id, at.ana, approved_amount=less)
        assert ended.state == decision_pb2.REVIEW_STATE_AWAITING_RELEASE


async def test_a_slip_is_undone_before_anything_left_the_house(
    tmp_path: Path, store_url: str
) -> None:
    """Until a result is final nothing is paid out on it and no letter is made; who gave it takes it
    back, once for each request; and the same person's next result needs a second person."""
    async with office(tmp_path, store_url, rules_dir=SHIPPED) as at:
        made = await at.decided(ANISHA, 30_000)
        review_id = made.decision_id.replace("dec_", "rev_") + "-1"
        await at.claimed(review_id, at.ana)
        slip = MoneyMessage(currency_code="PHP", units=5_000)
        given = await at.complete(review_id, at.ana, approved_amount=slip)
        assert given.state == decision_pb2.REVIEW_STATE_AWAITING_RELEASE
        seen = pb.GetReviewRequest(review_id=review_id)
        last = (await at.stub.GetReview(seen, metadata=at.ana)).review.events[-1]
        waits = given.final_time.ToDatetime() - last.event_time.ToDatetime()
        assert waits == timedelta(minutes=10)
        read = await at.read(made.decision_id)
        assert read.review.state == decision_pb2.REVIEW_STATE_AWAITING_RELEASE
        assert read.review.final_time == given.final_time
        assert read.review.outcome == decision_pb2.OUTCOME_REFER
        assert read.outcome_in_force == decision_pb2.OUTCOME_REFER
        with pytest.raises(grpc.RpcError) as error:
            await at.booked(made, 5_000, 0)
        assert refusal(error.value).info.reason == "RESULT_NOT_FINAL"
        with pytest.raises(grpc.RpcError) as error:
            await at.letter(made.decision_id)
        assert refusal(error.value).info.reason == "NOTICE_NOT_DUE"

        undo = pb.WithdrawReviewRequest(review_id=review_id, request_id="w-1", text="A slip.")
        for _ in range(2):
            mine = (await at.stub.WithdrawReview(undo, metadata=at.ana)).review
            assert (mine.state, mine.claimed_by) == (decision_pb2.REVIEW_STATE_CLAIMED, "ana")
        again = await at.complete(review_id, at.ana, approved_amount=OFFERED, request_id="r-2")
        assert again.state == decision_pb2.REVIEW_STATE_AWAITING_SECOND
        assert [*again.second_reasons] == ["WITHDRAWN_BEFORE"]
        await at.confirm(review_id, at.ben)
        done = (await at.stub.GetReview(seen, metadata=at.ana)).review
        actions = [one.action for one in done.events]
        assert actions == [
            *("OPENED", "CLAIMED", "COMPLETED", "WITHDRAWN", "PROPOSED", "CONFIRMED"),
        ]


async def test_a_result_is_final_when_its_time_ends(tmp_path: Path, store_url: str) -> None:
    """Then it counts, is paid out on, and cannot be withdrawn; the second of two approvals of one
    person within that time sees the first."""
    clock = MovedClock()
    async with office(tmp_path, store_url, rules_dir=SHIPPED, clock=clock) as at:
        made = await at.decided(ANISHA, 30_000)
        other = await at.decided(ANISHA, 30_000)
        review_id = made.decision_id.replace("dec_", "rev_") + "-1"
        other_id = other.decision_id.replace("dec_", "rev_") + "-1"
        await at.claimed(review_id, at.ana)
        await at.complete(review_id, at.ana, approved_amount=OFFERED)
        await at.claimed(other_id, at.ben)
        told = await refused(at.complete(other_id, at.ben, approved_amount=OFFERED))
        assert (told.info.reason, told.info.metadata["granted_by"]) == (
            "REVIEW_REFUSED",
            made.decision_id,
        )
        clock.ahead = timedelta(minutes=11)

        async def final() -> bool:
            read = await at.read(made.decision_id)
            return read.outcome_in_force == decision_pb2.OUTCOME_APPROVE

        await until(final)
        read = await at.read(made.decision_id)
        assert read.outcome == decision_pb2.OUTCOME_REFER
        assert read.approved_amount_in_force == OFFERED
        # A list is searched by what counts: by the rules both were referred.
        approved = decision_pb2.OUTCOME_APPROVE
        more = MoneyMessage(currency_code="PHP", units=OFFERED.units + 1)
        dollars = MoneyMessage(currency_code="USD", units=1)
        for asked, found in (
            ({"outcome_in_force": approved}, [made.decision_id]),
            ({"outcome_in_force": decision_pb2.OUTCOME_REFER}, [other.decision_id]),
            ({"approved_amount_from": OFFERED, "approved_amount_to": OFFERED}, [made.decision_id]),
            ({"approved_amount_from": more}, []),
            ({"approved_amount_from": dollars}, []),
        ):
            request = ListDecisionsRequest(**asked)
            listed = await at.decisions.ListDecisions(request, metadata=at.los)
            assert [one.decision_id for one in listed.decisions] == found
        await at.booked(made, OFFERED.units, 0)
        undo = pb.WithdrawReviewRequest(review_id=review_id, request_id="w-1", text="A slip.")
        told = await refused(at.stub.WithdrawReview(undo, metadata=at.ana))
        assert told.info.reason == "REVIEW_REFUSED"
        assert "nothing can be withdrawn" in told.message


async def test_a_case_that_is_held_is_taken_over(tmp_path: Path, store_url: str) -> None:
    """By who confirms results; its holder sees who has it, and why."""
    async with office(tmp_path, store_url) as at:
        made = await at.decided(ANISHA, 30_000)
        review_id = made.decision_id.replace("dec_", "rev_") + "-1"
        held = pb.ClaimReviewRequest(review_id=review_id)
        held.hold_until_time.FromDatetime(made.create_time.ToDatetime() + timedelta(hours=9))
        await at.stub.ClaimReview(held, metadata=at.ana)
        take = pb.TakeOverReviewRequest(review_id=review_id, text="Ana is on leave.")
        told = await refused(at.stub.TakeOverReview(take, metadata=at.los))
        assert told.code is grpc.StatusCode.PERMISSION_DENIED
        taken = (await at.stub.TakeOverReview(take, metadata=at.ben)).review
        assert taken.claimed_by == "ben"
        told = await refused(at.complete(review_id, at.ana))
        assert told.info.metadata["claimed_by"] == "ben"
        seen = await at.stub.GetReview(pb.GetReviewRequest(review_id=review_id), metadata=at.ana)
        last = seen.review.events[-1]
        assert (last.action, last.who, last.text) == ("TAKEN_OVER", "ben", "Ana is on leave.")


async def test_what_reviewers_may_not_do_is_told(tmp_path: Path) -> None:
    """Each with a code, a reason, and what to do; nothing of it changes the review."""
    async with office(tmp_path, f"sqlite:///{tmp_path}/decisions.db") as at:
        made = await at.decided(ANISHA, 200_000)
        review_id = made.decision_id.replace("dec_", "rev_") + "-1"
        denied, failed = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        told = await refused(at.complete(review_id, at.ana))
        assert (told.code, told.info.reason) == (failed, "REVIEW_REFUSED")
        await at.claimed(review_id, at.ana)
        for call in (at.claimed(review_id, at.ben), at.complete(review_id, at.ben)):
            told = await refused(call)
            assert (told.code, told.info.metadata["claimed_by"]) == (failed, "ana")
        above = MoneyMessage(currency_code="PHP", units=100_001)
        told = await refused(at.complete(review_id, at.ana, approved_amount=above))
        assert (told.code, told.info.reason) == (denied, "AUTHORITY_EXCEEDED")
        assert told.info.metadata["limit"] == "PHP 100000"
        told = await refused(at.complete(review_id, at.ana, reason="BECAUSE"))
        assert (told.code, list(told.fields)) == (invalid, ["reason"])
        note = pb.AddReviewNoteRequest(review_id=review_id, text="x" * 10_000)
        told = await refused(at.stub.AddReviewNote(note, metadata=at.ana))
        assert (told.code, list(told.fields)) == (invalid, ["text"])
        assert "x" * 50 not in told.message
        told = await refused(at.claimed("rev_01KAVQJ5000000000000000000-1", at.ana))
        assert (told.code, told.info.reason) == (grpc.StatusCode.NOT_FOUND, "REVIEW_UNKNOWN")
        told = await refused(at.claimed(review_id, at.los))
        assert told.code == denied
        limit = MoneyMessage(currency_code="PHP", units=100_000)
        await at.complete(review_id, at.ana, approved_amount=limit)
        confirm = pb.ConfirmReviewRequest(review_id=review_id, request_id="c-1")
        told = await refused(at.stub.ConfirmReview(confirm, metadata=at.ana))
        assert told.code == denied
        empty = await refused(at.stub.CompleteReview(pb.CompleteReviewRequest(), metadata=at.ana))
        named = {"review_id", "request_id", "outcome", "reason", "explanation"}
        assert set(empty.fields) == named


async def test_who_sent_an_application_ends_no_review_of_its_chain(
    tmp_path: Path, store_url: str
) -> None:
    """Neither at first nor after deciding again; another caller ends it, who asked for that.

    The sender is offered none of it, reads why, and confirms nothing that another proposed.
    """
    async with office(tmp_path, store_url) as at:
        amount = MoneyMessage(currency_code="PHP", units=30_000)
        request = create(ANISHA, requested_amount=amount, requested_term_months=6)
        made = (await at.decisions.CreateDecision(request, metadata=at.counter)).decision
        review_id = made.decision_id.replace("dec_", "rev_") + "-1"

        async def barred(call: Any) -> None:
            told = await refused(call)
            assert (told.code, told.info.reason) == (
                grpc.StatusCode.PERMISSION_DENIED,
                "PERMISSION_DENIED",
            )
            assert f"counter sent the application of {review_id}: another caller" in told.message

        nothing = await at.stub.ClaimNextReview(pb.ClaimNextReviewRequest(), metadata=at.counter)
        assert not nothing.HasField("review")
        assert (await at.claimed(review_id, at.counter)).own_application
        await barred(at.complete(review_id, at.counter))
        await barred(at.complete(review_id, at.counter, dry_run=True))
        again = pb.DecideAgainRequest(review_id=review_id)
        await at.stub.DecideAgain(again, metadata=at.counter)
        read = pb.GetReviewRequest(review_id=review_id)

        async def decided_again() -> str:
            reply = await at.stub.GetReview(read, metadata=at.ana)
            return reply.review.decided_again_as

        review_id = (await until(decided_again)).replace("dec_", "rev_") + "-1"
        assert (await at.claimed(review_id, at.counter)).own_application
        await barred(at.complete(review_id, at.counter))
        await at.stub.ReleaseReview(
            pb.ReleaseReviewRequest(review_id=review_id), metadata=at.counter
        )
        assert not (await at.claimed(review_id, at.ana)).own_application
        slip = MoneyMessage(currency_code="PHP", units=1)
        told = await refused(at.complete(review_id, at.ana, approved_amount=slip))
        assert (list(told.fields), told.info.reason) == (["approved_amount"], "FIELD_INVALID")
        assert "the rules grant 1000.00 at least" in told.message
        above = MoneyMessage(currency_code="PHP", units=25_000)
        proposed = await at.complete(review_id, at.ana, approved_amount=above)
        assert "ABOVE_AUTHORITY" in proposed.second_reasons
        confirm = pb.ConfirmReviewRequest(review_id=review_id, request_id="c-1")
        await barred(at.stub.ConfirmReview(confirm, metadata=at.counter))
        done = (await at.stub.ConfirmReview(confirm, metadata=at.ben)).review
        assert (done.completed_by, done.confirmed_by) == ("ana", "ben")


async def test_the_next_review_is_tried_held_handed_over_and_skipped(
    tmp_path: Path, store_url: str
) -> None:
    """Nothing but steps that were taken is recorded, and what cannot be is refused in words."""
    async with office(tmp_path, store_url) as at:
        made = await at.decided(ANISHA, 30_000)

        async def next_of(who: Metadata, **chosen: str) -> pb.ClaimNextReviewResponse:
            reply: pb.ClaimNextReviewResponse = await at.stub.ClaimNextReview(
                pb.ClaimNextReviewRequest(**chosen), metadata=who
            )
            return reply

        assert not (await next_of(at.ana, queue="law")).HasField("review")
        review = (await next_of(at.ana)).review
        assert (review.decision_id, review.claimed_by) == (made.decision_id, "ana")
        review_id = review.review_id
        assert not (await next_of(at.ben)).HasField("review")
        amount = MoneyMessage(currency_code="PHP", units=25_000)
        bare = {"request_id": "", "reason": "", "explanation": "", "dry_run": True}
        tried = await at.complete(review_id, at.ana, approved_amount=amount, **bare)
        assert tried.state == decision_pb2.REVIEW_STATE_AWAITING_SECOND
        assert (tried.term_months, tried.instalment.units) == (6, 4_925)
        seen = await at.stub.GetReview(pb.GetReviewRequest(review_id=review_id), metadata=at.ana)
        assert [event.action for event in seen.review.events] == ["OPENED", "CLAIMED"]
        claim = pb.ClaimReviewRequest(review_id=review_id)
        claim.hold_until_time.FromDatetime(review.open_time.ToDatetime() + timedelta(hours=73))
        told = await refused(at.stub.ClaimReview(claim, metadata=at.ana))
        assert list(told.fields) == ["hold_until_time"]
        claim.hold_until_time.FromDatetime(review.open_time.ToDatetime() + timedelta(hours=71))
        held = (await at.stub.ClaimReview(claim, metadata=at.ana)).review
        assert held.claim_end_time == claim.hold_until_time
        for name, why in {
            "los": "is los, which is no caller with the role review or review_second: name one",
            "ana": "is ana, who has the review: name another caller",
        }.items():
            over = pb.ReleaseReviewRequest(review_id=review_id, hand_to=name)
            told = await refused(at.stub.ReleaseReview(over, metadata=at.ana))
            assert (list(told.fields), told.message) == (["hand_to"], f"hand_to {why}")
        over.hand_to = "ben"
        handed = (await at.stub.ReleaseReview(over, metadata=at.ana)).review
        assert (handed.claimed_by, (await next_of(at.ben)).review.review_id) == ("ben", review_id)
        skip = pb.SkipReviewRequest(review_id=review_id, text="x" * 501)
        told = await refused(at.stub.SkipReview(skip, metadata=at.ben))
        assert list(told.fields) == ["text"]
        skip.text = "I know the family."
        assert (await at.stub.SkipReview(skip, metadata=at.ben)).review.skipped_by == ["ben"]
        assert not (await next_of(at.ben)).HasField("review")
        assert (await refused(next_of(at.los))).code == grpc.StatusCode.PERMISSION_DENIED


async def test_a_desk_is_read_with_what_waits_in_it(tmp_path: Path) -> None:
    """As its file has it, the queues of the service last; and all desks, or the one asked for."""
    async with office(tmp_path, f"sqlite:///{tmp_path}/decisions.db") as at:
        review_id = (await at.decided(ANISHA, 30_000)).decision_id.replace("dec_", "rev_") + "-1"
        review = await at.claimed(review_id, at.ana)

        async def desks(product: str = "") -> list[pb.Desk]:
            request = pb.GetDeskRequest(product=product)
            return [*(await at.stub.GetDesk(request, metadata=at.ben)).desks]

        every = await desks()
        assert [desk.product for desk in every] == ["gig-advance-ph", "personal-loan-ph"]
        assert [every[1]] == await desks("personal-loan-ph")
        (desk,) = every[1:]
        hours = {
            one.queue: one.due_within.ToTimedelta() / timedelta(hours=1) for one in desk.queues
        }
        named = {"law": 4, "identity": 8, "large": 4, "data": 24, "judgement": 8}
        assert [*hours.items()] == [*named.items(), ("default", 24), ("contest", 72)]
        waiting = {one.queue: one.unfinished for one in desk.queues}
        assert waiting == dict.fromkeys(hours, 0) | {review.queue: 1}
        oldest = [one.oldest_open_time for one in desk.queues if one.unfinished]
        assert (oldest, sum(one.overdue for one in desk.queues)) == ([review.open_time], 0)
        assert (desk.authority.units, desk.authority_second.units) == (20_000, 100_000)
        told = [(one.code, one.may_be_told) for one in desk.reasons]
        assert told[0] == ("INCOME_CONFIRMED", True)
        assert (await refused(desks("car-loan"))).info.reason == "PRODUCT_UNKNOWN"


async def test_many_steps_are_read_page_by_page(tmp_path: Path) -> None:
    """Fifty on a page and a hundred at most; `reviews show` and the chain read all of them."""
    async with office(tmp_path, f"sqlite:///{tmp_path}/decisions.db") as at:
        made = await at.decided(ANISHA)
        (review_id,) = (await at.read(made.decision_id)).review.review_ids
        note = pb.AddReviewNoteRequest(review_id=review_id, text="seen")
        for _ in range(3):  # no more at once than there are places for reads
            noted = (at.stub.AddReviewNote(note, metadata=at.ana) for _ in range(35))
            await asyncio.gather(*noted)
        pages, request = list[int](), pb.GetReviewRequest(review_id=review_id)
        while not pages or request.page_token:
            reply = await at.stub.GetReview(request, metadata=at.ana)
            pages.append(len(reply.review.events))
            request.page_token = reply.next_page_token
        assert pages == [50, 50, 6]
        largest = pb.GetReviewRequest(review_id=review_id, page_size=500)
        reply = await at.stub.GetReview(largest, metadata=at.ana)
        assert (len(reply.review.events), bool(reply.next_page_token)) == (100, True)
        wrong = pb.GetReviewRequest(review_id="rev_1", page_size=-1)
        refusal = await refused(at.stub.GetReview(wrong, metadata=at.ana))
        assert set(refusal.fields) == {"review_id", "page_size"}
        (tmp_path / "ana").write_text(str(at.ana[0][1]).removeprefix("Bearer "))
        server = ServerOptions(at.live.service.address, token_file=tmp_path / "ana")
        shown = await asyncio.to_thread(_read_whole, server, review_id)
        assert [event.position for event in shown.events] == [*range(1, 107)]


def _read_whole(server: ServerOptions, review_id: str) -> pb.Review:
    with server.connect() as connection:
        return connection.read_review(review_id)
