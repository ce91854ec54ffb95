"""`decisions chain`: all that happened to one application, with its reviews, letters and loans."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import typer
from rich.markup import escape
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.api.v1 import notice_service_pb2 as notice_pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.cli.calls import Call, Form
from decision_service.cli.client import Connection
from decision_service.cli.output import console, message_dict, print_json
from decision_service.cli.views import (
    add_verdict,
    chain_lines,
    instant_text,
    money_text,
    outcome_text,
    state_text,
    step_text,
    step_words,
    styled_outcome,
    subject_text,
)
from decision_service.server.wire import enum_name

PAGE = 500


class ChainLink(msgspec.Struct, frozen=True):
    """A decision with its reviews, letters and reports of loans, each in the order of time."""

    decision: pb.Decision
    reviews: Sequence[review_pb.Review]
    notices: Sequence[notice_pb.Notice]
    outcomes: Sequence[outcome_pb.RecordedOutcome]


def read_chain(connection: Connection, request: service_pb.GetDecisionRequest) -> list[ChainLink]:
    """The decisions on the application of a decision, oldest first; raises CommandError."""
    method = "DecisionService.GetDecision"

    def stored(of: str) -> pb.Decision | None:
        asked = service_pb.GetDecisionRequest(decision_id=of)
        reply = connection.find(method, asked, "DECISION_UNKNOWN")
        return None if reply is None else reply.decision

    decision = connection.call(method, request).decision
    return [_link(connection, one) for one in chain_of(decision, stored)]


def chain_of(asked: pb.Decision, get: Callable[[str], pb.Decision | None]) -> list[pb.Decision]:
    """The decisions on one application, from the first that is stored; `get` reads by id."""
    first = get(asked.first_decision_id) if asked.first_decision_id else None
    found = [first or asked]
    while following := found[-1].review.decided_again_as:
        made = get(following)
        if made is None:
            break
        found.append(made)
    return found


def _link(connection: Connection, decision: pb.Decision) -> ChainLink:
    of = decision.decision_id
    letters = notice_pb.ListNoticesRequest(decision_id=of, page_size=PAGE)
    reports = outcome_pb.ListOutcomesRequest(decision_id=of, page_size=PAGE)
    listed = connection.pages("OutcomeService.ListOutcomes", reports)
    made = connection.pages("NoticeService.ListNotices", letters)
    return ChainLink(
        decision,
        [connection.read_review(review_id) for review_id in decision.review.review_ids],
        [one for page in made for one in page.notices][::-1],
        [one for page in listed for one in page.outcomes],
    )


def chain_dict(links: Sequence[ChainLink]) -> dict[str, Any]:
    return {
        "application": _application(links[0].decision),
        "decisions": [
            {
                "decision": message_dict(link.decision),
                "reviews": [*map(message_dict, link.reviews)],
                "notices": [*map(message_dict, link.notices)],
                "outcomes": [*map(message_dict, link.outcomes)],
            }
            for link in links
        ],
    }


def chain_tree(links: Sequence[ChainLink]) -> Tree:
    first = links[0].decision
    words = [f"{name} {value}" for name, value in _application(first).items() if value]
    tree = Tree(escape(" · ".join(words)), guide_style="dim")
    for link in links:
        _add_link(tree, link)
    standing = f"stands: {outcome_text(first)} · {first.decision_id}"
    if first.HasField("review"):
        *_, standing = chain_lines(first.review)
    tree.add(f"[bold]{escape(standing)}[/]")
    return tree


def _application(decision: pb.Decision) -> dict[str, str]:
    names = ("product", "application_id", "customer_ref", "user_id")
    return {name: getattr(decision, name) for name in names}


def _add_link(tree: Tree, link: ChainLink) -> None:
    decision = link.decision
    words = [decision.decision_id, instant_text(decision.create_time)]
    if decision.assignment.arm:
        ref = decision.ruleset_ref
        words.append(f"{decision.assignment.arm} v{ref.version} {ref.digest[:12]}")
    if decision.first_decision_id:
        words.append("decided again")
    branch = tree.add(f"{styled_outcome(decision)} · {escape(' · '.join(words))}")
    add_verdict(branch, decision)
    for review in link.reviews:
        _add_review(branch, review)
    for line in (*map(_letter, link.notices), *map(_loan, link.outcomes)):
        branch.add(escape(line))


def _add_review(branch: Tree, review: review_pb.Review) -> None:
    words = f"review · {review.review_id} · {state_text(review)}"
    steps = branch.add(f"[bold]{escape(words)}[/]")
    steps.add(escape(subject_text(review)))
    for event in review.events:
        step = steps.add(escape(step_text(event)))
        for said in step_words(event):
            step.add(escape(said))


def _letter(notice: notice_pb.Notice) -> str:
    kind = enum_name(notice_pb.NoticeKind.DESCRIPTOR, notice.kind)
    made = f"made {instant_text(notice.create_time)} by {notice.created_by}"
    words = ["letter", f"{kind} in {notice.language}", made]
    if notice.HasField("send_time"):
        sent = f"sent {instant_text(notice.send_time)} by {notice.channel}"
        words.append(f"{sent}, reported by {notice.sent_by}")
    return " · ".join(words)


def _loan(recorded: outcome_pb.RecordedOutcome) -> str:
    loan = recorded.outcome
    status = enum_name(outcome_pb.LoanStatus.DESCRIPTOR, loan.status)
    came = f"reported {instant_text(recorded.report_time)}"
    return " · ".join(
        ["loan", loan.loan_id, f"{status} on {loan.as_of_date}", *_amounts(loan), came]
    )


def _amounts(loan: outcome_pb.LoanOutcome) -> Iterator[str]:
    if loan.HasField("disbursed_amount"):
        yield f"{money_text(loan.disbursed_amount)} paid out {loan.disburse_date}".rstrip()
    if loan.HasField("repaid_amount"):
        yield f"{money_text(loan.repaid_amount)} repaid"
    if loan.overdue_days:
        yield f"{loan.overdue_days} days overdue"


def chain(call: Call) -> None:
    with call.server.connect() as connection:
        links = read_chain(connection, call.request)
    if call.form is Form.JSON:
        print_json(chain_dict(links))
    elif call.form is Form.QUIET:
        typer.echo("\n".join(link.decision.decision_id for link in links))
    else:
        console().print(chain_tree(links))
