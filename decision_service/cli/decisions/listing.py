"""`decisions list`: two lines for each decision, which fit 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from rich.markup import escape

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.api.v1 import decision_service_pb2 as service_pb
from decision_service.cli.client.calls import call, decisions
from decision_service.cli.client.fields import (
    ApplicationOption,
    CustomerOption,
    LimitOption,
    PageOption,
    ProductOption,
    UserOption,
)
from decision_service.cli.client.options import ServerOptions, calls_server
from decision_service.cli.decisions.filters import (
    BeforeOption,
    DecisionFilter,
    FromOption,
    OutcomeOption,
    UnreportedOption,
    made_text,
)
from decision_service.cli.display.output import Format, FormatOption, console, print_json
from decision_service.cli.display.text import money_text, outcome_text
from decision_service.cli.display.tree import outcome_style

_WIDTH = 80
_INDENT = "    "


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
            _below(decision), _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT,
            break_long_words=False, break_on_hyphens=False,
        ))  # fmt: skip
    if reply.next_page_token:
        yield f"More: --page-token {escape(reply.next_page_token)}"


def _head(decision: pb.Decision) -> str:
    style, outcome = outcome_style(decision), f"{outcome_text(decision):<14}"
    approved = "–"
    if decision.HasField("offer") and decision.offer.HasField("approved_amount"):
        approved = money_text(decision.offer.approved_amount)
    made = made_text(decision)
    return f"{decision.decision_id:<30}  {made}  [{style}]{outcome}[/]  {escape(approved):>14}"


def _below(decision: pb.Decision) -> str:
    """The rules, then the reasons' codes."""
    version = decision.ruleset_ref.version
    rules = f"{decision.product} v{version}" if version else decision.product
    codes = ", ".join(reason.code for reason in decision.reasons)
    return f"{rules}: {codes}" if codes else rules
