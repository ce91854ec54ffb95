"""Two versions on the same decisions, by the figures of an impact report."""

from __future__ import annotations

import msgspec

from decision_service.api.v1 import rollout_figures_pb2 as pb
from decision_service.domain.money import Money
from decision_service.edge.rpc.mapping.values import money_to_message, timestamp
from decision_service.impact.applicant import LeftOut
from decision_service.impact.sums import (
    CauseRow,
    ImpactSums,
    MatrixRow,
    Rate,
    causes_of,
    matrix_of,
    rates_of,
    reasons_of,
)
from decision_service.pipeline.rollout.pairs.compare import VersionComparison
from decision_service.pipeline.rollout.pairs.untried import UntriedValue


class LeftOutCounts(msgspec.Struct, frozen=True):
    """Decisions that were not compared: data erased, rules failed, all else."""

    erased: int
    failed: int
    not_comparable: int


def left_out_counts(sums: ImpactSums) -> LeftOutCounts:
    """Who was left out, in three kinds."""
    counts = sums.left_out
    erased, failed = (counts.get(why.value, 0) for why in (LeftOut.ERASED, LeftOut.RULE_ERROR))
    return LeftOutCounts(erased, failed, sum(counts.values()) - erased - failed)


def comparison_message(found: VersionComparison) -> pb.VersionComparison:
    """Two versions on the same decisions."""
    sums, left_out = found.sums, left_out_counts(found.sums)
    return pb.VersionComparison(
        product=found.product,
        live_version=found.live_version,
        other_version=found.other_version,
        since_time=timestamp(found.since),
        compared=sums.everybody.applicants,
        agreed=sums.agreed,
        not_comparable=left_out.not_comparable,
        failed=left_out.failed,
        outcomes=[_outcomes(row, found.currency) for row in matrix_of(sums)],
        moves=[_move(row) for row in causes_of(sums)],
        erased=left_out.erased,
        params_as_of="" if found.params_as_of is None else found.params_as_of.isoformat(),
        untried=[_untried(value) for value in found.untried],
        lists_of_today=found.lists_of_today,
        rates=[_rate(rate) for rate in rates_of(sums)],
        reasons=[
            pb.ComparedReason(live=old, other=new, count=count)
            for old, new, count in reasons_of(sums)
        ],
    )


def _outcomes(row: MatrixRow, currency: str) -> pb.ComparedOutcomes:
    return pb.ComparedOutcomes(
        live=f"OUTCOME_{row.before}",
        other=f"OUTCOME_{row.after}",
        count=row.applicants,
        live_amount=money_to_message(Money(currency, row.amount_before)),
        other_amount=money_to_message(Money(currency, row.amount_after)),
        examples=row.examples,
    )


def _move(row: CauseRow) -> pb.ComparedMove:
    return pb.ComparedMove(
        change=row.name,
        count=row.named,
        example=row.examples[0] if row.examples else "",
        first=row.first,
        alone=row.alone,
        gained=row.gained,
        lost=row.lost,
    )


def _rate(rate: Rate) -> pb.ComparedRate:
    told = rate.difference
    return pb.ComparedRate(
        outcome=f"OUTCOME_{rate.outcome}",
        live_percent=_hundredths(rate.before.share),
        other_percent=_hundredths(rate.after.share),
        difference=_hundredths(told.difference),
        low=_hundredths(told.low),
        high=_hundredths(told.high),
    )


def _hundredths(share: float) -> str:
    return f"{share * 100 + 0.0:.2f}"


def _untried(value: UntriedValue) -> pb.UntriedValue:
    return pb.UntriedValue(
        version=value.version,
        parameter=value.param,
        from_date="" if value.start is None else value.start.isoformat(),
        value=value.value,
    )
