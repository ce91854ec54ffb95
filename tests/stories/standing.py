"""What stands on record beside monthly data: jobs, loans, and the vendor's own tasks."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import KnownCount
from decision_service.language.fields import Fields
from decision_service.language.nodes import Node
from tests.stories.desk import Desk, Json, stamp

_LOAN = ("end", "open", "overdue", "instalment", "frequency", "currency")
_KINDS = {
    "payroll": Kind.INCOMES,
    "estimates": Kind.EINCOMES,
    "contributions": Kind.CONTRIBUTIONS,
    "employments": Kind.EMPLOYMENTS,
    "loans": Kind.LIABILITIES,
    "transactions": Kind.TRANSACTIONS,
}


def employments(desk: Desk, node: Node) -> Iterator[Json]:
    """A job from its first day on, open where it has no last one."""
    fields = Fields.of(
        node, "`employments`", desk.report, required=("from",), optional=("employer", "to")
    )
    if fields is None:
        return
    start, end = desk.date(fields, "from"), desk.date(fields, "to")
    if start:
        yield desk.item(
            employer=fields.text("employer"),
            status="Separated" if end else "Employed",
            startDate=start.isoformat(),
            endDate=end.isoformat() if end else None,
            reportedDate=(end or start).isoformat(),
        )


def loans(desk: Desk, node: Node) -> Iterator[Json]:
    """A loan known to a scheme; what is not written the scheme does not tell."""
    required = ("type", "start", "amount")
    fields = Fields.of(node, "`loans`", desk.report, required=required, optional=_LOAN)
    if fields is None:
        return
    start, end = desk.date(fields, "start"), desk.date(fields, "end")
    if start:
        yield desk.item(
            type=fields.text("type"),
            startDate=start.isoformat(),
            endDate=end.isoformat() if end else None,
            currency=fields.text("currency") or "PHP",
            loanAmount=desk.amount(fields, "amount"),
            amortizationAmount=desk.amount(fields, "instalment"),
            amortizationFrequency=fields.text("frequency") or "Monthly",
            outstandingBalance=desk.amount(fields, "open"),
            overduePaymentAmount=desk.amount(fields, "overdue"),
            nextPaymentAmount=None,
        )


def tasks(desk: Desk, node: Node) -> Iterator[Json]:
    """A collection of data by the vendor, which still runs where it has not finished."""
    fields = Fields.of(
        node, "`tasks`", desk.report, required=("started",), optional=("type", "finished")
    )
    if fields is None:
        return
    started, finished = desk.moment(fields, "started"), desk.moment(fields, "finished")
    if started:
        yield task(desk, fields.text("type") or "LINK_ACCOUNT", stamp(started), finished)


def task(desk: Desk, kind: str, started: str, finished: object) -> Json:
    """A task as the vendor lists it."""
    return desk.item(
        type=kind,
        startedAt=started,
        finishedAt=stamp(finished) if finished else None,
        status="Finished" if finished else "Started",
        datapoints=["EINCOMES"] if finished else [],
    )


def earlier(desk: Desk, node: Node) -> Iterator[KnownCount]:
    """How many records an earlier decision saw of this account, and the newest one's month."""
    required = ("kind", "count")
    fields = Fields.of(node, "`earlier`", desk.report, required=required, optional=("newest",))
    if fields is None:
        return
    kind, count = fields.choice("kind", _KINDS), fields.integer("count", 1)
    newest = desk.month(fields, "newest")
    if kind and count:
        yield KnownCount(desk.id, _KINDS[kind], count, newest.index if newest else None)
