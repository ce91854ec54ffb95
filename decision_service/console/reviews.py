"""The pages of reviewers: queues, one case with its steps, and what a second person confirms."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import timedelta
from itertools import starmap
from typing import Any, NamedTuple
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
from decision_service.cli.views import money_text
from decision_service.console.service import Refused
from decision_service.console.web import Handler, Pages, Visit, sentence
from decision_service.domain.accounts import Kind
from decision_service.rules.language.diagnostics import plural
from decision_service.server.transport.wire import amount_text, numbers_of

# Five minutes fewer than the service allows at most, since clocks differ.
HOLDS = {"1 hour": 60, "until tomorrow, this time": 24 * 60, "3 days": 72 * 60 - 5}
"""For how many minutes a case may be held."""

EARLIER = 10
SECOND = 20
FINAL = {
    "approve": "Approve",
    "decline": "Decline",
    "data": "Ask the applicant",
    "confirm": "Confirm",
}
"""Steps of which a summary is shown first, since an applicant hears of them; each with its verb."""

_GET = "DecisionService.GetDecision"
_RESULT = ("request_id", "reason", "explanation")
_TYPED = {
    "reason": "no reason is chosen: choose one of the list",
    "explanation": "the explanation is empty: say in your own words why",
}
"""What a person says of a result, and the words where it is left empty."""


class Past(NamedTuple):
    """Another decision of the same person, what counts of it now, and the loans on it.

    `is_since` says of an approval that it was made after the decision of the case; `loans` is None
    where the caller may not read them.
    """

    decision: pb.Decision
    counts: pb.Decision | pb.DecisionReview
    at: Timestamp
    amount: Money
    is_since: bool
    loans: Collection[loans_pb.LoanOutcome] | None


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
        pages.route("/reviews/{id}/person", _person, "POST"),
        pages.route("/reviews/{id}/overtaken", _overtaken, "POST"),
        *steps,
        pages.route("/second", _second),
    ]


def _queue(visit: Visit) -> Response:
    names = ("product", "queue", "kind", "state", "tag", "overdue")
    asked = {name: visit.query.get(name, "") for name in names}
    chosen: dict[str, Any] = asked | {"overdue": bool(asked["overdue"])}
    chosen["kind"] = numbers_of(pb.ReferKind.DESCRIPTOR).get(asked["kind"])
    chosen["state"] = numbers_of(pb.ReviewState.DESCRIPTOR).get(asked["state"])
    # Who names a state may mean one of those that have ended.
    chosen["unfinished"] = not chosen["state"]
    token = visit.query.get("page", "")
    listed = visit.service.call(
        "ReviewService.ListReviews", page_token=token, one_a_person=True, **chosen
    )
    token = listed.next_page_token
    desks = visit.service.call("ReviewService.GetDesk").desks
    claimed = _in_state(visit, "CLAIMED", 500)
    return visit.page(
        "reviews.html",
        asked=asked,
        desks=desks,
        waiting=[(desk.product, one) for desk in desks for one in desk.queues if one.unfinished],
        queues=sorted({queue.queue for desk in desks for queue in desk.queues}),
        mine=[one for one in claimed if one.claimed_by == visit.session.name],
        reviews=listed.reviews,
        more=f"/reviews?{urlencode(asked | {'page': token})}" if token else "",
        kinds=[*numbers_of(pb.ReferKind.DESCRIPTOR)][1:],
        states=[*numbers_of(pb.ReviewState.DESCRIPTOR)][1:],
    )


def _in_state(visit: Visit, state: str, most: int) -> Sequence[review_pb.Review]:
    chosen: dict[str, Any] = {"state": f"REVIEW_STATE_{state}", "page_size": most}
    found: review_pb.ListReviewsResponse
    found = visit.service.call("ReviewService.ListReviews", **chosen)
    return found.reviews


def _next(visit: Visit) -> Response:
    """Claim the most urgent case within the filter, and open it."""
    chosen: dict[str, Any] = {name: visit.text(name) for name in ("product", "queue")}
    claimed = visit.service.call("ReviewService.ClaimNextReview", **chosen)
    if claimed.HasField("review"):
        return visit.go(f"/reviews/{claimed.review.review_id}")
    return visit.go(f"/reviews?{urlencode(chosen | {'none': 'yes'})}")


def _case(
    visit: Visit,
    tried: str = "",
    refused: Refused | None = None,
    person: review_pb.ReviewPerson | None = None,
) -> Response:
    """The page of a case; `tried` is the step whose form was sent, with what was typed in it.

    `person` is who applied, once that was asked for.
    """
    service = visit.service
    review = service.review(visit.path["id"])
    asked = {"view": "DECISION_VIEW_FULL", "without_recourse": True}
    found = service.find(_GET, decision_id=review.decision_id, **asked)
    decision = found and found.decision
    desk = _desk(visit, review.product)
    is_mine = review.state == pb.REVIEW_STATE_CLAIMED and review.claimed_by == visit.session.name
    may_end = is_mine and not review.own_application
    is_second = visit.session.may("review_second") and not review.own_application
    amount = visit.text("amount") or _prefilled(review, decision)
    return visit.page(
        "review.html",
        200 if refused is None else 400 if refused.fields else 409,
        review=review,
        decision=decision,
        desk=desk,
        is_mine=is_mine,
        may_close=_answers(review) and any(_may_close(one, visit) for one in review.other_reviews),
        is_for_second=_is_for_second(review, visit),
        may_withdraw=_may_withdraw(review, visit),
        may_take_over=is_second and review.state == pb.REVIEW_STATE_CLAIMED and not is_mine,
        tried=tried,
        refused=refused,
        refused_words="" if refused is None else sentence(refused),
        typed=visit.form,
        amount=amount,
        # An approval that was refused says so already.
        price=_dry_run(visit, "APPROVE", amount, currency=review.requested_amount.currency_code)
        if may_end and not (refused and tried == "approve")
        else None,
        decline=_dry_run(visit, "DECLINE") if may_end else None,
        past=[] if decision is None else [*_past(visit, decision)],
        # Of the page, not of the call: a form that is sent twice takes one step.
        request_id=secrets.token_urlsafe(16),
        holds=HOLDS,
        kinds=list(Kind),
        person=person,
        person_words=sentence(refused) if refused is not None and tried == "person" else "",
    )


def _answers(review: review_pb.Review) -> bool:
    """Whether a person answered the application, so that others of the applicant are overtaken."""
    return review.state in {pb.REVIEW_STATE_AWAITING_RELEASE, pb.REVIEW_STATE_COMPLETED}


def _person(visit: Visit) -> Response:
    """Who applied, which no address has: it is asked for by a form each time."""
    asked: dict[str, Any] = {name: visit.text(name) for name in ("reason", "month")}
    try:
        reply = visit.service.call(
            "ReviewService.GetReviewPerson", review_id=visit.path["id"], **asked
        )
    except Refused as refused:
        if refused.code is grpc.StatusCode.PERMISSION_DENIED:
            raise
        if visit.is_part:
            # Asked for a reason, the person has the case no more.
            is_mine = "reason" not in refused.fields
            return _who(visit, None, words=sentence(refused), is_mine=is_mine)
        return _case(visit, "person", refused)
    if visit.is_part:
        # Who has the case alone asks for a part: the step of others changes what they may confirm.
        return _who(visit, reply.person)
    return _case(visit, "person", person=reply.person)


def _who(
    visit: Visit, person: review_pb.ReviewPerson | None, words: str = "", *, is_mine: bool = True
) -> Response:
    return visit.page(
        "review-person.html", person=person, person_words=words, typed=visit.form, is_mine=is_mine
    )


def _is_for_second(review: review_pb.Review, visit: Visit) -> bool:
    return (
        review.state == pb.REVIEW_STATE_AWAITING_SECOND
        and review.completed_by != visit.session.name
        and not review.own_application
        and visit.session.may("review_second")
    )


def _may_withdraw(review: review_pb.Review, visit: Visit) -> bool:
    """A proposal by who made it; a result that is not final also by who confirms such results."""
    name = visit.session.name
    if review.own_application:
        return False
    if review.state == pb.REVIEW_STATE_AWAITING_SECOND:
        return review.completed_by == name
    is_own = name in {review.completed_by, review.confirmed_by}
    waits = review.state == pb.REVIEW_STATE_AWAITING_RELEASE
    return waits and (is_own or visit.session.may("review_second"))


def _prefilled(review: review_pb.Review, decision: pb.Decision | None) -> str:
    """What the rules offered, else what was asked for, as it is typed: `20000` or `20000.50`."""
    offered = decision.offer.approved_amount if decision is not None else Money()
    found = offered if offered.units else review.requested_amount
    return amount_text(found) if found.currency_code else ""


def _past(visit: Visit, decision: pb.Decision) -> Iterator[Past]:
    """The newest other decisions of the person; none where the caller may not read them."""
    method = "DecisionService.ListDecisions"
    # One more, since the decision of the case is among them.
    chosen: dict[str, Any] = {"user_id": decision.user_id, "page_size": EARLIER + 1}
    listed = visit.service.find(method, **chosen)
    if listed is None:
        return
    reviewed = visit.service.call(method, by_person=True, **chosen).decisions
    # A list has what the rules said: a person's result is read of each.
    by_person = {one.decision_id for one in reviewed}
    others = [one for one in listed.decisions if one.decision_id != decision.decision_id]
    for one in others[:EARLIER]:
        counts = one
        at = one.create_time
        amount = one.offer.approved_amount
        if one.decision_id in by_person:
            counts = visit.service.call(_GET, decision_id=one.decision_id).decision.review
            at = counts.decide_time
            amount = counts.approved_amount
        is_approved = counts.outcome == pb.OUTCOME_APPROVE
        is_since = is_approved and at.ToNanoseconds() >= decision.create_time.ToNanoseconds()
        loans = _loans(visit, one.decision_id) if is_approved else ()
        yield Past(one, counts, at, amount=amount, is_since=is_since, loans=loans)


def _loans(visit: Visit, decision_id: str) -> Collection[loans_pb.LoanOutcome] | None:
    """The newest report of each loan; None where the caller may not read them."""
    asked: dict[str, Any] = {"decision_id": decision_id, "page_size": 500}
    found = visit.service.find("OutcomeService.ListOutcomes", **asked)
    counted = [one.outcome for one in found.outcomes if not one.replaced] if found else []
    # Reports are listed by day, so that the last one of each loan is kept.
    return found and {one.loan_id: one for one in counted}.values()


def _price(visit: Visit) -> Response:
    amount = visit.query.get("amount", "").strip()
    currency = visit.query.get("currency", "").strip()
    price = _dry_run(visit, "APPROVE", amount, currency=currency)
    return visit.page("review-price.html", price=price)


def _dry_run(
    visit: Visit, outcome: str, amount: str | None = None, currency: str = ""
) -> dict[str, Any]:
    """The review as a result would leave it, or why that is refused."""
    given: dict[str, Any] = {"review_id": visit.path["id"], "outcome": f"OUTCOME_{outcome}"}
    try:
        # An empty amount is refused in words; None is for a decline, which has none.
        if amount is not None:
            given["approved_amount"] = _money(amount, currency)
        reply = visit.service.call("ReviewService.CompleteReview", dry_run=True, **given)
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
        if visit.is_part:
            return visit.page("review-claim.html", review=reply.review)
    except Refused as refused:
        if visit.is_part:
            return visit.page("review-claim.html", review=None, words=sentence(refused))
        return _case(visit, step, refused)
    return _case(visit, step) if step else visit.go(f"/reviews/{visit.path['id']}")


Said = Callable[[Visit], dict[str, Any]]


def _step(name: str, method: str, said: Said) -> Handler:
    """A handler that takes a step; what is refused is shown with what was typed."""

    def take(visit: Visit) -> Response:
        review_id = visit.path["id"]
        # Back from the summary: the form again, with what was typed.
        if visit.text("sure") == "no":
            return _case(visit, name)
        try:
            # Who may not take the step is told so by the service, and not asked whether it is sure.
            may = visit.session.may("review", "review_second")
            if name in FINAL and may and visit.text("sure") != "yes":
                summary = _summary(visit, name)
                if summary is not None:
                    return summary
            visit.service.call(f"ReviewService.{method}", review_id=review_id, **said(visit))
        except Refused as refused:
            # It names no field, and the amount is what can be mended.
            if refused.reason == "AUTHORITY_EXCEEDED":
                refused.fields["amount"] = refused.message
            refused.fields = dict(starmap(next_to_field, refused.fields.items()))
            return _case(visit, name, refused)
        return visit.go(f"/reviews/{review_id}?done={name}")

    return take


def _summary(visit: Visit, name: str) -> Response | None:
    """What a final step would do, to be looked at before it is taken.

    None where the service has to say why it takes none; raises Refused where it was asked already.
    """
    stored = visit.service.review(visit.path["id"])
    asked: dict[str, Any] = {"decision_id": stored.decision_id, "without_recourse": True}
    found = visit.service.find(_GET, **asked)
    review = stored
    if name == "confirm":
        # Of a newer proposal nobody has typed the consent: the service refuses the step.
        if stored.state != pb.REVIEW_STATE_AWAITING_SECOND or stored.etag != visit.text("etag"):
            return None
    elif name == "data":
        if not visit.form.getlist("data_kinds"):
            return None
    else:
        for field in _TYPED:
            if not visit.text(field):
                raise _wrong(field, _TYPED[field])
        given = STEPS[name][1](visit)
        reply = visit.service.call(
            "ReviewService.CompleteReview", dry_run=True, review_id=visit.path["id"], **given
        )
        review = reply.review
    desk = _desk(visit, review.product)
    verb = FINAL[name]
    if name != "data" and review.result.HasField("approved_amount"):
        verb = f"{verb} {money_text(review.result.approved_amount)}"
    return visit.summary(
        verb,
        "review-summary.html",
        rank="danger" if name == "decline" else "main",
        step=name,
        review=review,
        decision=found and found.decision,
        desk=desk,
        typed=visit.form,
    )


def _desk(visit: Visit, product: str) -> review_pb.Desk:
    """The desk of a product, an empty one where it is decided no more."""
    found = visit.service.find("ReviewService.GetDesk", product=product)
    return found.desks[0] if found is not None and found.desks else review_pb.Desk()


def _overtaken(visit: Visit) -> Response:
    """Close the person's other cases, since this one was answered: a decline of each, by one form.

    Each is a call of its own: what is refused stops it, and the page shows which are still open.
    """
    if visit.text("sure") == "no":
        return _case(visit, "overtaken")
    review = visit.service.review(visit.path["id"])
    others = review.other_reviews
    products = {one.product for one in others if _may_close(one, visit)}
    reasons = {product: _overtaking(_desk(visit, product)) for product in products}
    closable = []
    left = []
    for one in others:
        reason = reasons.get(one.product)
        if reason is not None and _may_close(one, visit):
            closable.append((one, reason))
        else:
            left.append(one)
    words = visit.text("explanation")
    try:
        if not words:
            raise _wrong("explanation", _TYPED["explanation"])
        if visit.text("sure") != "yes":
            verb = f"Close {plural(len(closable), 'other case')}"
            return visit.summary(
                verb,
                "review-overtaken.html",
                rank="danger",
                closable=closable,
                left=left,
                words=words,
            )
        for one, reason in closable:
            visit.service.call("ReviewService.ClaimReview", review_id=one.review_id)
            visit.service.call(
                "ReviewService.CompleteReview",
                review_id=one.review_id,
                # Of the form and the case: sent twice, each is closed once.
                request_id=f"{visit.text('request_id')}-{one.review_id}",
                outcome="OUTCOME_DECLINE",
                reason=reason.code,
                explanation=words,
            )
    except Refused as refused:
        return _case(visit, "overtaken", refused)
    return visit.go(f"/reviews/{review.review_id}?done=overtaken")


def _may_close(review: review_pb.Review, visit: Visit) -> bool:
    """Whether nobody else works on it, and another sent its application."""
    is_mine = review.claimed_by == visit.session.name
    is_free = review.state == pb.REVIEW_STATE_OPEN
    return (is_free or is_mine) and not review.own_application


def _overtaking(desk: review_pb.Desk) -> review_pb.DeskReason | None:
    """The desk's reason for a case that another application of the person overtook."""
    return next((one for one in desk.reasons if one.overtaken), None)


def next_to_field(name: str, words: str) -> tuple[str, str]:
    """The form's name of a field, and words that need not name it: `It is empty: …`."""
    rest = words.removeprefix(f"{name} ")
    return name.removeprefix("approved_"), words if rest == words else f"It {rest}"


def _typed(*names: str, **fixed: Any) -> Said:
    def said(visit: Visit) -> dict[str, Any]:
        return {name: visit.text(name) for name in names} | fixed

    return said


def _approval(visit: Visit) -> dict[str, Any]:
    amount = _money(visit.text("amount"), visit.text("currency"))
    return _typed(*_RESULT, outcome="OUTCOME_APPROVE", approved_amount=amount)(visit)


def _data(visit: Visit) -> dict[str, Any]:
    kinds = [str(kind) for kind in visit.form.getlist("data_kinds")]
    return _typed("request_id", "text")(visit) | {"data_kinds": kinds}


def _hold(visit: Visit) -> dict[str, Any]:
    span = timedelta(minutes=HOLDS.get(visit.text("hold"), 60))
    return {"hold_until_time": visit.request.app.state.now() + span}


def _hand(visit: Visit) -> dict[str, Any]:
    # Without a name the service would give the case back to its queue.
    if not (visit.text("hand_to") or visit.text("queue")):
        raise _wrong("hand_to", "the name is empty: say who has the case from now on, or its queue")
    return _typed("hand_to", "queue")(visit)


# What may pay money out wants a sign-in of the last quarter of an hour (0193).
STEPS: dict[str, tuple[str, Said, bool]] = {
    "approve": ("CompleteReview", _approval, True),
    "decline": ("CompleteReview", _typed(*_RESULT, outcome="OUTCOME_DECLINE"), False),
    "data": ("RequestReviewData", _data, False),
    "note": ("AddReviewNote", _typed("request_id", "text"), False),
    "again": ("DecideAgain", _typed(), False),
    "skip": ("SkipReview", _typed("text"), False),
    "hold": ("ClaimReview", _hold, False),
    "hand": ("ReleaseReview", _hand, False),
    "release": ("ReleaseReview", _typed(), False),
    "withdraw": ("WithdrawReview", _typed("request_id", "text"), False),
    "take-over": ("TakeOverReview", _typed("text"), False),
    "confirm": ("ConfirmReview", _typed("request_id", "etag", "text"), True),
    "reject": ("ConfirmReview", _typed("request_id", "etag", "text", reject=True), False),
}
"""By the last part of its path: the method, what it sends, and whether it has weight."""


def waiting_for_second(visit: Visit) -> tuple[list[review_pb.Review], int]:
    """What the person may confirm, the most urgent first, and how many of their own wait."""
    waiting = _in_state(visit, "AWAITING_SECOND", 200)
    theirs = [one for one in waiting if _is_for_second(one, visit)]
    own = sum(one.completed_by == visit.session.name or one.own_application for one in waiting)
    return theirs, own


def _second(visit: Visit) -> Response:
    """What another person proposed, each with the step that proposed it."""
    theirs, own = waiting_for_second(visit)
    steps = []
    for one in theirs[:SECOND]:
        review = visit.service.review(one.review_id)
        steps.append((review, [each for each in review.events if each.action == "PROPOSED"][-1]))
    desks = visit.service.call("ReviewService.GetDesk").desks
    return visit.page(
        "second.html",
        steps=steps,
        count=len(theirs),
        own=own,
        desks={desk.product: desk for desk in desks},
        request_id=secrets.token_urlsafe(16),
    )
