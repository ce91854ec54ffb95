"""The pages of reviewers: queues, one case with its steps, and what a second person confirms."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import starmap
from typing import Any
from urllib.parse import urlencode

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from starlette.responses import Response
from starlette.routing import Route

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import outcome_service_pb2 as loans_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.cli.fields import money_message
from decision_service.cli.output import CommandError
from decision_service.cli.views import money_text, value_text
from decision_service.console.service import Refused
from decision_service.console.web import Handler, Pages, Visit, sentence
from decision_service.domain.accounts import Kind
from decision_service.factors.registry import catalogue
from decision_service.runtime.clock import SystemClock

HOLDS = {"1 hour": 60, "until tomorrow, this time": 24 * 60, "3 days": 72 * 60 - 5}
"""For how many minutes a case may be held; five fewer than the most, since clocks differ."""

EARLIER = 10
SECOND = 20
_STEPS_OF_A_PAGE = 100


@dataclass(slots=True)
class Past:
    """Another decision of the same person, with what counts of it now and the loans on it.

    `is_since` says of an approval that it was made after the decision of the case.
    """

    decision_id: str
    at: Timestamp
    outcome: str
    amount: Money | None
    by_person: bool
    is_since: bool
    loans: list[loans_pb.LoanOutcome] | None


def routes(pages: Pages) -> list[Route]:
    steps = (
        pages.route(f"/reviews/{{id}}/{name}", _step(name, method, said), "POST", weighty=weighty)
        for name, (method, said, weighty) in STEPS.items()
    )
    return [
        pages.route("/reviews", _queue),
        pages.route("/reviews/next", _next, "POST"),
        pages.route("/reviews/{id}", _case),
        pages.route("/reviews/{id}/price", _price),
        pages.route("/reviews/{id}/price", lambda visit: _case(visit, "approve"), "POST"),
        pages.route("/reviews/{id}/claim", _claim, "POST"),
        *steps,
        pages.route("/second", _second),
    ]


def _queue(visit: Visit) -> Response:
    names = ("product", "queue", "kind", "state", "tag", "overdue")
    asked = {name: visit.query.get(name, "") for name in names}
    known = {"kind": pb.ReferKind.keys(), "state": pb.ReviewState.keys()}
    chosen: dict[str, Any] = {
        name: value for name, value in asked.items() if value in known.get(name, [value])
    }
    chosen |= {"overdue": bool(asked["overdue"]), "unfinished": not chosen.get("state")}
    chosen = {name: value for name, value in chosen.items() if value}
    token = visit.query.get("page", "")
    listed = visit.service.call("ReviewService.ListReviews", page_token=token, **chosen)
    token = listed.next_page_token
    desks = visit.service.call("ReviewService.GetDesk").desks
    claimed = _in_state(visit, "CLAIMED", 500)
    return visit.page(
        "reviews.html",
        asked=asked,
        desks=desks,
        queues=sorted({queue.queue for desk in desks for queue in desk.queues}),
        mine=[one for one in claimed if one.claimed_by == visit.session.name],
        reviews=listed.reviews,
        more=f"/reviews?{urlencode(asked | {'page': token})}" if token else "",
        kinds=pb.ReferKind.keys()[1:],
        states=pb.ReviewState.keys()[1:],
    )


def _in_state(visit: Visit, state: str, most: int) -> Sequence[review_pb.Review]:
    chosen: dict[str, Any] = {"state": f"REVIEW_STATE_{state}", "page_size": most}
    found: review_pb.ListReviewsResponse
    found = visit.service.call("ReviewService.ListReviews", **chosen)
    return found.reviews


def _read(visit: Visit, review_id: str) -> tuple[review_pb.Review, list[review_pb.ReviewEvent]]:
    """A review with all of its steps."""
    replies = visit.service.pages(
        "ReviewService.GetReview", 3, review_id=review_id, page_size=_STEPS_OF_A_PAGE
    )
    reviews = [reply.review for reply in replies]
    return reviews[0], [event for review in reviews for event in review.events]


def _next(visit: Visit) -> Response:
    """Claim the most urgent case within the filter, and open it."""
    chosen: dict[str, Any] = {name: visit.text(name) for name in ("product", "queue")}
    claimed = visit.service.call("ReviewService.ClaimNextReview", **chosen)
    if claimed.HasField("review"):
        return visit.go(f"/reviews/{claimed.review.review_id}")
    return visit.go(f"/reviews?{urlencode(chosen | {'none': 'yes'})}")


def _case(visit: Visit, tried: str = "", refused: Refused | None = None) -> Response:
    """The page of a case; `tried` is the step whose form was sent, with what was typed in it."""
    service = visit.service
    review, events = _read(visit, visit.path["id"])
    found = service.find(
        "DecisionService.GetDecision",
        decision_id=review.decision_id,
        view="DECISION_VIEW_FULL",
        without_recourse=review.HasField("end_time"),
    )
    decision = None if found is None else found.decision
    desk = service.find("ReviewService.GetDesk", product=review.product)
    is_mine = review.state == pb.REVIEW_STATE_CLAIMED and review.claimed_by == visit.session.name
    is_priced = is_mine and not (refused and tried == "approve")
    amount = visit.text("amount") or _plain(_prefilled(review, decision))
    currency = review.requested_amount.currency_code
    return visit.page(
        "review.html",
        200 if refused is None else 400 if refused.fields else 409,
        review=review,
        events=events,
        decision=decision,
        desk=desk.desks[0] if desk is not None and desk.desks else review_pb.Desk(),
        is_mine=is_mine,
        is_for_second=_is_for_second(review, visit),
        tried=tried,
        refused=refused,
        refused_words="" if refused is None else sentence(refused),
        typed=visit.form,
        amount=amount,
        price=_tried(visit, amount, currency) if is_priced else None,
        decline=_dry_run(visit, outcome="OUTCOME_DECLINE") if is_mine else None,
        past=[] if decision is None else list(_past(visit, decision)),
        would_change=[] if decision is None else remedies(decision),
        meaning=meaning,
        sources={} if decision is None else sources(decision),
        request_id=secrets.token_urlsafe(16),
        holds=HOLDS,
        kinds=list(Kind),
    )


def _is_for_second(review: review_pb.Review, visit: Visit) -> bool:
    return (
        review.state == pb.REVIEW_STATE_AWAITING_SECOND
        and review.completed_by != visit.session.name
        and visit.session.may("review_second")
    )


def _prefilled(review: review_pb.Review, decision: pb.Decision | None) -> Money:
    """What the rules offered, else what was asked for."""
    if decision is not None and decision.offer.approved_amount.units:
        return decision.offer.approved_amount
    return review.requested_amount


def _plain(amount: Money) -> str:
    """As it is typed: `20000` or `20000.50`."""
    return money_text(amount).partition(" ")[0].replace(",", "") if amount.currency_code else ""


def _past(visit: Visit, decision: pb.Decision) -> Iterator[Past]:
    """The newest other decisions of the person; none where the caller may not read them."""
    chosen: dict[str, Any] = {"user_id": decision.user_id, "page_size": EARLIER + 1}
    listed = visit.service.find("DecisionService.ListDecisions", **chosen)
    if listed is None:
        return
    reviewed = visit.service.call("DecisionService.ListDecisions", by_person=True, **chosen)
    by_person = {one.decision_id for one in reviewed.decisions}
    others = [one for one in listed.decisions if one.decision_id != decision.decision_id]
    for one in others[:EARLIER]:
        if one.decision_id in by_person:
            reply = visit.service.call("DecisionService.GetDecision", decision_id=one.decision_id)
            one = reply.decision
        yield _past_of(visit, one, decision)


def _past_of(visit: Visit, one: pb.Decision, judged: pb.Decision) -> Past:
    is_persons, review = bool(one.review.role), one.review
    outcome = review.outcome if is_persons else one.outcome
    at = review.decide_time if is_persons else one.create_time
    is_approved = outcome == pb.OUTCOME_APPROVE
    amount = review.approved_amount if is_persons else one.offer.approved_amount
    return Past(
        one.decision_id,
        at,
        pb.Outcome.Name(outcome).removeprefix("OUTCOME_"),
        amount if is_approved and amount.currency_code else None,
        is_persons,
        is_approved and at.ToNanoseconds() >= judged.create_time.ToNanoseconds(),
        _loans(visit, one.decision_id) if is_approved else [],
    )


def _loans(visit: Visit, decision_id: str) -> list[loans_pb.LoanOutcome] | None:
    """The newest report of each loan; None where the caller may not read them."""
    found = visit.service.find(
        "OutcomeService.ListOutcomes", decision_id=decision_id, page_size=500
    )
    if found is None:
        return None
    return list({one.outcome.loan_id: one.outcome for one in found.outcomes}.values())


def sources(decision: pb.Decision) -> dict[str, str]:
    """The provider and account by the id of each source of a decision."""
    return {
        one.account_id: f"{one.provider_id} ({one.status.lower()}, account {one.account_id})"
        for one in decision.data_quality.accounts
    }


def meaning(factor: str) -> str:
    """What a factor is, as the catalogue says it; the name itself of what is no factor."""
    found = catalogue().get(factor)
    if found is None:
        return factor
    return f"{found.sentence[:1].lower()}{found.sentence[1:].rstrip('.')}"


def remedies(decision: pb.Decision) -> list[str]:
    """What would change a decision, in sentences."""
    said = []
    if decision.HasField("override"):
        capped = decision.override.kind == "CAPPED"
        when = "on a day on which the cap has room" if capped else "once the clock is right"
        said.append(f"Have it decided again {when}.")
    if decision.HasField("recourse"):
        said.append(_recourse(decision.recourse))
    said += [
        f"{one.help[:1].upper()}{one.help[1:]}. Missing: {meaning(one.factor)}."
        for one in decision.data_requests
    ]
    if decision.HasField("connect"):
        types = ", ".join(decision.connect.provider_types)
        said.append(f"An account of the type {types} would complete the data.")
    if decision.refer_kind == pb.REFER_KIND_LEGAL:
        said.append("Another amount may pass the check: try one under Approve.")
    return said or ["The rules name nothing that would: a person's judgement decides."]


def _recourse(recourse: pb.Recourse) -> str:
    if recourse.kind == "NOTHING":
        return "Nothing of what the rules look at would change it."
    amount = money_text(recourse.approved_amount) if recourse.HasField("approved_amount") else "it"
    day = f" from {recourse.decide_again_on} on" if recourse.decide_again_on else ""
    would = f"would approve {amount}{day}"
    if recourse.kind == "WAIT":
        return f"Waiting: the rules {would}, if income and contributions go on as they are."
    changes = "; ".join(
        f"{meaning(one.factor)}, {value_text(one.needed)} in the place of {value_text(one.value)}"
        for one in recourse.changes
    )
    return f"The rules {would}, if all of this were different: {changes}."


def _price(visit: Visit) -> Response:
    amount, currency = visit.query.get("amount", ""), visit.query.get("currency", "")
    return visit.page("review-price.html", price=_tried(visit, amount.strip(), currency))


def _tried(visit: Visit, amount: str, currency: str) -> dict[str, Any]:
    """What would come of an approval: the review as it would be, or why it is refused."""
    try:
        money = _money(amount, currency)
        return _dry_run(visit, outcome="OUTCOME_APPROVE", approved_amount=money)
    except Refused as refused:
        return {"review": None, "words": sentence(refused)}


def _dry_run(visit: Visit, **fields: Any) -> dict[str, Any]:
    try:
        reply = visit.service.call(
            "ReviewService.CompleteReview", review_id=visit.path["id"], dry_run=True, **fields
        )
    except Refused as refused:
        return {"review": None, "words": sentence(refused)}
    return {"review": reply.review, "words": ""}


def _money(amount: str, currency: str) -> Money:
    try:
        return money_message(amount, currency)
    except CommandError as error:
        raise _wrong("amount", str(error)) from None


def _wrong(field: str, words: str) -> Refused:
    refused = Refused(grpc.StatusCode.INVALID_ARGUMENT, words)
    refused.fields[field] = words
    return refused


def _claim(visit: Visit) -> Response:
    """Claim or prolong; what was typed in the form of a step is on the page again."""
    step = visit.text("step")
    try:
        reply = visit.service.call("ReviewService.ClaimReview", review_id=visit.path["id"])
    except Refused as refused:
        if visit.is_part:
            return visit.page("review-claim.html", review=None, words=sentence(refused))
        return _case(visit, step, refused)
    if visit.is_part:
        return visit.page("review-claim.html", review=reply.review, words="")
    return _case(visit, step) if step else visit.go(f"/reviews/{visit.path['id']}")


Said = Callable[[Visit], dict[str, Any]]


def _step(name: str, method: str, said: Said) -> Handler:
    """A handler that takes a step; what is refused is shown with what was typed."""

    def take(visit: Visit) -> Response:
        review_id = visit.path["id"]
        try:
            visit.service.call(f"ReviewService.{method}", review_id=review_id, **said(visit))
        except Refused as refused:
            if refused.reason == "AUTHORITY_EXCEEDED":
                refused.fields["amount"] = refused.message
            refused.fields = dict(starmap(next_to_field, refused.fields.items()))
            return _case(visit, name, refused)
        return visit.go(f"/reviews/{review_id}?done={name}")

    return take


def next_to_field(name: str, words: str) -> tuple[str, str]:
    """The form's name of a field, and words that need not name it: `It is empty: …`."""
    rest = words.removeprefix(f"{name} ")
    return name.removeprefix("approved_"), words if rest == words else f"It {rest}"


def _typed(*names: str, **fixed: Any) -> Said:
    return lambda visit: {name: visit.text(name) for name in names} | fixed


_result = _typed("request_id", "reason", "explanation")


def _approval(visit: Visit) -> dict[str, Any]:
    amount = _money(visit.text("amount"), visit.text("currency"))
    return _result(visit) | {"outcome": "OUTCOME_APPROVE", "approved_amount": amount}


def _data(visit: Visit) -> dict[str, Any]:
    kinds = [str(kind) for kind in visit.form.getlist("data_kinds")]
    return _typed("request_id", "text")(visit) | {"data_kinds": kinds}


def _hold(visit: Visit) -> dict[str, Any]:
    span = timedelta(minutes=HOLDS.get(visit.text("hold"), 60))
    return {"hold_until_time": SystemClock().now() + span}


def _hand(visit: Visit) -> dict[str, Any]:
    if not visit.text("hand_to"):
        raise _wrong("hand_to", "the name is empty: say who has the case from now on")
    return _typed("hand_to")(visit)


STEPS: dict[str, tuple[str, Said, bool]] = {
    "approve": ("CompleteReview", _approval, True),
    "decline": (
        "CompleteReview",
        lambda visit: _result(visit) | {"outcome": "OUTCOME_DECLINE"},
        False,
    ),
    "data": ("RequestReviewData", _data, False),
    "note": ("AddReviewNote", _typed("request_id", "text"), False),
    "again": ("DecideAgain", _typed(), False),
    "skip": ("SkipReview", _typed("text"), False),
    "hold": ("ClaimReview", _hold, False),
    "hand": ("ReleaseReview", _hand, False),
    "release": ("ReleaseReview", _typed(), False),
    "confirm": ("ConfirmReview", _typed("request_id", "etag"), True),
    "reject": ("ConfirmReview", _typed("request_id", "etag", "text", reject=True), False),
}
"""By the last part of its path: the method, what it sends, and whether it has weight."""


def _second(visit: Visit) -> Response:
    """What another person proposed, each with the step that proposed it."""
    waiting = _in_state(visit, "AWAITING_SECOND", 200)
    theirs = [one for one in waiting if _is_for_second(one, visit)]
    steps = []
    for one in theirs[:SECOND]:
        review, events = _read(visit, one.review_id)
        steps.append((review, [event for event in events if event.action == "PROPOSED"][-1]))
    own = sum(one.completed_by == visit.session.name for one in waiting)
    desks = visit.service.call("ReviewService.GetDesk").desks
    return visit.page(
        "second.html",
        steps=steps,
        count=len(theirs),
        own=own,
        desks={desk.product: desk for desk in desks},
        request_id=secrets.token_urlsafe(16),
    )
