"""`_data/scheme_ceilings.yaml`: the most that a scheme can tell of a month's income, by date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from decision_service.domain.needs import SchemeCeiling
from decision_service.language.diagnostics import Place, Report
from decision_service.language.expressions.literals import money_minor
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import YamlNode
from decision_service.ruleset.compile.sections.data.shared_files import (
    check_pattern,
    opened,
    shared,
)
from decision_service.ruleset.program.model import RulesetFiles
from decision_service.ruleset.reading.literals import as_amount, as_currency

CEILINGS_FILE = "scheme_ceilings.yaml"
_KEYS = ("provider", "currency", "since", "amount")


class _Written(msgspec.Struct, frozen=True):
    """A ceiling and where its provider stands."""

    ceiling: SchemeCeiling
    place: Place


def read_ceilings(
    files: RulesetFiles, providers: Iterable[str], report: Report
) -> tuple[SchemeCeiling, ...]:
    """The ceilings in file order; their patterns must match one of the providers, if any."""
    known = list(providers)
    written = shared(_ceilings, files, CEILINGS_FILE, report) or ()
    for each in written:
        check_pattern(each.ceiling.provider, each.place, known, report)
    return tuple(each.ceiling for each in written)


def _ceilings(path: str, text: str, report: Report) -> tuple[_Written, ...]:
    fields = opened(path, text, report, required=("ceilings",))
    items = fields.items("ceilings") if fields is not None else ()
    read = [_ceiling(item, report) for item in items]
    written = tuple(each for each in read if each is not None)
    _check_repeated(written, report)
    return written


def _ceiling(node: YamlNode, report: Report) -> _Written | None:
    fields = Fields.of(node, "a ceiling", report, required=_KEYS)
    if fields is None:
        return None
    provider, since = fields.text("provider"), fields.day("since")
    currency = as_currency(fields.scalar("currency"), report)
    minor = None if currency is None else _amount(fields, currency)
    if provider is None or currency is None or since is None or minor is None:
        return None
    return _Written(SchemeCeiling(provider, currency, since, minor), fields.place("provider"))


def _amount(fields: Fields, currency: str) -> int | None:
    node = fields.get("amount")
    amount = None if node is None else as_amount(node, "`amount`", currency, fields.report)
    if amount is not None and amount <= 0:
        fields.report.error("R123", fields.place("amount"), "a ceiling must be above 0")
        return None
    return None if amount is None else money_minor(amount, currency)


def _check_repeated(written: Sequence[_Written], report: Report) -> None:
    seen: set[tuple[object, ...]] = set()
    for each in written:
        found = each.ceiling
        key = (found.provider, found.currency, found.since)
        if key in seen:
            message = f"the ceiling of `{found.provider}` since {found.since} is repeated"
            report.error("R124", each.place, message, "leave one of the two")
        seen.add(key)
