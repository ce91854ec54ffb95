"""The `data:` section: how old, how complete and how combined the evidence may be."""

from __future__ import annotations

import re
from collections.abc import Mapping

from decision_service.domain.needs import ClassRule, CombineIncome, DataPolicy, PartialPolicy
from decision_service.domain.snapshot import Provider
from decision_service.language.fields import Fields
from decision_service.language.nodes import MapNode
from decision_service.language.readers import as_integer
from decision_service.ruleset.draft import Draft
from decision_service.ruleset.sections.data_files import read_classes, read_providers

_GLOB = re.compile(r"[A-Za-z0-9_*?\-]{1,60}")
_MOST_LAG = 24


def read_data(draft: Draft) -> None:
    """Read the section and the `_data` files that belong to every ruleset's content."""
    classes = read_classes(draft.files, draft.report)
    providers = read_providers(draft.files, draft.report)
    draft.policy = _policy(draft, classes, providers)


def _policy(
    draft: Draft, classes: tuple[ClassRule, ...], providers: Mapping[str, Provider]
) -> DataPolicy:
    default = DataPolicy(
        draft.names.currency, transaction_classes=classes, provider_types=providers
    )
    node = draft.root.get("data")
    optional = ("max_age", "partial", "combine_income", "posting_lag_months")
    fields = node and Fields.of(node, "`data`", draft.report, optional=optional)
    if not fields:
        return default
    lags = _lags(fields.map("posting_lag_months"), draft)
    partial = fields.choice("partial", [p.value for p in PartialPolicy])
    combine = fields.choice("combine_income", [c.value for c in CombineIncome])
    return DataPolicy(
        currency=draft.names.currency,
        max_age=fields.duration("max_age") or default.max_age,
        partial=PartialPolicy(partial) if partial else default.partial,
        combine_income=CombineIncome(combine) if combine else default.combine_income,
        posting_lag=tuple((glob, lag) for glob, lag in lags.items() if glob != "default"),
        default_lag=lags.get("default", 0),
        transaction_classes=classes,
        provider_types=providers,
    )


def _lags(node: MapNode | None, draft: Draft) -> dict[str, int]:
    lags: dict[str, int] = {}
    for entry in node.entries if node is not None else ():
        if not _GLOB.fullmatch(entry.key):
            hint = "a provider id, with `*` for any characters: sss_*"
            message = f"`{entry.key}` is no provider pattern"
            draft.report.error("R125", entry.key_place, message, hint)
        months = as_integer(entry.value, f"`{entry.key}`", draft.report, 0, _MOST_LAG)
        if months is not None:
            lags[entry.key] = months
    return lags
