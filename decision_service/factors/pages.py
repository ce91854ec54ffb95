"""One source's transactions apart by bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from decision_service.domain.snapshot import Transaction
from decision_service.factors.classes import Classifier, Signed
from decision_service.factors.runs import TransactionRun
from decision_service.factors.tally import FOREIGN

Page = Sequence[tuple[int, TransactionRun]]
"""Buckets with the runs in them, of which a bucket may have several; each of one sign."""

ABROAD = (FOREIGN, FOREIGN, FOREIGN)


def page_of(records: Sequence[Transaction], classifier: Classifier, currency: str) -> Page:
    """Sort a source's transactions out."""
    alike = _alike(records, classifier, currency).items()
    return tuple([part for signed, group in alike for part in _by_sign(signed, group)])


def _alike(
    records: Sequence[Transaction], classifier: Classifier, currency: str
) -> Mapping[Signed, Sequence[Transaction]]:
    """Transactions grouped by class, whatever the sign, in one loop over all of them."""
    groups: dict[str | None, list[Transaction]] = {}
    alike: dict[Signed, list[Transaction]] = {}
    group_of = groups.get
    for record in records:
        if record.currency != currency:
            alike.setdefault(ABROAD, []).append(record)
            continue
        group = group_of(record.description)
        if group is None:
            signed = classifier.signed(record.description)
            group = groups[record.description] = alike.setdefault(signed, [])
        group.append(record)
    return alike


def _by_sign(
    signed: Signed, records: Sequence[Transaction]
) -> Iterator[tuple[int, TransactionRun]]:
    """The runs of credits, of debits, and of amounts of zero; mostly there is only one."""
    run = TransactionRun(records)
    if run.sign is not None:
        yield signed[run.sign], run
        return
    for sign in (0, 1, -1):
        part = [r for r in records if (r.amount > 0) - (r.amount < 0) == sign]
        if part:
            yield signed[sign], TransactionRun(part)
