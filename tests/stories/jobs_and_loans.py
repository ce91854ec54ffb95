"""What stands on record beside monthly data: jobs, loans, and the vendor's own tasks."""

from __future__ import annotations

from collections.abc import Iterator

from decision_service.domain.kinds import Kind
from decision_service.domain.snapshot import KnownCount
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from tests.stories.writer import AccountWriter, Json, stamp

_LOAN = ("end", "open", "overdue", "instalment", "frequency", "currency")
_KINDS = {
    "payroll": Kind.INCOMES,
    "estimates": Kind.EINCOMES,
    "contributions": Kind.CONTRIBUTIONS,
    "employments": Kind.EMPLOYMENTS,
    "loans": Kind.LIABILITIES,
    "transactions": Kind.TRANSACTIONS,
}


def employments(writer: AccountWriter, node: YamlNode) -> Iterator[Json]:
    """A job from its first day on, open where it has no last one."""
    fields = Fields.of(
        node, "`employments`", writer.report, required=("from",), optional=("employer", "to")
    )
    if fields is None:
        return
    start, end = writer.date(fields, "from"), writer.date(fields, "to")
    if start:
        yield writer.item(
            employer=fields.text("employer"),
            status="Separated" if end else "Employed",
            startDate=start.isoformat(),
            endDate=end.isoformat() if end else None,
            reportedDate=(end or start).isoformat(),
        )


def loans(writer: AccountWriter, node: YamlNode) -> Iterator[Json]:
    """A loan known to a scheme; what is not written the scheme does not tell."""
    required = ("type", "start", "amount")
    fields = Fields.of(node, "`loans`", writer.report, required=required, optional=_LOAN)
    if fields is None:
        return
    start, end = writer.date(fields, "start"), writer.date(fields, "end")
    if start:
        yield writer.item(
            type=fields.text("type"),
            startDate=start.isoformat(),
            endDate=end.isoformat() if end else None,
            currency=fields.text("currency") or "PHP",
            loanAmount=writer.amount(fields, "amount"),
            amortizationAmount=writer.amount(fields, "instalment"),
            amortizationFrequency=fields.text("frequency") or "Monthly",
            outstandingBalance=writer.amount(fields, "open"),
            overduePaymentAmount=writer.amount(fields, "overdue"),
            nextPaymentAmount=None,
        )


def tasks(writer: AccountWriter, node: YamlNode) -> Iterator[Json]:
    """A collection of data by the vendor, which still runs where it has not finished."""
    fields = Fields.of(
        node, "`tasks`", writer.report, required=("started",), optional=("type", "finished")
    )
    if fields is None:
        return
    started, finished = writer.moment(fields, "started"), writer.moment(fields, "finished")
    if started:
        yield task(writer, fields.text("type") or "LINK_ACCOUNT", stamp(started), finished)


def task(writer: AccountWriter, kind: str, started: str, finished: object) -> Json:
    """A task as the vendor lists it."""
    return writer.item(
        type=kind,
        startedAt=started,
        finishedAt=stamp(finished) if finished else None,
        status="Finished" if finished else "Started",
        datapoints=["EINCOMES"] if finished else [],
    )


def earlier(writer: AccountWriter, node: YamlNode) -> Iterator[KnownCount]:
    """How many records an earlier decision saw of this account, and the newest one's month."""
    required = ("kind", "count")
    fields = Fields.of(node, "`earlier`", writer.report, required=required, optional=("newest",))
    if fields is None:
        return
    kind, count = fields.choice("kind", _KINDS), fields.integer("count", 1)
    newest = writer.month(fields, "newest")
    if kind and count:
        yield KnownCount(writer.id, _KINDS[kind], count, newest.index if newest else None)
