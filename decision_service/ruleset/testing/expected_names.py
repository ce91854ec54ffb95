"""Whether what a case expects exists: an unknown code in `reasons_exclude` would always pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from decision_service.domain.missing import DataReason
from decision_service.language.diagnostics import Place, Report, did_you_mean
from decision_service.language.yaml.nodes import ListNode, MapNode, Scalar, YamlNode
from decision_service.ruleset.constructs.applies import unconditional
from decision_service.ruleset.constructs.conditions import ConditionsRunner
from decision_service.ruleset.constructs.offer.run import OfferRunner
from decision_service.ruleset.constructs.scorecard.run import ScorecardRunner
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.testing.expectations import OFFER_KEYS

R = TypeVar("R")
Named = tuple[str, Place]

_REASONS = ("reasons", "reasons_include", "reasons_exclude")


def check_expected(node: YamlNode, ruleset: CompiledRuleset, report: Report) -> None:
    """R207 for each unknown reason; R808 for each condition, tag, card, band and offer line."""
    if not isinstance(node, MapNode):
        return
    codes = {*ruleset.reasons, *(code.value for code in DataReason)}
    for key in _REASONS:
        _check(_listed(node.get(key)), codes, "R207", "unknown reason", report)
    version = f"{ruleset.ruleset} v{ruleset.version} has no"
    known = {d.id for r in _runners(ruleset, ConditionsRunner) for d in r.demands}
    _check(_listed(node.get("conditions")), known, "R808", f"{version} condition", report)
    _check(_listed(node.get("tags")), set(ruleset.tags), "R808", f"{version} tag", report)
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


def _listed(node: YamlNode | None) -> Iterator[Named]:
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
