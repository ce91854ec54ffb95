"""Expectations of a rule test, and the differences of a verdict from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from decision_service.domain.decision import OfferKind, Outcome, ReferKind, Verdict
from decision_service.domain.factor import Value
from decision_service.domain.values import DataReason, Money
from decision_service.rules.knockouts import ConditionsRunner
from decision_service.rules.language.diagnostics import Place, Report, did_you_mean
from decision_service.rules.language.fields import Fields, as_scalar
from decision_service.rules.language.yaml import ListNode, MapNode, Scalar, YamlNode
from decision_service.rules.offer import OfferRunner
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.scorecard import ScorecardRunner
from decision_service.rules.stages import unconditional

_OUTCOMES = [o.value for o in Outcome if o is not Outcome.NOT_ENROLLED]
R = TypeVar("R")
Named = tuple[str, Place]

_REASONS = ("reasons", "reasons_include", "reasons_exclude")
_LISTS = (*_REASONS, "conditions", "data_requests", "tags")
_MAPS = ("scores", "bands")
OFFER_KEYS = (
    "kind",
    "approved_amount",
    "max_amount",
    "term_months",
    "monthly_rate",
    "tier",
    "binding",
    "term_binding",
)
"""The lines of an offer that every version may expect."""

NO_OFFER: Mapping[str, Any] = {}


class Difference(msgspec.Struct, frozen=True):
    field: str
    expected: str
    actual: str


class Expectation(msgspec.Struct, frozen=True):
    """What was written under `expect`; only what was written is compared.

    `lists` and `maps` hold the keys that were given. `offer` None says nothing about the offer, an
    empty one that none is made.
    """

    outcome: Outcome | None
    refer_kind: ReferKind | None
    lists: Mapping[str, tuple[str, ...]]
    maps: Mapping[str, Mapping[str, Any]]
    offer: Mapping[str, Any] | None

    def differences(self, verdict: Verdict) -> tuple[Difference, ...]:
        found = [
            differs("outcome", self.outcome, verdict.outcome),
            differs("refer_kind", self.refer_kind, verdict.refer_kind),
            *(_listed(key, given, verdict) for key, given in self.lists.items()),
            *self._mapped(verdict),
            *self._offered(verdict),
        ]
        return tuple(difference for difference in found if difference is not None)

    def _mapped(self, verdict: Verdict) -> Iterable[Difference | None]:
        scores = {s.scorecard: s.score for s in verdict.scores}
        bands = {s.scorecard: s.band for s in verdict.scores}
        for key, actual in (("scores", scores), ("bands", bands)):
            for name, expected in self.maps.get(key, {}).items():
                yield differs(f"{key}.{name}", expected, actual.get(name, "none"))

    def _offered(self, verdict: Verdict) -> Iterable[Difference | None]:
        if self.offer is None:
            return
        if not self.offer or verdict.offer is None:
            made = "none" if verdict.offer is None else "one"
            yield differs("offer", "none" if not self.offer else "one", made)
            return
        values = {name: getattr(verdict.offer, name) for name in OFFER_KEYS}
        actual = {**values, **verdict.offer.outputs}
        for name, expected in self.offer.items():
            yield differs(f"offer.{name}", expected, _plain(actual.get(name, "none")))


NOTHING_EXPECTED = Expectation(None, None, {}, {}, None)


def _plain(value: Value | OfferKind | None) -> Any:
    if value is None:
        return "none"
    return value.major if isinstance(value, Money) else value


def differs(field: str, expected: Any, actual: Any) -> Difference | None:
    """The difference of two values; None where they are equal, or nothing is expected."""
    if expected is None or expected == actual:
        return None
    return Difference(field, shown(expected), shown(actual))


def shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)


_ACTUAL: Mapping[str, Callable[[Verdict], Iterable[str]]] = {
    **dict.fromkeys(_REASONS, lambda verdict: (str(reason.code) for reason in verdict.reasons)),
    "conditions": lambda verdict: (condition.id for condition in verdict.conditions),
    "data_requests": lambda verdict: (request.factor for request in verdict.data_requests),
    "tags": lambda verdict: (tag.name for tag in verdict.tags),
}


def _listed(key: str, given: tuple[str, ...], verdict: Verdict) -> Difference | None:
    actual, expected = tuple(_ACTUAL[key](verdict)), shown(given)
    match key:
        case "reasons_include":
            met = set(given) <= set(actual)
        case "reasons_exclude":
            met, expected = set(given).isdisjoint(actual), f"none of {expected}"
        case "tags":  # also those for colleagues alone, in any order
            met = set(given) == set(actual)
        case _:
            met = given == actual
    return None if met else Difference(key, expected, shown(actual))


def read_expectation(node: YamlNode, report: Report) -> Expectation | None:
    optional = ("refer_kind", "offer", *_LISTS, *_MAPS)
    fields = Fields.of(node, "`expect`", report, required=("outcome",), optional=optional)
    if fields is None:
        return None
    outcome = fields.choice("outcome", _OUTCOMES)
    kind = fields.choice("refer_kind", [k.value for k in ReferKind])
    return Expectation(
        outcome=Outcome(outcome) if outcome else None,
        refer_kind=ReferKind(kind) if kind else None,
        lists={key: _texts(fields, key) for key in _LISTS if fields.has(key)},
        maps={key: _literals(fields.map(key), report) for key in _MAPS if fields.has(key)},
        offer=_offer(fields, report),
    )


def _texts(fields: Fields, key: str) -> tuple[str, ...]:
    scalars = [as_scalar(item, f"`{key}`", fields.report) for item in fields.items(key)]
    return tuple(s.text for s in scalars if s is not None)


def _offer(fields: Fields, report: Report) -> Mapping[str, Any] | None:
    node = fields.get("offer")
    if node is None:
        return None
    if isinstance(node, Scalar) and node.text == "none":
        return NO_OFFER
    return _literals(fields.map("offer"), report)


def _literals(node: MapNode | None, report: Report) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in node.entries if node is not None else ():
        scalar = as_scalar(entry.value, f"`{entry.key}`", report)
        if scalar is not None:
            found[entry.key] = _literal(scalar)
    return found


def _literal(scalar: Scalar) -> Any:
    if scalar.is_number:
        return Decimal(scalar.text)
    return scalar.text == "true" if scalar.is_flag else scalar.text


def check_expected(node: YamlNode, ruleset: CompiledRuleset, report: Report) -> None:
    """R207 for each unknown reason; R808 for each condition, tag, card, band and offer line."""
    if not isinstance(node, MapNode):
        return
    codes = {*ruleset.reasons, *(code.value for code in DataReason)}
    for key in _REASONS:
        _check(_items(node.get(key)), codes, "R207", "unknown reason", report)
    version = f"{ruleset.ruleset} v{ruleset.version} has no"
    known = {d.id for r in _runners(ruleset, ConditionsRunner) for d in r.demands}
    _check(_items(node.get("conditions")), known, "R808", f"{version} condition", report)
    _check(_items(node.get("tags")), set(ruleset.tags), "R808", f"{version} tag", report)
    cards = {runner.card.id: runner.card for runner in _runners(ruleset, ScorecardRunner)}
    for key in ("scores", "bands"):
        _check(_keyed(node.get(key)), set(cards), "R808", f"{version} scorecard", report)
    for card, name, place in _valued(node.get("bands")):
        bands = {band.name for band in cards[card].bands} if card in cards else {name}
        _check([(name, place)], bands, "R808", f"the scorecard `{card}` has no band", report)
    lines = {line for r in _runners(ruleset, OfferRunner) for line in r.terms.lines}
    _check(
        _keyed(node.get("offer")), lines | {*OFFER_KEYS}, "R808", f"{version} offer line", report
    )


def _check(
    named: Iterator[Named] | list[Named], known: set[str], code: str, what: str, report: Report
) -> None:
    for name, place in named:
        if name not in known:
            report.error(code, place, f"{what} `{name}`", did_you_mean(name, known))


def _runners(ruleset: CompiledRuleset, kind: type[R]) -> Iterator[R]:
    for stage in (*ruleset.program.stages, *ruleset.program.closing):
        runner = unconditional(stage.runner)
        if isinstance(runner, kind):
            yield runner


def _items(node: YamlNode | None) -> Iterator[Named]:
    for item in node.items if isinstance(node, ListNode) else ():
        if isinstance(item, Scalar) and not item.torn:
            yield item.text, item.place


def _keyed(node: YamlNode | None) -> Iterator[Named]:
    for entry in node.entries if isinstance(node, MapNode) else ():
        yield entry.key, entry.key_place


def _valued(node: YamlNode | None) -> Iterator[tuple[str, str, Place]]:
    for entry in node.entries if isinstance(node, MapNode) else ():
        if isinstance(entry.value, Scalar) and not entry.value.torn:
            yield entry.key, entry.value.text, entry.value.place
