"""People with ID tokens of an identity provider, at a service with its callers file."""

import asyncio
from pathlib import Path

import grpc
from google.type.money_pb2 import Money

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.api.v1.review_service_pb2_grpc import ReviewServiceStub
from decision_service.runtime.clock import SystemClock
from decision_service.standin.sandbox import sandbox_people
from tests.e2e.service import create, refused, running
from tests.e2e.team import Team, bearer
from tests.e2e.test_json import LIST, post
from tests.kits.issuer import Issuer
from tests.kits.until import until

RYAN, ANISHA = sandbox_people()[1].user_id, sandbox_people()[3].user_id
MARIA, JUAN = "248289761001", "b7c1"
ALL = service_pb.ListDecisionsRequest()


async def test_who_signs_in_calls_over_grpc_and_json_through_a_rotation(tmp_path: Path) -> None:
    """A service fetches the keys as it starts; no call by a new key is refused; strangers are."""
    async with Issuer(SystemClock().now).serving() as issuer:
        team = Team(tmp_path, issuer.line)
        team.hire("maria", "decide", subjects=[MARIA])
        team.hire("juan", "read", subjects=[JUAN])
        async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
            await until(lambda: len(issuer.asked) == 2)
            made = live.stub.CreateDecision(create(RYAN), metadata=bearer(issuer.token(MARIA)))
            decision_id = (await made).decision.decision_id
            issuer.rotate()
            token = issuer.token(JUAN)
            grpc_list, json_list = await asyncio.gather(
                live.stub.ListDecisions(ALL, metadata=bearer(token)),
                post(live, LIST, {}, authorization=f"Bearer {token}"),
            )
            assert [one.decision_id for one in grpc_list.decisions] == [decision_id]
            assert [one["decisionId"] for one in json_list.content["decisions"]] == [decision_id]
            assert len(issuer.asked) == 4
            stranger = live.stub.ListDecisions(ALL, metadata=bearer(issuer.token("1")))
            assert (await refused(stranger)).code is grpc.StatusCode.UNAUTHENTICATED


async def test_another_person_of_a_caller_ends_the_review_of_what_one_sent(tmp_path: Path) -> None:
    """Who sent it may not, by no token; nor may the caller's own token, which names no person."""
    async with Issuer(SystemClock().now).serving() as issuer:
        team = Team(tmp_path, issuer.line)
        roles = ("decide", "review", "review_second", "read")
        desk = team.hire("desk", *roles, subjects=[MARIA, JUAN])
        async with running(tmp_path, auth_tokens_file=str(team.path)) as live:
            await until(lambda: len(issuer.asked) == 2)
            maria, juan = bearer(issuer.token(MARIA)), bearer(issuer.token(JUAN))
            amount = Money(currency_code="PHP", units=30_000)
            request = create(ANISHA, requested_amount=amount, requested_term_months=6)
            made = (await live.stub.CreateDecision(request, metadata=maria)).decision
            review_id = made.decision_id.replace("dec_", "rev_") + "-1"
            reviews = ReviewServiceStub(live.channel)
            claim = review_pb.ClaimReviewRequest(review_id=review_id)
            claimed = (await reviews.ClaimReview(claim, metadata=maria)).review
            assert claimed.own_application
            end = review_pb.CompleteReviewRequest(
                review_id=review_id,
                request_id="r-1",
                outcome=decision_pb2.OUTCOME_APPROVE,
                approved_amount=Money(currency_code="PHP", units=10_000),
                reason="INCOME_CONFIRMED",
                explanation="The employer confirms the income by telephone.",
            )
            renewed = bearer(issuer.token(MARIA, "RS256"))
            for who, words in (
                (renewed, f"you sent the application of {review_id}: another person"),
                (desk, f"desk sent the application of {review_id}: another caller"),
            ):
                said = await refused(reviews.CompleteReview(end, metadata=who))
                assert said.code is grpc.StatusCode.PERMISSION_DENIED
                assert words in said.message
            ended = (await reviews.CompleteReview(end, metadata=juan)).review
            assert ended.state == decision_pb2.REVIEW_STATE_COMPLETED
            assert not ended.own_application
