"""`decide` and `decisions`: listed, replayed, and all that happened to one application."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
from decision_service.cli.output import (
    Exit,
    console,
    message_dict,
    print_json,
    print_table,
    table,
)
from decision_service.cli.records import print_record, print_wrapped
from decision_service.cli.views import (
    INDENT,
    add_verdict,
    cause_text,
    chain_lines,
    counted_text,
    decision_tree,
    money_text,
    outcome_style,
    outcome_text,
    overdrawn_text,
    override_text,
    print_review,
    styled_outcome,
    value_text,
    wrapped,
)
from decision_service.server.transport.wire import enum_name

NONE = "–"


def differences(was: pb.Decision, now: pb.Decision) -> Iterator[tuple[str, str, str]]:
    before = dict(_parts(was))
    after = dict(_parts(now))
    for what in dict.fromkeys((*before, *after)):
        values = before.get(what, NONE), after.get(what, NONE)
        if values[0] != values[1]:
            yield what, *values


def _parts(decision: pb.Decision) -> Iterator[tuple[str, str]]:
    yield "outcome", outcome_text(decision)
    if decision.HasField("override"):
        yield "override", override_text(decision.override)
    yield "reasons", _listed(reason.code for reason in decision.reasons)
    for score in decision.scores:
        yield f"score {score.scorecard}", f"{score.score} {score.band}"
    if decision.HasField("offer"):
        yield from _of_offer(decision.offer)
    yield "conditions", _listed(condition.id for condition in decision.conditions)
    yield "tags", _listed([*decision.tags, *decision.withheld_tags])
    yield "data needed", _listed(request.factor for request in decision.data_requests)
    for rule in decision.rule_traces:
        yield f"rule {rule.stage}.{rule.rule}", _rule(rule)
    for factor in decision.factor_values:
        yield factor.name, _factor(factor)


def _of_offer(offer: pb.Offer) -> Iterator[tuple[str, str]]:
    yield "offer approved_amount", money_text(offer.approved_amount)
    if offer.HasField("max_amount"):
        yield "offer max_amount", money_text(offer.max_amount)
    for name in ("term_months", "monthly_rate", "tier", "binding", "term_binding"):
        yield f"offer {name}", str(getattr(offer, name) or NONE)
    for name, value in sorted(offer.outputs.items()):
        yield f"offer {name}", value_text(value)


def _rule(rule: pb.RuleTrace) -> str:
    truth = enum_name(pb.Truth.DESCRIPTOR, rule.truth).lower()
    return f"{truth} → {rule.effect}" if rule.effect else truth


def _factor(factor: pb.FactorValue) -> str:
    if factor.missing:
        return f"missing: {'; '.join(cause_text(cause) for cause in factor.missing)}"
    return value_text(factor.value)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or NONE


def print_page(reply: service_pb.ListDecisionsResponse) -> None:
    for line in page_lines(reply):
        console().print(line, soft_wrap=True)


def page_lines(reply: service_pb.ListDecisionsResponse) -> Iterator[str]:
    """A page's lines (rich markup), of 80 columns unless a page token or an id is longer."""
    if not reply.decisions:
        yield "No decision matches so far." if reply.next_page_token else "No decision matches."
    else:
        yield f"[bold]{'decision':<30}  {'made (UTC)':<16}  {'outcome':<14}  {'approved':>14}[/]"
    for decision in reply.decisions:
        yield _head(decision)
        yield from wrapped(_rules_and_codes(decision), INDENT)
    if reply.next_page_token:
        yield f"More: --page-token {escape(reply.next_page_token)}"


def _head(decision: pb.Decision) -> str:
    style = outcome_style(decision)
    outcome = f"{outcome_text(decision):<14}"
    approved = "–"
    if decision.HasField("approved_amount_in_force"):
        approved = money_text(decision.approved_amount_in_force)
    made = f"{decision.create_time.ToDatetime():%Y-%m-%d %H:%M}"  # in UTC
    return f"{decision.decision_id:<30}  {made}  [{style}]{outcome}[/]  {escape(approved):>14}"


def _rules_and_codes(decision: pb.Decision) -> str:
    version = decision.ruleset_ref.version
    rules = f"{decision.product} v{version}" if version else decision.product
    codes = ", ".join(reason.code for reason in decision.reasons)
    words = f"{rules}: {codes}" if codes else rules
    counted = counted_text(decision)
    return f"{words}; {counted}" if counted else words


def replay(call: Call) -> None:
    request = call.request
    with call.server.connect() as connection:
        reply = connection.call(call.row.method, request)
        if call.form is Form.TABLE:
            recorded = _recorded(connection, reply, request.decision_id)
    if call.form is not Form.TABLE:
        call.show(reply)
    else:
        console().print(decision_tree(reply.decision))
        if recorded is not None:
            rows = table("what differs", "was", "now")
            for row in differences(recorded, reply.decision):
                rows.add_row(*row)
            print_table(rows)
        console().print(_comparison(reply))
    if reply.differing_fields:
        raise typer.Exit(Exit.FINDINGS)


def _recorded(
    connection: Connection, reply: service_pb.ReplayDecisionResponse, decision_id: str
) -> pb.Decision | None:
    if not (reply.differing_fields or reply.changed_fields):
        return None
    view = pb.DECISION_VIEW_FULL if reply.decision.factor_values else pb.DECISION_VIEW_BASIC
    request = service_pb.GetDecisionRequest(decision_id=decision_id, view=view)
    decision: pb.Decision = connection.call("DecisionService.GetDecision", request).decision
    return decision


def _comparison(reply: service_pb.ReplayDecisionResponse) -> str:
    if reply.differing_fields:
        return f"Differs in {', '.join(reply.differing_fields)}."
    if not reply.decided_by_engine_version:
        return "Nothing differs."
    decided = f"Version {reply.decided_by_engine_version} of the engine decided"
    ours = reply.decision.engine_version
    if not reply.changed_fields:
        return f"{decided}; version {ours} gives the same."
    return f"{decided}; with version {ours} {', '.join(reply.changed_fields)} come out otherwise."


_PAGE = 500


class ChainLink(msgspec.Struct, frozen=True):
    """A decision with its reviews, letters and reports of loans, each in the order of time."""

    decision: pb.Decision
    reviews: Sequence[review_pb.Review]
    notices: Sequence[notice_pb.Notice]
    outcomes: Sequence[outcome_pb.RecordedOutcome]
    overdrawn: outcome_pb.Overdrawn | None = None


def read_chain(connection: Connection, request: service_pb.GetDecisionRequest) -> list[ChainLink]:
    """The decisions on the application of a decision, oldest first; raises CommandError."""
    method = "DecisionService.GetDecision"

    def stored(of: str) -> service_pb.GetDecisionResponse | None:
        asked = service_pb.GetDecisionRequest(decision_id=of, with_notices=True)
        found: service_pb.GetDecisionResponse | None
        found = connection.find(method, asked, "DECISION_UNKNOWN")
        return found

    request.with_notices = True
    asked = connection.call(method, request)
    return [_link(connection, one) for one in chain_of(asked, stored)]


def chain_of(
    asked: service_pb.GetDecisionResponse,
    get: Callable[[str], service_pb.GetDecisionResponse | None],
) -> list[service_pb.GetDecisionResponse]:
    """The decisions on one application, from the first that is stored; `get` reads by id."""
    first_id = asked.decision.first_decision_id
    first = get(first_id) if first_id else None
    found = [first or asked]
    while following := found[-1].decision.review.decided_again_as:
        made = get(following)
        if made is None:
            break
        found.append(made)
    return found


def _link(connection: Connection, found: service_pb.GetDecisionResponse) -> ChainLink:
    decision = found.decision
    reports = outcome_pb.ListOutcomesRequest(decision_id=decision.decision_id, page_size=_PAGE)
    listed = [*connection.pages("OutcomeService.ListOutcomes", reports)]
    return ChainLink(
        decision,
        [connection.read_review(review_id) for review_id in decision.review.review_ids],
        found.notices,
        outcomes=[one for page in listed for one in page.outcomes],
        overdrawn=listed[0].overdrawn if listed[0].HasField("overdrawn") else None,
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
                "overdrawn": None if link.overdrawn is None else message_dict(link.overdrawn),
            }
            for link in links
        ],
    }


def print_chain(links: Sequence[ChainLink]) -> None:
    """Every record of an application in the order of time, then what counts now."""
    first = links[0].decision
    out = console()
    words = [f"{name} {value}" for name, value in _application(first).items() if value]
    print_wrapped(" · ".join(words))
    for link in links:
        tree = Tree(f"{styled_outcome(link.decision)} · {escape(link.decision.decision_id)}")
        add_verdict(tree, link.decision)
        out.print(tree)
        for review in link.reviews:
            print_review(review)
        for record in (*link.notices, *(one.outcome for one in link.outcomes)):
            out.print()
            print_record(record, "  ")
        if link.overdrawn is not None:
            print_wrapped(overdrawn_text(link.overdrawn))
    current = f"result: {outcome_text(first)} · {first.decision_id}"
    if first.HasField("review"):
        *_, current = chain_lines(first.review)
    print_wrapped(current)


def _application(decision: pb.Decision) -> dict[str, str]:
    names = ("product", "application_id", "customer_ref", "user_id")
    return {name: getattr(decision, name) for name in names}


def chain(call: Call) -> None:
    with call.server.connect() as connection:
        links = read_chain(connection, call.request)
    if call.form is Form.JSON:
        print_json(chain_dict(links))
    elif call.form is Form.QUIET:
        typer.echo("\n".join(link.decision.decision_id for link in links))
    else:
        print_chain(links)
