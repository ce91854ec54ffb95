"""Reviews as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from google.protobuf.timestamp_pb2 import Timestamp
from rich.markup import escape

from decision_service.api.v1 import decision_pb2
from decision_service.api.v1 import review_service_pb2 as pb
from decision_service.cli.display.output import Format, console, print_json
from decision_service.cli.display.text import concluded_text, money_text
from decision_service.domain.errors import visible
from decision_service.edge.rpc.mapping.enums import enum_name

_WIDTH = 80
_INDENT = "    "


def show_review(review: pb.Review, form: Format) -> None:
    """Print one review, with its steps where it has them."""
    if form is Format.JSON:
        print_json(review)
        return
    out = console()
    for line in (*head_lines(review), *_event_lines(review.events)):
        out.print(line, soft_wrap=True)


def head_lines(review: pb.Review) -> Iterator[str]:
    """What a review is and where it stands (rich markup)."""
    late = "  [red]overdue[/]" if review.overdue else ""
    yield f"[bold]{review.review_id}[/]  {escape(state_text(review))}{late}"
    yield escape(f"{_INDENT}{subject_text(review)}")
    if review.tags:
        yield escape(f"{_INDENT}tags {', '.join(review.tags)}")
    if review.HasField("result"):
        yield from _wrapped(result_text(review.result))
    if review.term_months:
        yield escape(f"{_INDENT * 2}{terms_text(review)}")
    if review.failed_checks:
        yield escape(f"{_INDENT * 2}fails checks of the rules: {', '.join(review.failed_checks)}")


def subject_text(review: pb.Review) -> str:
    """`contested · personal-loan-ph · queue contest · DECLINE · 20,000 PHP · due …`."""
    decided = concluded_text(review.decided_outcome, review.kind)
    has = review.HasField("requested_amount")
    asked = f" · {money_text(review.requested_amount)}" if has else ""
    origin = "contested · " if review.origin == pb.REVIEW_ORIGIN_CONTESTED else ""
    words = f"{origin}{review.product} · queue {review.queue} · {decided}{asked}"
    return f"{words} · due {_at(review.due_time)}"


def state_text(review: pb.Review) -> str:
    """`CLAIMED by ana until …`, `ENDED: DECIDED_AGAIN as dec_…`."""
    name = enum_name(decision_pb2.ReviewState.DESCRIPTOR, review.state)
    if review.claimed_by:
        return f"{name} by {review.claimed_by} until {_at(review.claim_end_time)}"
    if review.decided_again_as:
        return f"{name}: decided again as {review.decided_again_as}"
    if review.end_reason:
        return f"{name}: {review.end_reason}"
    if review.awaited_kinds:
        return f"{name}: {', '.join(review.awaited_kinds)}"
    people = [one for one in (review.completed_by, review.confirmed_by) if one]
    return f"{name} by {' and '.join(people)}" if people else name


def terms_text(approved: pb.Review | decision_pb2.DecisionReview) -> str:
    """`6 months, 2,955.26 PHP a month`."""
    has = approved.HasField("instalment")
    monthly = f", {money_text(approved.instalment)} a month" if has else ""
    return f"{approved.term_months} months{monthly}"


def result_text(result: pb.ReviewResult) -> str:
    """`APPROVE PHP 20,000.00, INCOME_CONFIRMED: the employer confirms it`."""
    outcome = enum_name(decision_pb2.Outcome.DESCRIPTOR, result.outcome)
    has = result.HasField("approved_amount")
    amount = f" {money_text(result.approved_amount)}" if has else ""
    return f"{outcome}{amount}, {result.reason}: {result.explanation}"


def chain_lines(review: decision_pb2.DecisionReview) -> Iterator[str]:
    """The reviews of a decision and where the newest stands; then what stands after them."""
    state = enum_name(decision_pb2.ReviewState.DESCRIPTOR, review.state)
    yield f"review · {state} · {', '.join(review.review_ids)}"
    if review.decided_again_as:
        yield f"decided again as {review.decided_again_as}"
    has = review.HasField("approved_amount")
    amount = f" {money_text(review.approved_amount)}" if has else ""
    over = f" over {terms_text(review)}" if review.term_months else ""
    until = f", until {_at(review.expire_time)}" if review.HasField("expire_time") else ""
    by = f" by a person ({review.role})" if review.role else ""
    standing = f"stands: {concluded_text(review.outcome, 0)}{amount}{over}{by}{until}"
    yield f"{standing} · {review.standing_decision_id}"


def _event_lines(events: Iterable[pb.ReviewEvent]) -> Iterator[str]:
    for event in events:
        yield escape(f"  {event.position:>3}  {step_text(event)}")
        for words in step_words(event):
            yield from _wrapped(words)


def step_text(event: pb.ReviewEvent) -> str:
    """`2026-11-27 08:10  PROPOSED · ana`."""
    return f"{_at(event.event_time)}  {event.action} · {event.who or 'service'}"


def step_words(event: pb.ReviewEvent) -> Iterator[str]:
    """What was said with a step: kinds of data, words, a decision, a result."""
    said = [*event.data_kinds, event.text, event.decision_id]
    if event.HasField("result"):
        said.append(result_text(event.result))
    yield from filter(None, said)


def _wrapped(words: str) -> Iterator[str]:
    indent = _INDENT * 2
    for line in visible(words).splitlines():
        yield from map(escape, wrap(
            line, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False
        ))  # fmt: skip


def _at(instant: Timestamp) -> str:
    return f"{instant.ToDatetime():%Y-%m-%d %H:%M}"
