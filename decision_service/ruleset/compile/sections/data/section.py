"""The `data:` section: how old, how complete and how combined the evidence may be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from msgspec.structs import replace

from decision_service.domain.needs import CombineIncome, DataPolicy, PartialPolicy
from decision_service.language.diagnostics import Report
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapEntry
from decision_service.language.yaml.readers import as_integer
from decision_service.ruleset.compile.sections.data.ceilings import read_ceilings
from decision_service.ruleset.compile.sections.data.data_files import read_classes, read_providers
from decision_service.ruleset.compile.sections.data.employers import read_employers
from decision_service.ruleset.compile.sections.data.shared_files import check_pattern
from decision_service.ruleset.reading.draft import RulesetDraft

KEYS = ("max_age", "partial", "combine_income", "posting_lag_months", "posting_lag_days")
MOST_MONTHS, MOST_DAYS = 24, 92
DEFAULT, PAYROLL = "default", "payroll"
_GLOB = re.compile(r"[A-Za-z0-9_*?\-]{1,60}")


def read_data(draft: RulesetDraft) -> None:
    """Read the section and the `_data` files that belong to every ruleset's content."""
    policy = _of_files(draft)
    node = draft.root.get("data")
    fields = node and Fields.of(node, "`data`", draft.report, optional=KEYS)
    draft.policy = _with_section(policy, fields, draft) if fields else policy


def _of_files(draft: RulesetDraft) -> DataPolicy:
    files, report = draft.files, draft.report
    listed = read_providers(files, report)
    employers = read_employers(files, report)
    providers = {each.provider.id: each.provider for each in listed}
    return DataPolicy(
        draft.names.currency,
        transaction_classes=read_classes(files, report),
        provider_types=providers,
        ceilings=read_ceilings(files, providers, report),
        not_employers=employers.none,
        legal_forms=employers.legal_forms,
        document_providers=frozenset(e.provider.id for e in listed if e.documents),
        fee_providers=frozenset(e.provider.id for e in listed if e.charges_fees),
    )


def _with_section(policy: DataPolicy, fields: Fields, draft: RulesetDraft) -> DataPolicy:
    months = _lags(fields, "posting_lag_months", MOST_MONTHS, (DEFAULT,), policy, draft)
    days = _lags(fields, "posting_lag_days", MOST_DAYS, (DEFAULT, PAYROLL), policy, draft)
    partial = fields.choice("partial", [p.value for p in PartialPolicy])
    combine = fields.choice("combine_income", [c.value for c in CombineIncome])
    return replace(
        policy,
        max_age=fields.duration("max_age") or policy.max_age,
        partial=PartialPolicy(partial) if partial else policy.partial,
        combine_income=CombineIncome(combine) if combine else policy.combine_income,
        default_lag=months.pop(DEFAULT, policy.default_lag),
        posting_lag=tuple(months.items()),
        default_lag_days=days.pop(DEFAULT, policy.default_lag_days),
        payroll_lag_days=days.pop(PAYROLL, policy.payroll_lag_days),
        posting_lag_days=tuple(days.items()),
    )


def _lags(
    fields: Fields,
    key: str,
    most: int,
    words: Iterable[str],
    policy: DataPolicy,
    draft: RulesetDraft,
) -> dict[str, int]:
    """Months or days by provider pattern; `words` are keys that are no patterns."""
    node, report = fields.map(key), draft.report
    lags: dict[str, int] = {}
    _warn_of_hidden(
        [e for e in (node.entries if node else ()) if e.key not in words], policy, report
    )
    for entry in node.entries if node is not None else ():
        if not _GLOB.fullmatch(entry.key):
            hint = "a provider id, with `*` for any characters: sss_*"
            message = f"`{entry.key}` is no provider pattern"
            report.error("R125", entry.key_place, message, hint)
        elif entry.key not in words:
            check_pattern(entry.key, entry.key_place, policy.provider_types, report)
        lag = as_integer(entry.value, f"`{entry.key}`", report, 0, most)
        if lag is not None:
            lags[entry.key] = lag
    return lags


def _warn_of_hidden(entries: Iterable[MapEntry], policy: DataPolicy, report: Report) -> None:
    """R137 for a pattern whose providers all match earlier ones: the first that matches counts."""
    taken: set[str] = set()
    for entry in entries:
        matched = {each for each in policy.provider_types if fnmatchcase(each, entry.key)}
        if matched and matched <= taken:
            message = f"`{entry.key}` never counts: patterns above it match all its providers"
            report.warning("R137", entry.key_place, message, "move it up, or remove it")
        taken |= matched
