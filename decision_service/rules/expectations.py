"""Expectations of a rule test, and the differences of a verdict from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from decision_service.domain.decision import OfferKind, Outcome, ReferKind, Verdict
from decision_service.domain.factor import Value
from decision_service.domain.values import DataReason, Money
from decision_service.rules.knockouts import ConditionsRunner
from decision_service.rules.language.diagnostics import Place, Report, did_you_mean
from decision_service.rules.language.fields import Fields, as_scalar
from decision_service.rules.language.yaml import ListNode, MapEntry, MapNode, Scalar, YamlNode
from decision_service.rules.offer import OfferRunner
from decision_service.rules.program import CompiledRuleset
from decision_service.rules.scorecard import ScorecardRunner
from decision_service.rules.stages import unconditional

# A plan enrols applicants, no rule does.
_OUTCOMES = [o.value for o in Outcome if o is not Outcome.NOT_ENROLLED]

_LISTS = ("reasons", "conditions", "data_requests", "tags")
_MAPS = ("scores", "bands")
OFFER_KEYS = (
    "kind", "approved_amount", "max_amount", "term_months", "monthly_rate", "tier", "binding",
    "term_binding",
)  # fmt: skip
"""The lines of an offer that every version may expect."""

NONE = "none"
"""What is written where a list is empty, or no offer is made."""

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


NOTHING_EXPECTED = Expectation(None, None, {}, maps={}, offer=None)


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


def _reasons(verdict: Verdict) -> Iterable[str]:
    return (str(reason.code) for reason in verdict.reasons)


def _data_requests(verdict: Verdict) -> Iterable[str]:
    return (request.factor for request in verdict.data_requests)


def _conditions(verdict: Verdict) -> Iterable[str]:
    return (condition.id for condition in verdict.conditions)


def _tags(verdict: Verdict) -> Iterable[str]:
    return (tag.name for tag in verdict.tags)


_ACTUAL: Mapping[str, Callable[[Verdict], Iterable[str]]] = {
    "reasons": _reasons,
    "data_requests": _data_requests,
    "conditions": _conditions,
    "tags": _tags,
}


def _listed(key: str, given: tuple[str, ...], verdict: Verdict) -> Difference | None:
    actual = tuple(_ACTUAL[key](verdict))
    expected = shown(given)
    # Rules set tags in no order; those for colleagues alone are compared, too.
    in_any_order = key == "tags"
    met = set(given) == set(actual) if in_any_order else given == actual
    return None if met else Difference(key, expected, shown(actual))


def in_full(node: YamlNode) -> YamlNode:
    """`REFER POLICY MANY_LENDERS offer.tier=T2` as the map that it is short for.

    After the outcome come the kind of a REFER, all reasons in order, and parts by their names.
    """
    if not isinstance(node, Scalar) or node.torn:
        return node
    found: dict[str, YamlNode] = {}
    reasons: list[Scalar] = []
    parts: dict[str, list[MapEntry]] = {}
    for match in re.finditer(r"\S+", node.text):
        part, equals, value = match[0].partition("=")
        # Each word keeps its column, so that a fault marks the word and not the line.
        place = node.at(*match.span())
        (group, _, name) = part.partition(".")
        written = Scalar(value if equals else part, plain=True, place=place)
        if not match.start():
            found["outcome"] = written
        elif equals and name:
            parts.setdefault(group, []).append(MapEntry(name, place, written))
        elif equals and group in _LISTS:
            # `none` is an empty list, as of an offer
            names = [] if value == NONE else [item for item in value.split(",") if item]
            items = tuple(Scalar(item, plain=True, place=place) for item in names)
            found[group] = ListNode(items, place)
        elif equals:
            found[group] = written
        elif part in list(ReferKind):
            found["refer_kind"] = written
        else:
            reasons.append(written)
    if reasons:
        found["reasons"] = ListNode(tuple(reasons), reasons[0].place)
    found |= {group: MapNode(tuple(own), own[0].key_place) for group, own in parts.items()}
    return MapNode(tuple(MapEntry(key, v.place, v) for key, v in found.items()), node.place)


def read_expectation(
    node: YamlNode, report: Report, ruleset: CompiledRuleset | None = None
) -> Expectation | None:
    """What is written; of a ruleset R207 for an unknown reason, R808 for another unknown name."""
    keys = ("refer_kind", "offer", *_LISTS, *_MAPS)
    fields = Fields.of(in_full(node), "`expect`", report, required=("outcome",), optional=keys)
    if fields is None:
        return None
    outcome = fields.choice("outcome", _OUTCOMES)
    kind = fields.choice("refer_kind", [k.value for k in ReferKind])
    known = {} if ruleset is None else _known_names(ruleset)
    no_offer = isinstance(found := fields.get("offer"), Scalar) and found.text == NONE
    return Expectation(
        outcome=Outcome(outcome) if outcome else None,
        refer_kind=ReferKind(kind) if kind else None,
        lists={key: _texts(fields, key, known) for key in _LISTS if fields.has(key)},
        maps={key: _named(fields, key, known) for key in _MAPS if fields.has(key)},
        offer=None if found is None else NO_OFFER if no_offer else _named(fields, "offer", known),
    )


def _texts(fields: Fields, key: str, known: _Known) -> tuple[str, ...]:
    given = fields.get(key)
    if isinstance(given, Scalar) and given.text == NONE:
        return ()
    scalars = [as_scalar(item, f"`{key}`", fields.report) for item in fields.items(key)]
    for scalar in (s for s in scalars if s is not None):
        _check(scalar.text, scalar.place, known.get(key), report=fields.report)
    return tuple(s.text for s in scalars if s is not None)


def _named(fields: Fields, key: str, known: _Known) -> dict[str, Any]:
    found: dict[str, Any] = {}
    node = fields.map(key)
    for entry in node.entries if node is not None else ():
        _check(entry.key, entry.key_place, known.get(key), report=fields.report)
        scalar = as_scalar(entry.value, f"`{entry.key}`", fields.report)
        if scalar is not None:
            _check(scalar.text, scalar.place, known.get(f"{key}.{entry.key}"), report=fields.report)
            number = Decimal(scalar.text) if scalar.is_number else scalar.text
            found[entry.key] = scalar.text == "true" if scalar.is_flag else number
    return found


_Known = Mapping[str, tuple[str, str, Collection[str]]]
"""For a list or map under `expect` its names, and the code and the words for another one."""


def _known_names(ruleset: CompiledRuleset) -> _Known:
    version = f"{ruleset.ruleset} v{ruleset.version} has no"
    stages = (*ruleset.program.stages, *ruleset.program.closing)
    runners = [unconditional(stage.runner) for stage in stages]
    cards = {one.card.id: one.card for one in runners if isinstance(one, ScorecardRunner)}
    demands = [d.id for one in runners if isinstance(one, ConditionsRunner) for d in one.demands]
    lines = [x for one in runners if isinstance(one, OfferRunner) for x in one.terms.lines]
    # The service's own reasons may come in every version.
    codes = [*ruleset.reasons, *(code.value for code in DataReason)]
    bands: dict[str, tuple[str, str, list[str]]] = {}
    for name, card in cards.items():
        known = [band.name for band in card.bands]
        bands[f"bands.{name}"] = ("R808", f"the scorecard `{name}` has no band", known)
    return {
        "reasons": ("R207", "unknown reason", codes),
        **dict.fromkeys(_MAPS, ("R808", f"{version} scorecard", cards)),
        "conditions": ("R808", f"{version} condition", demands),
        "tags": ("R808", f"{version} tag", ruleset.tags),
        "offer": ("R808", f"{version} offer line", [*lines, *OFFER_KEYS]),
        **bands,
    }


def _check(
    name: str, place: Place, known: tuple[str, str, Collection[str]] | None, report: Report
) -> None:
    if known is not None and name not in known[2]:
        report.error(known[0], place, f"{known[1]} `{name}`", did_you_mean(name, known[2]))
