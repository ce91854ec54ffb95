"""A guarantee judged by the evaluator's verdicts on one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from decision_service.domain.verdict import Outcome, Verdict
from decision_service.language.evaluation.arithmetic import exactly
from decision_service.language.evaluation.emitter import compile_tree
from decision_service.language.evaluation.kleene import Unknown
from decision_service.language.expressions.tree import reads
from decision_service.proofs.claims.verdicts import is_better, is_more
from decision_service.proofs.person import PersonValues
from decision_service.ruleset.program.findings import Trace
from decision_service.ruleset.program.guarantees import Guarantee


def is_of_offers(guarantee: Guarantee) -> bool:
    """Whether a guarantee names an offer line, so that it is about people with an offer."""
    nodes = [n for n in (guarantee.when, guarantee.always) if n is not None]
    return any(s.name.startswith("offer.") for node in nodes for s in reads(node))


def is_among(guarantee: Guarantee, verdict: Verdict) -> bool:
    """Whether a guarantee is about the person of a verdict."""
    if verdict.offer is None and is_of_offers(guarantee):
        return False
    if guarantee.when is None:
        return True
    with exactly():
        return _compiled(guarantee.when)(_final_values(verdict)) is True


def breaks(guarantee: Guarantee, verdict: Verdict) -> bool:
    """Whether one verdict breaks `never` or `always`."""
    if not is_among(guarantee, verdict):
        return False
    if guarantee.always is None:
        return verdict.outcome is guarantee.never
    with exactly():
        return _compiled(guarantee.always)(_final_values(verdict)) is False


def is_worse(guarantee: Guarantee, first: Verdict, second: Verdict) -> bool:
    """Whether the better value costs something, or leaving out brings money."""
    if guarantee.monotone:
        return is_better(second, first) or is_more(second, first)
    approved = second.outcome is Outcome.APPROVE
    return approved and (is_better(first, second) or is_more(first, second))


def is_better_off(guarantee: Guarantee, person: PersonValues, changed: Mapping[str, Any]) -> bool:
    """Whether the person has all values that change, and the changed ones are the better ones."""
    for symbol, way in guarantee.monotone:
        one, other = person.values[symbol.name], changed[symbol.name]
        if not (one <= other if way > 0 else other <= one):
            return False
    return not any(isinstance(person.values[name], Unknown) for name in changed)


_compiled = lru_cache(64)(compile_tree)
"""The function of a tree, made once."""


def _final_values(verdict: Verdict) -> Sequence[Any]:
    """The values at the end of an evaluation, by slot."""
    trace = verdict.raw_trace
    assert isinstance(trace, Trace)  # noqa: S101  the evaluator's own
    return trace.values
