"""The factors of a decision as a branch of its tree: all of them, or the heaviest."""

from __future__ import annotations

from collections.abc import Iterator

from rich.markup import escape
from rich.tree import Tree

from decision_service.api.v1 import decision_pb2 as pb
from decision_service.cli.display.text import cause_text, counted, value_text


def add_factors(tree: Tree, decision: pb.Decision, most: int = 0) -> None:
    """Add each factor with its value and evidence; with `most`, so many of the heaviest."""
    factors = list(decision.factor_values)
    if not factors:
        return
    if not most or len(factors) <= most:
        _add(tree.add("factors"), factors)
        return
    branch = tree.add(f"the {most} heaviest factors of {len(factors)}")
    _add(branch, heaviest(decision)[:most])
    branch.add(f"{len(factors) - most} more: `decision-service decide … --view full` shows all")


def heaviest(decision: pb.Decision) -> list[pb.FactorValue]:
    """The factors by weight: of reasons, of needed data, of rules with a reason, of scores."""
    names = dict.fromkeys(_by_weight(decision))
    places = {name: place for place, name in enumerate(names)}
    return sorted(decision.factor_values, key=lambda one: places.get(one.name, len(places)))


def _by_weight(decision: pb.Decision) -> Iterator[str]:
    yield from (reason.factor for reason in decision.reasons)
    yield from (request.factor for request in decision.data_requests)
    for trace in decision.rule_traces:
        if trace.reason:
            yield from (seen.left for seen in trace.comparisons)
    for trace in decision.rule_traces:
        if trace.component == pb.COMPONENT_SCORECARD:
            yield from (seen.left for seen in trace.comparisons)


def _add(branch: Tree, factors: list[pb.FactorValue]) -> None:
    for factor in factors:
        node = branch.add(escape(_factor_text(factor)))
        evidence = ", ".join(_evidence_text(factor.evidence))
        if evidence:
            node.add(f"[dim]{escape(evidence)}[/]")


def _factor_text(factor: pb.FactorValue) -> str:
    if factor.missing:
        return f"{factor.name} missing: {'; '.join(map(cause_text, factor.missing))}"
    return f"{factor.name} = {value_text(factor.value)}"


def _evidence_text(evidence: pb.Evidence) -> Iterator[str]:
    if evidence.record_count:
        span = f", {evidence.first} to {evidence.last}" if evidence.first else ""
        yield f"{counted(evidence.record_count, 'record')}{span}"
    if evidence.horizon:
        yield f"horizon {evidence.horizon}"
    if evidence.grade:
        yield evidence.grade
    yield from evidence.notes
    if evidence.record_ids:
        yield f"heaviest {', '.join(evidence.record_ids)}"
