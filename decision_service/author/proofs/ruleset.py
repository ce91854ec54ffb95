"""A whole ruleset as terms: what `evaluate` gives one person, of all people at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from decision_service.author.proofs.constructs import encode_part
from decision_service.author.proofs.encoding import (
    Encoded,
    Values,
    either,
    encode,
    first_of,
    known,
    literal,
)
from decision_service.author.proofs.people import SymbolicPeople
from decision_service.author.proofs.state import EncodedState
from decision_service.author.proofs.terms import Builder, Term
from decision_service.domain.decision import Component
from decision_service.rules.language.types import Node
from decision_service.rules.program import ByLabel, CompiledRuleset, DerivedValue


@dataclass(frozen=True, slots=True)
class EncodedVerdict:
    """A verdict as terms.

    `offered` says that there is an offer, whose lines are in `lines`; each of `conditions` that it
    is demanded. Neither is part of a DECLINE. `values` are those of all names; two verdicts of one
    person hold for the same time where `valid` is equal. `legal` says that a legal check refers, or
    that it could not be made; `day` is one on which parameters are as on that of the decision.
    """

    approved: Term
    referred: Term
    declined: Term
    offered: Term
    lines: Mapping[str, Encoded]
    conditions: Mapping[str, Term]
    values: Values
    valid: object
    legal: Term
    day: date


def encode_ruleset(ruleset: CompiledRuleset, people: SymbolicPeople, day: date) -> EncodedVerdict:
    """The verdict on any person on a day; raises NotEncodable."""
    program = ruleset.program
    state = EncodedState.of(people.builder, _parameters(ruleset, people, day), program.read)
    _take_in(ruleset, people, state)
    _labelled(ruleset, day, state)
    trees = iter(ruleset.derived.values())
    for each in program.derived:
        _derive(each, next(trees), state)
    for stage in program.stages:
        encode_part(stage.runner, state)
        for each in stage.derived:
            _derive(each, next(trees), state)
    legal = people.builder.false
    for stage in program.closing:
        state.when = state.open
        if stage.component is not Component.LEGAL:
            encode_part(stage.runner, state)
            continue
        # What this stage alone refers, apart from what stages before it have.
        before = state.refers
        state.refers = people.builder.false
        encode_part(stage.runner, state)
        legal = people.builder.or_(legal, state.refers)
        state.refers = people.builder.or_(before, state.refers)
    return _verdict(state, ruleset.valid_for, legal, day=day)


def _parameters(ruleset: CompiledRuleset, people: SymbolicPeople, day: date) -> dict[int, Encoded]:
    """Parameters without labels by slot; those by segment follow the label."""
    found = ruleset.program.timeline.at(day).values
    given = {s: v for s, v in enumerate(found) if v is not None and not isinstance(v, ByLabel)}
    return {slot: known(people.builder, value) for slot, value in given.items()}


def _take_in(ruleset: CompiledRuleset, people: SymbolicPeople, state: EncodedState) -> None:
    intake = ruleset.program.intake
    for entry in intake.factors:
        state.values[entry.slot] = people.factor(entry.symbol)
    for sent in intake.inputs:
        state.values[sent.slot] = people.sent(sent.key, sent.symbol)
    for question, slot, about in intake.answers:
        state.values[slot] = people.answer(question, state.values[about])


def _labelled(ruleset: CompiledRuleset, day: date, state: EncodedState) -> None:
    found = ruleset.program.timeline.at(day).values
    for _, slot, by in ruleset.program.labelled:
        state.values[slot] = _of_label(state.builder, found[slot], state.values[by])


def _of_label(b: Builder, values: ByLabel, label: Encoded) -> Encoded:
    cases = [
        (b.eq(label.term, literal(b, name)), known(b, value))
        for name, value in values.values.items()
    ]
    found = first_of(b, cases, known(b, values.other))
    return either(b, label.is_missing, Encoded(b.true, label.tainted, found.term), otherwise=found)


def _derive(each: DerivedValue, node: Node, state: EncodedState) -> None:
    state.compute(each.slot, lambda values: encode(node, values), each.reads)


def _verdict(
    state: EncodedState, valid: timedelta | None, legal: Term, day: date
) -> EncodedVerdict:
    b = state.builder
    declined = state.declines
    approved = b.and_(state.approves, b.not_(b.or_(declined, state.refers)))
    kept = b.not_(declined)
    offered = b.and_(kept, state.offered) if state.lines else b.false
    return EncodedVerdict(
        approved,
        b.not_(b.or_(declined, approved)),
        declined,
        offered=offered,
        lines=state.lines,
        conditions={name: b.and_(kept, when) for name, when in state.conditions.items()},
        values=state,
        valid=valid,
        legal=legal,
        day=day,
    )
