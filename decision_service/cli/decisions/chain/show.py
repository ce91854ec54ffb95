"""The chain of one application as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import notice_service_pb2 as notice_pb
from decision_service.api.v1 import outcome_service_pb2 as outcome_pb
from decision_service.api.v1 import review_service_pb2 as review_pb
from decision_service.cli.decisions.chain.read import ChainLink
from decision_service.cli.display.output import message_dict
from decision_service.cli.display.reviews import (
    chain_lines,
    state_text,
    step_text,
    step_words,
    subject_text,
)
from decision_service.cli.display.text import instant_text, money_text, outcome_text
from decision_service.cli.display.tree import add_verdict, styled_outcome
from decision_service.edge.rpc.mapping.enums import enum_name


def chain_dict(links: Sequence[ChainLink]) -> dict[str, Any]:
    """The chain for programs, with every message as it came."""
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
    """The chain for people: each decision with what followed it, and what stands in the end."""
    first = links[0].decision
    words = [f"{name} {value}" for name, value in _application(first).items() if value]
    tree = Tree(escape(" · ".join(words)), guide_style="dim")
    for link in links:
        _add_link(tree, link)
    tree.add(f"[bold]{escape(_outcome_line(first))}[/]")
    return tree


def _outcome_line(first: pb.Decision) -> str:
    """What stands: of a decision that nobody reviewed, the decision."""
    if not first.HasField("review"):
        return f"stands: {outcome_text(first)} · {first.decision_id}"
    *_, standing = chain_lines(first.review)
    return standing


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
