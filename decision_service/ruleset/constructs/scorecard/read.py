"""A scorecard: points for each characteristic, and a band with an outcome for the total."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from msgspec.structs import replace

from decision_service.domain.verdict import Component, Outcome
from decision_service.language.diagnostics import Place
from decision_service.language.types import NUMBER, TEXT, Symbol
from decision_service.language.yaml.fields import Fields
from decision_service.language.yaml.nodes import MapNode, Scalar, YamlNode
from decision_service.ruleset.constructs.cells import CellKind, CellReader
from decision_service.ruleset.constructs.scorecard.model import Band, Bin, Card, Characteristic
from decision_service.ruleset.constructs.scorecard.run import ScorecardRunner
from decision_service.ruleset.program.part import Conclusive, Written
from decision_service.ruleset.reading.draft import RulesetDraft

_OUTCOMES = ("APPROVE", "REFER", "DECLINE")
MOST_BINS = 40
_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class ScorecardPart:
    """A scorecard as it was read."""

    card: Card
    place: Place = field(compare=False)
    component: Component = Component.SCORECARD

    def written(self) -> Iterable[Written]:
        """The names that are scored."""
        return [
            Written(c.name, c.place, f"characteristic `{c.name.text}`")
            for c in self.card.characteristics
        ]

    def conclusive(self) -> Iterable[Conclusive]:
        """Each band; its reasons are the characteristics'."""
        explained = all(c.reason for c in self.card.characteristics)
        return [
            Conclusive(b.then, b.place, f"band `{b.name}`", has_reason=explained)
            for b in self.card.bands
        ]

    def unexcused(self) -> Iterable[tuple[Place, str]]:
        """Fixed points for missing data above the worst bin without `because`."""
        for each in self.card.characteristics:
            if each.fixed is not None and each.fixed > each.worst and not each.because:
                what = f"`{each.name.text}` gives {each.fixed} points to missing data"
                yield each.place, f"{what}, more than its worst bin, without `because`"

    def outputs(self) -> Sequence[Symbol]:
        """Score and band."""
        return (self.card.score, self.card.band)

    def runner(self) -> ScorecardRunner:
        """The card, ready to score."""
        return ScorecardRunner(self.card)


def announces(node: YamlNode) -> set[str]:
    """`<id>.score` and `<id>.band`."""
    id_ = node.get("id") if isinstance(node, MapNode) else None
    return {f"{id_.text}.score", f"{id_.text}.band"} if isinstance(id_, Scalar) else set()


def read_scorecard(
    node: YamlNode, _component: Component, draft: RulesetDraft
) -> ScorecardPart | None:
    """The scorecard of a stage; defines its score and band."""
    fields = Fields.of(
        node, "a scorecard", draft.report, required=("id", "base", "characteristics", "bands")
    )
    if fields is None:
        return None
    id_ = draft.family(fields)
    base = fields.decimal("base", -_LARGEST, _LARGEST)
    characteristics = [_characteristic(n, draft) for n in fields.items("characteristics")]
    bands = [_band(n, draft) for n in fields.items("bands")]
    known = tuple(b for b in bands if b is not None)
    for key in ("characteristics", "bands"):
        draft.not_empty(fields, key)
    if id_ is None or not known:
        return None
    return ScorecardPart(_card(id_, base, characteristics, known, draft), fields.place("id"))


def _card(
    id_: str,
    base: Decimal | None,
    characteristics: Sequence[Characteristic | None],
    bands: tuple[Band, ...],
    draft: RulesetDraft,
) -> Card:
    labels = tuple(dict.fromkeys(band.name for band in bands))
    card = Card(
        id=id_,
        base=base or Decimal(0),
        characteristics=tuple(c for c in characteristics if c is not None and c.bins),
        bands=bands,
        score=draft.names.define(f"{id_}.score", NUMBER),
        band=draft.names.define(f"{id_}.band", TEXT, labels=labels),
    )
    score = draft.names.define(f"{id_}.score", NUMBER, card.lowest(), card.highest())
    return replace(card, score=score)


def _characteristic(node: YamlNode, draft: RulesetDraft) -> Characteristic | None:
    optional = ("reason", "missing", "because")
    fields = Fields.of(
        node, "a characteristic", draft.report, required=("factor", "bins"), optional=optional
    )
    if fields is None:
        return None
    name = draft.name(fields.scalar("factor"))
    reason, because = draft.reason(fields, "reason"), fields.text("because")
    fixed, items = _fixed(fields), _bin_nodes(fields, draft)
    if name is None:
        return None
    reader = CellReader(name.symbol, draft.names.currency, draft.report)
    bins = [_bin(item, reader, draft) for item in items]
    return Characteristic(
        name=name,
        bins=tuple(b for b in bins if b is not None),
        reason=reason or "",
        fixed=fixed,
        because=because or "",
        place=fields.place("factor"),
        complete=None not in bins,
    )


def _bin_nodes(fields: Fields, draft: RulesetDraft) -> tuple[YamlNode, ...]:
    items = fields.items("bins")
    draft.not_empty(fields, "bins")
    if len(items) > MOST_BINS:
        message = f"{len(items)} bins; {MOST_BINS} are allowed"
        draft.report.error("R123", fields.place("bins"), message)
    return items[:MOST_BINS]


def _fixed(fields: Fields) -> Decimal | None:
    scalar = fields.scalar("missing") if fields.has("missing") else None
    if scalar is None or scalar.text == "bounds":
        return None
    if not scalar.is_number:
        message = f"`missing` must be `bounds` or points, not `{scalar.text}`"
        fields.report.error("R122", scalar.place, message)
        return None
    return fields.decimal("missing", -_LARGEST, _LARGEST)


def _bin(node: YamlNode, reader: CellReader, draft: RulesetDraft) -> Bin | None:
    fields = Fields.of(node, "a bin", draft.report, required=("in", "points"))
    if fields is None:
        return None
    scalar = fields.scalar("in")
    cell = reader.read(scalar) if scalar is not None else None
    points = fields.decimal("points", -_LARGEST, _LARGEST)
    if cell is None or points is None:
        return None
    if cell.sort in (CellKind.ANYTHING, CellKind.MISSING):
        hint = "say what missing data scores in the characteristic's `missing`"
        message = f"a bin holds values, not `{cell.text}`"
        draft.report.error("R130", cell.place, message, hint)
        return None
    return Bin(cell, points)


def _band(node: YamlNode, draft: RulesetDraft) -> Band | None:
    fields = Fields.of(node, "a band", draft.report, required=("band", "then"), optional=("from",))
    if fields is None:
        return None
    name = fields.scalar("band")
    start = fields.decimal("from", -_LARGEST, _LARGEST)
    then = fields.choice("then", _OUTCOMES)
    if name is None or then is None:
        return None
    return Band(name.text, start, Outcome(then), fields.place("band"))
