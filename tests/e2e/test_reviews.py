"""What reviewers may not do, and what an erasure does to a review, over gRPC."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from google.type.money_pb2 import Money as MoneyMessage

from decision_service.api.v1 import applicant_service_pb2 as applicant_pb
from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.api.v1.applicant_service_pb2_grpc import ApplicantServiceStub
from decision_service.simulator.people.sandbox.people import sandbox_people
from tests.e2e.lender import Office
from tests.e2e.service import ROOT, at_vendor, refused
from tests.e2e.team import Metadata, Team

ANISHA = sandbox_people()[3].user_id


def completion(review_id: str, **changes: Any) -> pb.CompleteReviewRequest:
    """A person's result."""
    fields: dict[str, Any] = {
        "review_id": review_id,
        "request_id": f"r-{review_id}",
        "outcome": decision_pb2.OUTCOME_APPROVE,
        "approved_amount": MoneyMessage(currency_code="PHP", units=15_000),
        "reason": "INCOME_CONFIRMED",
        "explanation": "The employer confirms the income by telephone.",
    }
    return pb.CompleteReviewRequest(**(fields | changes))


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    """A service with its people."""
    people = Team(folder)
    los = people.hire("los", "decide", "outcomes", "onboard_all")
    ana = people.hire("ana", "review", "read")
    ben = people.hire("ben", "review_second", "review", "read")
    settings = {"rules_dir": str(ROOT / "rules"), "auth_tokens_file": str(people.path)}
    async with at_vendor(folder, **settings) as (live, vendor):
        yield Office(live, vendor, los, ana, ben)


async def complete(at: Office, review_id: str, who: Metadata, **changes: Any) -> pb.Review:
    """A completed review, an approval of 15,000 unless another result is given."""
    request = completion(review_id, **changes)
    completed: pb.Review = (await at.stub.CompleteReview(request, metadata=who)).review
    return completed


async def test_what_reviewers_may_not_do_is_told(tmp_path: Path) -> None:
    """Each with a code, a reason, and what to do; nothing of it changes the review."""
    async with office(tmp_path) as at:
        made = await at.decided(ANISHA, 200_000)
        review_id = made.decision_id.replace("dec_", "rev_") + "-1"
        denied, failed = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        told = await refused(complete(at, review_id, at.ana))
        assert (told.code, told.info.reason) == (failed, "REVIEW_REFUSED")
        await at.claimed(review_id, at.ana)
        for call in (at.claimed(review_id, at.ben), complete(at, review_id, at.ben)):
            told = await refused(call)
            assert (told.code, told.info.metadata["claimed_by"]) == (failed, "ana")
        above = MoneyMessage(currency_code="PHP", units=100_001)
        told = await refused(complete(at, review_id, at.ana, approved_amount=above))
        assert (told.code, told.info.reason) == (denied, "AUTHORITY_EXCEEDED")
        assert told.info.metadata["limit"] == "PHP 100000"
        told = await refused(complete(at, review_id, at.ana, reason="BECAUSE"))
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
        await complete(at, review_id, at.ana, approved_amount=limit)
        confirm = pb.ConfirmReviewRequest(review_id=review_id, request_id="c-1")
        told = await refused(at.stub.ConfirmReview(confirm, metadata=at.ana))
        assert told.code == denied
        empty = await refused(at.stub.CompleteReview(pb.CompleteReviewRequest(), metadata=at.ana))
        named = {"review_id", "request_id", "outcome", "reason", "explanation"}
        assert set(empty.fields) == named


async def test_an_erasure_ends_the_review(tmp_path: Path) -> None:
    """Which says why, and can be claimed by nobody."""
    async with office(tmp_path) as at:
        made = await at.decided(ANISHA)
        erase = applicant_pb.EraseApplicantRequest(user_id=ANISHA)
        await ApplicantServiceStub(at.live.channel).EraseApplicant(erase, metadata=at.los)
        review_id = (await at.read(made.decision_id)).review.review_ids[0]
        request = pb.GetReviewRequest(review_id=review_id)
        ended = (await at.stub.GetReview(request, metadata=at.ana)).review
        assert ended.end_reason == "ERASED"
        assert [one.action for one in ended.events] == ["OPENED", "ERASED"]
        told = await refused(at.claimed(review_id, at.ana))
        assert told.info.metadata["state"] == "ENDED"
