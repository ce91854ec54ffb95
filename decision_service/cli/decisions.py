"""`decide` and `decisions`: made, listed, shown, replayed, and what a replay changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Annotated, Any

import typer
from google.protobuf.duration_pb2 import Duration
from rich.markup import escape

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.cli.chain import chain
from decision_service.cli.client import ServerOptions, call, calls_server, decisions
from decision_service.cli.export import export
from decision_service.cli.notices import notice, notice_sent, notices
from decision_service.cli.options import (
    DAY_SECONDS,
    AmountOption,
    ApplicationOption,
    BeforeOption,
    CurrencyOption,
    CustomerOption,
    DecisionFilter,
    FromOption,
    InputOption,
    LimitOption,
    OutcomeOption,
    PageOption,
    ProductOption,
    UnreportedOption,
    UserOption,
    View,
    ViewOption,
    money_message,
    parse_input,
    seconds,
    whole,
)
from decision_service.cli.outcomes import outcomes
from decision_service.cli.output import (
    Exit,
    Format,
    FormatOption,
    console,
    print_as,
    print_json,
    print_table,
    table,
)
from decision_service.cli.views import (
    cause_text,
    decision_tree,
    money_text,
    outcome_style,
    outcome_text,
    override_text,
    value_text,
)
from decision_service.server.wire import enum_name

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="dec_…")]
NONE = "–"
_WIDTH = 80
_INDENT = "    "

commands = typer.Typer(
    help="Read, replay and export decisions, report outcomes.", no_args_is_help=True
)


def differences(was: pb.Decision, now: pb.Decision) -> Iterator[tuple[str, str, str]]:
    before, after = dict(_parts(was)), dict(_parts(now))
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


@commands.command("list")
@calls_server
def list_decisions(
    user_id: UserOption = "",
    application_id: ApplicationOption = "",
    customer_ref: CustomerOption = "",
    product: ProductOption = "",
    outcome: OutcomeOption = None,
    first_day: FromOption = "",
    before: BeforeOption = "",
    limit: LimitOption = 50,
    page_token: PageOption = "",
    form: FormatOption = Format.TABLE,
    *,
    unreported: UnreportedOption = False,
    server: ServerOptions,
) -> None:
    """List decisions, newest first.

    Each with its time, outcome, amount and reasons.
    """
    wanted = DecisionFilter(
        user_id, application_id, customer_ref, product, outcome, first_day, before, unreported
    )
    request = wanted.request(limit, page_token)
    with decisions(server) as stub:
        reply = call(stub.ListDecisions, request, server)
    if form is Format.JSON:
        print_json(reply)
        return
    out = console()
    for line in page_lines(reply):
        out.print(line, soft_wrap=True)


def page_lines(reply: service_pb.ListDecisionsResponse) -> Iterator[str]:
    """A page's lines (rich markup), none longer than 80 columns but for a page token or one id."""
    if not reply.decisions:
        yield "No decision matches."
        return
    yield f"[bold]{'decision':<30}  {'made (UTC)':<16}  {'outcome':<14}  {'approved':>14}[/]"
    for decision in reply.decisions:
        yield _head(decision)
        yield from map(escape, wrap(
            _rules_and_codes(decision), _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT,
            break_long_words=False, break_on_hyphens=False,
        ))  # fmt: skip
    if reply.next_page_token:
        yield f"More: --page-token {escape(reply.next_page_token)}"


def _head(decision: pb.Decision) -> str:
    style, outcome = outcome_style(decision), f"{outcome_text(decision):<14}"
    approved = "–"
    if decision.HasField("offer") and decision.offer.HasField("approved_amount"):
        approved = money_text(decision.offer.approved_amount)
    made = f"{decision.create_time.ToDatetime():%Y-%m-%d %H:%M}"  # in UTC
    return f"{decision.decision_id:<30}  {made}  [{style}]{outcome}[/]  {escape(approved):>14}"


def _rules_and_codes(decision: pb.Decision) -> str:
    version = decision.ruleset_ref.version
    rules = f"{decision.product} v{version}" if version else decision.product
    codes = ", ".join(reason.code for reason in decision.reasons)
    return f"{rules}: {codes}" if codes else rules


commands.command()(chain)


@commands.command()
@calls_server
def show(
    decision_id: IdArgument,
    view: ViewOption = View.FULL,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Show one decision."""
    request = service_pb.GetDecisionRequest(decision_id=decision_id, view=view.message)
    with decisions(server) as stub:
        decision = call(stub.GetDecision, request, server).decision
    print_as(form, decision, lambda _: console().print(decision_tree(decision)))


@commands.command()
@calls_server
def replay(
    decision_id: IdArgument,
    version: Annotated[int, whole("of the rules; as recorded if 0", "--version")] = 0,
    digest: Annotated[str, typer.Option("--digest", help="of the rules")] = "",
    view: ViewOption = View.FULL,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Recompute a decision and show what differs, was and now.

    Exit code 1 when anything does.
    """
    request = service_pb.ReplayDecisionRequest(
        decision_id=decision_id,
        ruleset_ref=pb.RulesetRef(version=version, digest=digest),
        view=view.message,
    )
    with decisions(server) as stub:
        reply = call(stub.ReplayDecision, request, server)
        recorded = _recorded(stub, reply, decision_id, server) if form is Format.TABLE else None
    if form is Format.JSON:
        print_json(reply)
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


commands.command()(export)
commands.command()(outcomes)
commands.command()(notice)
commands.command()(notices)
commands.command("notice-sent")(notice_sent)


def _recorded(
    stub: Any, reply: service_pb.ReplayDecisionResponse, decision_id: str, server: ServerOptions
) -> pb.Decision | None:
    if not (reply.differing_fields or reply.changed_fields):
        return None
    view = pb.DECISION_VIEW_FULL if reply.decision.factor_values else pb.DECISION_VIEW_BASIC
    request = service_pb.GetDecisionRequest(decision_id=decision_id, view=view)
    decision: pb.Decision = call(stub.GetDecision, request, server).decision
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


@calls_server
def decide(
    user_id: UserOption,
    product: ProductOption,
    amount: AmountOption = None,
    currency: CurrencyOption = "PHP",
    term: Annotated[int | None, whole("months asked for", "--term")] = None,
    inputs: InputOption = None,
    request_id: Annotated[str, typer.Option("--request-id", help="makes the call repeatable")] = "",
    application_id: ApplicationOption = "",
    customer_ref: CustomerOption = "",
    applicant_name: Annotated[
        str, typer.Option("--applicant-name", help="compared with the vendor's records")
    ] = "",
    applicant_birth_date: Annotated[
        str, typer.Option("--applicant-birth-date", help="YYYY-MM-DD, compared as well")
    ] = "",
    applicant_phone: Annotated[
        str, typer.Option("--applicant-phone", help="compared as well")
    ] = "",
    applicant_email: Annotated[
        str, typer.Option("--applicant-email", help="compared as well")
    ] = "",
    wait: Annotated[
        int, whole("seconds to wait for arriving data", "--wait", most=DAY_SECONDS)
    ] = 0,
    view: ViewOption = View.BASIC,
    timeout: Annotated[float, seconds("deadline in seconds", "--timeout")] = 10.0,
    form: FormatOption = Format.TABLE,
    *,
    server: ServerOptions,
) -> None:
    """Decide one application on a running server."""
    applicant = service_pb.ApplicantDetails(
        name=applicant_name,
        birth_date=applicant_birth_date,
        phone=applicant_phone,
        email=applicant_email,
    )
    request = service_pb.CreateDecisionRequest(
        request_id=request_id,
        user_id=user_id,
        product=product,
        application_id=application_id,
        customer_ref=customer_ref,
        requested_amount=None if amount is None else money_message(amount, currency),
        requested_term_months=term,
        inputs=dict(parse_input(pair) for pair in inputs or ()),
        wait_timeout=Duration(seconds=wait),
        view=view.message,
        applicant=applicant if applicant.ByteSize() else None,
    )
    with decisions(server) as stub:
        decision = call(stub.CreateDecision, request, server, timeout).decision
    print_as(form, decision, lambda _: console().print(decision_tree(decision)))
