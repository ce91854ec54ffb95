"""Backtests on the wire."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from decision_service.api.v1 import backtest_service_pb2 as pb
from decision_service.edge.rpc.mapping.problems import Problems, check_product
from decision_service.edge.rpc.mapping.values import timestamp
from decision_service.pipeline.backtest.runs.model import BacktestRun
from decision_service.pipeline.backtest.runs.operate import BacktestQuestion
from decision_service.pipeline.backtest.sweep import FigureRange, SweepUnfit, points_of

_RUN_ID = re.compile(r"bt_[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?", re.ASCII)
_MOST = 50
"""Figures to set and dimensions to divide by."""

_LONGEST = 200


def question_from(request: pb.StartBacktestRequest) -> BacktestQuestion:
    """What to judge; raises FieldInvalid with every malformed field."""
    problems = Problems()
    check_product(problems, request.product)
    if request.version < 0 or (request.version and request.source):
        problems.add("version", f"is {request.version}: it must be a version, or 0 beside `source`")
    for field in ("sample_size", "seed"):
        if getattr(request, field) < 0:
            problems.add(field, f"is {getattr(request, field)}: it must be 0 or more")
    _check_words(request, problems)
    first, last, day = (_day(request, name, problems) for name in _DAYS)
    points = _points(request, problems)
    problems.raise_if_any()
    return BacktestQuestion(
        request.product,
        request.version,
        request.source,
        dict(request.figures),
        points,
        first,
        last,
        day,
        tuple(request.by),
        request.sample_size or None,
        request.seed,
    )


_DAYS = ("from_date", "to_date", "params_as_of")


def run_id_from(run_id: str) -> str:
    """A well-formed id of a run; raises FieldInvalid."""
    problems = Problems()
    problems.text("backtest_id", run_id, _RUN_ID, "`bt_` and a ULID")
    problems.raise_if_any()
    return run_id


def run_message(run: BacktestRun) -> pb.Backtest:
    """A run as callers see it."""
    return pb.Backtest(
        backtest_id=run.run_id,
        product=run.product,
        title=run.title,
        state=f"BACKTEST_STATE_{run.state}",
        ranges_done=run.done,
        ranges_total=run.ranges,
        who=run.who,
        create_time=timestamp(run.created),
        end_time=None if run.ended is None else timestamp(run.ended),
        problem=run.problem,
    )


def _check_words(request: pb.StartBacktestRequest, problems: Problems) -> None:
    for field, words in (("figures", [*request.figures]), ("by", [*request.by])):
        if len(words) > _MOST:
            problems.add(field, f"has {len(words)} entries and {_MOST} are the most")
        if any(not 0 < len(word) <= _LONGEST for word in words):
            problems.add(field, f"has a name that is empty or longer than {_LONGEST} characters")


def _day(request: pb.StartBacktestRequest, field: str, problems: Problems) -> date | None:
    text = getattr(request, field)
    return problems.date(field, text) if text else None


def _points(request: pb.StartBacktestRequest, problems: Problems) -> tuple[dict[str, str], ...]:
    ranges = []
    for place, one in enumerate(request.sweeps):
        words = (one.first, one.last, one.step)
        if not one.figure or not all(_DECIMAL.fullmatch(word) for word in words):
            problems.add(f"sweeps[{place}]", "must have a figure, and decimals from, to and step")
            return ()
        ranges.append(FigureRange(one.figure, *map(Decimal, words)))
    try:
        return tuple(map(dict, points_of(ranges)))
    except SweepUnfit as error:
        problems.add("sweeps", f"do not do: {error}")
        return ()
