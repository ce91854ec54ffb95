"""The two sets of rules of a backtest, with constants moved for a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from operator import attrgetter

import msgspec
from msgspec.structs import replace

from decision_service.author.backtest.judge import BacktestRules
from decision_service.author.backtest.report import DatedFigure, ReportSubject
from decision_service.author.constants import FigureSetter, NamedVersion, SetFigure
from decision_service.factors.registry import known_factors
from decision_service.rulebook.archive import files_from_body, ruleset_text
from decision_service.rulebook.rulebook import Product
from decision_service.rules.compile import compile_ruleset
from decision_service.rules.program import CompiledRuleset, RulesetFiles

WHOLE = 1 << 32

MOST_DATED = 20_000
"""About so many applicants at most are judged on the days on which dated figures change."""

FEWEST_DATED = 500
"""About so many at least: fewer would show chance alone, and these cost a second."""

_APPLICANT = 2
"""Evaluations of another day that cost as much as all else that is done for an applicant."""

SOON = timedelta(days=60)
"""Dated figures that change until then are tried."""


class RulesOrder(msgspec.Struct, frozen=True):
    body: bytes
    figures: Mapping[str, str] = {}
    lists: Mapping[str, str] = {}

    @property
    def files(self) -> RulesetFiles:
        return replace(files_from_body(self.body), lists=self.lists)


class DecisionSource(msgspec.Struct, frozen=True):
    """A store by its URL, with its file of data keys, or a file of `cases`.

    A file has no rules: `texts` are the stored files of versions by digest.
    """

    store_url: str = ""
    data_keys: str = ""
    cases: str = ""
    texts: Mapping[str, bytes] = {}


class BacktestOrder(msgspec.Struct):
    """All that a worker of a run needs to know; `window` begins with the first decision.

    `engine_version` is that of the program that asks.
    `by` are the dimensions of the report; `share` of the applicants are judged, in 2**32 parts,
    chosen by a hash of `seed` and the user. `points` are the figures of each point of a sweep, set
    on top of those of `other`. The days of `dated` figures are judged for `dated_share` of the
    applicants.
    """

    product: str
    base: RulesOrder
    other: RulesOrder
    known: frozenset[str]
    params_as_of: date | None = None
    by: tuple[str, ...] = ()
    share: int = WHOLE
    seed: int = 0
    points: tuple[Mapping[str, str], ...] = ()
    dated_share: int = WHOLE
    dated: tuple[DatedFigure, ...] = ()
    source: DecisionSource = DecisionSource()
    window: datetime | None = None
    engine_version: str = ""


def rules_of(order: BacktestOrder) -> BacktestRules:
    """The compiled rules of an order; raises FiguresUnfit."""
    base = compiled(order.base)
    other = compiled(order.other)
    points = _moved(order.other, order.points)
    days = tuple(sorted({one.day for one in order.dated}))
    return BacktestRules(
        base,
        other,
        order.by,
        params_as_of=order.params_as_of,
        points=points,
        days=days,
    )


def _moved(other: RulesOrder, every: tuple[Mapping[str, str], ...]) -> tuple[CompiledRuleset, ...]:
    if not every:
        return ()
    setter = FigureSetter(other.files, known_factors())
    return tuple(setter.compiled({**other.figures, **figures})[0] for figures in every)


def compiled(order: RulesOrder) -> CompiledRuleset:
    """The version with its figures set; raises FiguresUnfit."""
    files = order.files
    if order.figures:
        return FigureSetter(files, known_factors()).compiled(order.figures)[0]
    ruleset = compile_ruleset(files, known_factors(), checks=()).ruleset
    if ruleset is None:
        raise ValueError(f"{files.path} does not compile")
    return ruleset


class ComparedRules(msgspec.Struct, frozen=True):
    """A product, its champion, and what that is compared with.

    `name` is how reports call the other side; `figures` are those that were set, and `present` are
    the values in force of those that a sweep goes through. `texts` are
    the stored files of versions at hand by digest, for decisions without a store.
    """

    product: Product
    base: RulesOrder
    other: RulesOrder
    changed: CompiledRuleset
    name: str
    figures: tuple[SetFigure, ...]
    present: tuple[str, ...]
    texts: Mapping[str, bytes]


def compared(
    product: Product,
    base: NamedVersion,
    changed: NamedVersion,
    figures: Mapping[str, str],
    points: Sequence[Mapping[str, str]],
    texts: Mapping[str, bytes],
) -> ComparedRules:
    """Both sides, the other with figures set; each point is tried. Raises FiguresUnfit."""
    ruleset = changed.ruleset
    moved: tuple[SetFigure, ...] = ()
    present: tuple[str, ...] = ()
    if figures or points:
        setter = FigureSetter(changed.files, known_factors())
        if figures:
            ruleset, moved = setter.compiled(figures)
        for point in points:
            _, found = setter.compiled({**figures, **point})
            present = tuple(one.before for one in found if one.at in point)
    name = f"v{changed.ruleset.version}"
    shown = ", ".join(f"{one.at.removeprefix('params.')} {one.after}" for one in moved)
    return ComparedRules(
        product,
        _order(base, {}),
        _order(changed, figures),
        changed=ruleset,
        name=f"{name} with {shown}" if shown else name,
        figures=moved,
        present=present,
        texts=texts,
    )


def _order(version: NamedVersion, figures: Mapping[str, str]) -> RulesOrder:
    body = ruleset_text(version.ruleset, version.files).body
    return RulesOrder(body, dict(figures), dict(version.files.lists or {}))


def changes_nothing(order: BacktestOrder, compared: ComparedRules) -> bool:
    same = compared.changed.digest == compared.product.champion.digest
    return same and not order.points and order.params_as_of is None


def draw(order: BacktestOrder, sample: int, decided: int) -> float:
    """Set the shares of an order for a sample (0: all) and its dated days; the first is returned.

    On these days as many applicants are judged as fit in a tenth of the run.
    """
    share = min(1.0, sample / decided) if sample else 1.0
    each = 2 * len({one.day for one in order.dated})
    fitting = share * decided * (_APPLICANT + len(order.points)) / 10 / max(each, 1)
    dated = min(MOST_DATED, max(FEWEST_DATED, fitting))
    order.share = int(share * WHOLE)
    order.dated_share = int(min(1.0, dated / decided) * WHOLE)
    return share


def dated_figures(
    order: BacktestOrder, ruleset: CompiledRuleset, today: date
) -> tuple[DatedFigure, ...]:
    """What changes within 60 days of today, or of the day whose parameters are taken."""
    since = order.params_as_of or today
    shown = ruleset.program.wording.value
    found = [
        DatedFigure(
            later.start,
            ".".join(("params", param.name, *([values.label or "other"] if param.by else ()))),
            shown(step.value, param.type),
            after=shown(later.value, param.type),
        )
        for param in ruleset.params.values()
        for values in param.series
        for step, later in pairwise(values.steps)
        if later.start is not None and since < later.start <= since + SOON
    ]
    found.sort(key=attrgetter("day", "at"))
    return tuple(found)


def subject_of(
    compared: ComparedRules, order: BacktestOrder, edges: tuple[datetime, datetime], share: float
) -> ReportSubject:
    base = compared.product.champion
    other = compared.changed
    since = edges[0].astimezone(base.zone).isoformat(timespec="seconds")
    until = edges[1].astimezone(base.zone).isoformat(timespec="seconds")
    return ReportSubject(
        order.product,
        base.currency,
        f"v{base.version}",
        base_digest=base.digest,
        other=compared.name,
        other_digest=other.digest,
        figures=tuple((one.at, one.before, one.after) for one in compared.figures),
        since=since,
        until=until,
        engine_version=order.engine_version,
        params_as_of=str(order.params_as_of or ""),
        by=order.by,
        sample=share,
        seed=order.seed,
        swept=tuple(order.points[0]) if order.points else (),
        points=tuple(tuple(point.values()) for point in order.points),
        present=compared.present,
        dated=order.dated,
    )
