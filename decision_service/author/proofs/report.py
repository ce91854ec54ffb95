"""The guarantees of versions and the claims about a change, proved and reported in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from math import inf
from typing import Any

from decision_service.author.case_text import NewCase, case_text, parts_of
from decision_service.author.proofs.claims import ClaimProof, ProofAnswer
from decision_service.author.proofs.comparison import CLAIMS, Incomparable, compared
from decision_service.author.proofs.counterexamples import symbols_of, typical
from decision_service.author.proofs.laws import ceilings_of
from decision_service.author.proofs.people import (
    FactorModel,
    PersonValues,
    facts_of,
    person_condition,
)
from decision_service.author.proofs.questions import (
    Question,
    keeps_ceiling,
    kept,
    required,
    vacuous,
)
from decision_service.author.proofs.search import Counterexample, Left, Proved, Undecided, prove
from decision_service.domain.decision import Verdict
from decision_service.domain.factor import ValueType
from decision_service.domain.values import noon, to_major
from decision_service.factors.laws import LAWS, TOGETHER
from decision_service.factors.registry import catalogue
from decision_service.rulebook.rulebook import Rulebook
from decision_service.rules.inputs import made_up
from decision_service.rules.language.diagnostics import Diagnostic, Severity, problem_at
from decision_service.rules.language.values import Unknown
from decision_service.rules.law import PriceLaw
from decision_service.rules.program import CompiledRuleset, Guarantee

UNDECIDED = "R522"
GUARANTEE_SECONDS = 60.0
"""The time limit of one guarantee."""

CLAIM_SECONDS = 60.0
"""The time limit of one claim."""


def untypical(question: Question, found: Counterexample) -> Sequence[str]:
    currency = question.rulesets[0].currency
    catalogue = question.world.catalogue
    needed = required(question.rulesets)
    names = []
    for symbol in symbols_of(question):
        value = found.person.values.get(symbol.name)
        sent = symbol.name.removeprefix("inputs.")
        if sent != symbol.name and sent not in needed:
            alike = isinstance(value, Unknown)
        else:
            alike = value == typical(symbol, catalogue.get(symbol.name), currency, day=found.day)
        if not alike:
            names.append(symbol.name)
    return sorted(names)


def case_of(question: Question, found: Counterexample) -> str:
    """The person as a case of the last of the rules, which expects what these decide."""
    ruleset = question.rulesets[-1]
    person = PersonValues({**found.person.values, **found.changed}, found.person.answers)
    facts = facts_of(person, ruleset, found.day)
    given = made_up(facts.inputs)
    inputs = {name: given.get(name) for name in ruleset.inputs}
    lists = {
        answer.list: [str(given[answer.input])] if answer.listed else [] for answer in facts.answers
    }
    case = NewCase(facts.factors, inputs, noon(found.day, ruleset.zone), lists=lists)
    return case_text("found by a proof", case, found.verdicts[-1])


def person_text(question: Question, found: Counterexample) -> str:
    """The person and the verdicts in a sentence: `a typical person except …; v1: REFER`."""
    names = [n for n in untypical(question, found) if n not in found.changed]
    values = [f"{n} {shown(question, n, found.person.values[n])}" for n in names]
    values += [
        f"{n} {shown(question, n, found.person.values[n])}, then {shown(question, n, value)}"
        for n, value in found.changed.items()
    ]
    person = f"a typical person except {'; '.join(values)}" if values else "a typical person"
    return f"{person}: {verdicts_text(question, found)}"


def verdicts_text(question: Question, found: Counterexample) -> str:
    """The verdicts, each with what it is of, and what else differs: `v1: DECLINE; v2: REFER`."""
    pairs = zip(question.sides, found.verdicts, strict=True)
    texts = [f"{side}: {verdict_text(verdict)}" for side, verdict in pairs]
    return "; ".join([*texts, *differences(found)])


def _parts_in_words(verdict: Verdict) -> dict[str, Any]:
    return {**dict(parts_of(verdict)), "valid until": str(verdict.valid_until or "none")}


def differences(found: Counterexample) -> Sequence[str]:
    if len(found.verdicts) == 1:
        return ()
    one = _parts_in_words(found.verdicts[0])
    other = _parts_in_words(found.verdicts[1])
    both = all(verdict.offer is not None for verdict in found.verdicts)
    names = [n for n in dict.fromkeys((*one, *other)) if both and n.startswith("offer.")]
    return [
        f"{name} {_part(one, name)}, then {_part(other, name)}"
        for name in (*names, "conditions", "valid until")
        if one.get(name) != other.get(name)
    ]


def _part(parts: Mapping[str, Any], name: str) -> str:
    value = parts.get(name) or "none"
    return value if isinstance(value, str) else ", ".join(value)


def verdict_text(verdict: Verdict) -> str:
    if verdict.offer is None:
        return str(verdict.outcome)
    return f"{verdict.outcome} of {verdict.offer.approved_amount.major:f}"


def shown(question: Question, name: str, value: Any) -> str:
    if isinstance(value, Unknown):
        return f"missing {value.shown.missing.cause}"
    money = {one.name for one in symbols_of(question) if one.type is ValueType.MONEY}
    if name in money:
        return f"{to_major(int(value), question.rulesets[0].currency):f}"
    return str(value)


def factor_model(*rulesets: CompiledRuleset) -> FactorModel:
    """Every person who keeps the laws between the factors of rulesets of one currency."""
    specs = catalogue()
    currency = rulesets[0].currency
    read = frozenset().union(*(ruleset.needs.factors for ruleset in rulesets))
    kept = (law.expression for law in LAWS if read.issuperset(law.factors))
    laws = tuple(person_condition(law, specs, {}, currency=currency, what="a law") for law in kept)
    groups: list[tuple[str, ...]] = []
    for group in TOGETHER:
        named = tuple(name for name in group if name in read)
        if len(named) > 1:
            groups.append(named)
    return FactorModel(specs, laws, tuple(groups))


def claim_proofs(
    old: CompiledRuleset,
    new: CompiledRuleset,
    today: date,
    clock: Callable[[], float],
    seconds: float = CLAIM_SECONDS,
) -> Iterator[ClaimProof]:
    """The answer of every claim about two versions from a day on; raises SolverMissing."""
    world = factor_model(old, new)
    for claim, words in ((claim, law.asked) for claim, law in CLAIMS.items() if law.asked):
        try:
            question = compared(old, new, claim, world=world)
        except Incomparable as why:
            yield ClaimProof(words, ProofAnswer.UNDECIDED, str(why))
        else:
            yield _proof(question, words, today, clock=clock, seconds=seconds)


def _proof(
    question: Question, words: str, today: date, clock: Callable[[], float], seconds: float
) -> ClaimProof:
    end = clock() + seconds

    def left() -> float:
        return end - clock()

    result = prove(question, today, left)
    if isinstance(result, Proved):
        return ClaimProof(words, ProofAnswer.PROVED)
    if isinstance(result, Counterexample):
        return ClaimProof(words, ProofAnswer.COUNTEREXAMPLE, person_text(question, result))
    return ClaimProof(words, ProofAnswer.UNDECIDED, result.why)


def guarantee_problems(
    rulesets: Iterable[CompiledRuleset],
    today: date,
    clock: Callable[[], float],
    seconds: float = GUARANTEE_SECONDS,
    until: float = inf,
    laws: Mapping[str, PriceLaw] | None = None,
) -> Iterator[Diagnostic]:
    """R521 of a false guarantee, R522 of an undecided one, R523 of one without an applicant.

    Undecided is an error of one that must be proved, else a warning. Each has so many seconds, and
    none is proved after `until`. Raises SolverMissing.
    """
    for ruleset in rulesets:
        world = factor_model(ruleset)
        for guarantee in ruleset.guarantees:

            def begun() -> Left:
                end = min(clock() + seconds, until)

                def left() -> float:
                    return end - clock()

                return left

            if guarantee.law:
                yield from _of_law(
                    ruleset, guarantee, world, today=today, begun=begun, laws=laws or {}
                )
            else:
                yield from _problems(ruleset, guarantee, world, today=today, left=begun())


def guarantees_of(
    rulebook: Rulebook,
    now: datetime,
    clock: Callable[[], float],
    chosen: Callable[[str], bool] = lambda _path: True,
    until: float = inf,
) -> Iterator[Diagnostic]:
    for product in rulebook.products.values():
        for ruleset in product.versions.values():
            if any(chosen(guarantee.place.file) for guarantee in ruleset.guarantees):
                today = now.astimezone(ruleset.zone).date()
                yield from guarantee_problems(
                    [ruleset], today, clock, until=until, laws=rulebook.laws
                )


def _problems(
    ruleset: CompiledRuleset, guarantee: Guarantee, world: FactorModel, today: date, left: Left
) -> Iterator[Diagnostic]:
    name = guarantee.name
    place = guarantee.place
    question = kept(ruleset, guarantee, world)
    result = prove(question, today, left)
    if isinstance(result, Counterexample):
        yield problem_at(
            "R521", place, f"`{name}` does not hold", hint=person_text(question, result)
        )
    elif isinstance(result, Undecided):
        severity = Severity.ERROR if guarantee.must else Severity.WARNING
        yield problem_at(
            UNDECIDED, place, f"`{name}` is not decided: {result.why}", severity=severity
        )
    else:
        yield from _vacuous(ruleset, guarantee, world, today=today, left=left)


def _vacuous(
    ruleset: CompiledRuleset, guarantee: Guarantee, world: FactorModel, today: date, left: Left
) -> Iterator[Diagnostic]:
    if guarantee.when is None:
        return
    found = prove(vacuous(ruleset, guarantee, world), today, left, likely=False)
    if isinstance(found, Proved):
        message = f"`{guarantee.name}` applies to no applicant: its `when` can never be true"
        yield problem_at("R523", guarantee.place, message, severity=Severity.WARNING)


def _of_law(
    ruleset: CompiledRuleset,
    guarantee: Guarantee,
    world: FactorModel,
    today: date,
    *,
    begun: Callable[[], Left],
    laws: Mapping[str, PriceLaw],
) -> Iterator[Diagnostic]:
    """Each ceiling that is not proved, with an offer beyond it where there is one."""
    name = guarantee.name
    place = guarantee.place
    law = laws.get(guarantee.law)
    if law is None:
        message = f"`{name}` is not decided: there is no law `{guarantee.law}`"
        yield problem_at(UNDECIDED, place, message)
        return
    broken = False
    for ceiling in ceilings_of(ruleset, law):
        question = keeps_ceiling(ruleset, guarantee, world, ceiling=ceiling)
        result = prove(question, today, begun())
        broken = broken or not isinstance(result, Proved)
        if isinstance(result, Counterexample):
            words = ceiling.words(result.verdicts[0], result.day)
            message = f"`{name}` does not hold: {words}"
            yield problem_at("R521", place, message, hint=person_text(question, result))
        elif isinstance(result, Undecided):
            message = f"`{name}` is not decided of {ceiling.what}: {result.why}"
            yield problem_at(UNDECIDED, place, message)
    if not broken:
        yield from _vacuous(ruleset, guarantee, world, today=today, left=begun())
