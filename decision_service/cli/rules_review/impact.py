"""A changed version judged on a case file, against the champion as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec import UNSET
from msgspec.structs import replace

from decision_service.cli.backtest.findings import MeasureCondition, findings, left_out
from decision_service.cli.backtest.local.rules import compared_rules
from decision_service.cli.backtest.local.run import LocalBacktest, answered, require_possible
from decision_service.cli.backtest.local.sources import SourceNames
from decision_service.cli.rules.diff.changes import ChangedVersion
from decision_service.cli.rules.diff.loaded import LoadedRules
from decision_service.cli.rules_review.comment import CommentPart, impact_part
from decision_service.impact.proofs import Proofs
from decision_service.pipeline.backtest.ports import KeyRange
from decision_service.pipeline.backtest.rules import BacktestOrder

_EVER = KeyRange(datetime(1971, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class ReviewedCases:
    """A case file, how its report is divided, what must not be, and how many processes judge."""

    path: Path
    by: tuple[str, ...]
    asked: Sequence[MeasureCondition]
    jobs: int


def judged(
    one: ChangedVersion,
    old: LoadedRules,
    new: LoadedRules,
    cases: ReviewedCases,
    proofs: Proofs | None,
) -> CommentPart:
    """What the version would have done; raises CommandError."""
    compared = compared_rules(old.path, one.after.ruleset, new.file(one.after), {}, ())
    at_hand = {text.digest: text.body for text in new.loading.texts}
    compared = replace(compared, texts={**at_hand, **compared.texts})
    order = BacktestOrder(
        one.after.ruleset,
        compared.base,
        compared.other,
        compared.product.input_names,
        by=cases.by,
    )
    require_possible(order, compared)
    question = LocalBacktest(compared, order, _EVER, jobs=cases.jobs)
    report = answered(question, SourceNames(cases=cases.path))
    report = replace(report, proofs=proofs or UNSET)
    return impact_part(one, report, [*findings(report, cases.asked), *left_out(report)])
