"""Reads what a story says is on record at this lender, in the analyst's words."""

from __future__ import annotations

from decision_service.domain.own_facts import History, OwnFacts, Reuse
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from tests.fakes.newcomer import NEWCOMER
from tests.stories.times import Today, read_date

_AMOUNTS = ("granted", "instalments", "granted_to_others")
_COUNTS = ("applied_today", "applied_in_30_days", "overdue_loans", "repaid_loans")
_USES = ("users_of_account", "customers_of_user", "users_of_person")


def read_on_record(node: YamlNode | None, today: Today, report: Report) -> OwnFacts:
    """The facts of `on_record`; without it nothing is on record."""
    keys = (*_AMOUNTS, *_COUNTS, *_USES, "declined")
    fields = node and Fields.of(node, "`on_record`", report, optional=keys)
    if not fields:
        return NEWCOMER
    granted, instalments, others = (fields.integer(name, 0) or 0 for name in _AMOUNTS)
    in_a_day, in_a_month, overdue, repaid = (fields.integer(name, 0) or 0 for name in _COUNTS)
    declined = fields.get("declined")
    history = History(
        "PHP",
        (in_a_day, in_a_day, in_a_month, in_a_month),
        last_decline=read_date(declined, "`declined`", today, report) if declined else None,
        exposure=100 * granted,
        instalments=100 * instalments,
        overdue_loans=overdue,
        repaid_loans=repaid,
        linked=100 * others,
    )
    uses = (fields.integer(name, 1) or 1 for name in _USES)
    return OwnFacts(history, Reuse(*uses, keyed=True))
