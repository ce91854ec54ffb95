"""Proves a claim, finds a counterexample, or says what is undecided."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from itertools import count, islice, product
from pathlib import Path
from typing import Any

from decision_service.author.proofs.counterexamples import MOST_PEOPLE, Walk, plausible, shrunk
from decision_service.author.proofs.encoding import NotEncodable
from decision_service.author.proofs.people import PersonValues, found_person, found_value
from decision_service.author.proofs.questions import Period, Query, Question, periods
from decision_service.author.proofs.solver import (
    Kind,
    Satisfiability,
    Solver,
    SolverMissing,
    axioms,
    functions,
    multiplies,
)
from decision_service.author.proofs.terms import PRODUCT, Op, Term
from decision_service.domain.decision import Verdict

Left = Callable[[], float]
"""How many seconds are left."""

FAULT = "P500"
"""The code of a fault of the prover."""

_FIRST_TERMS = (6, 12, 3, 24)
_FACTORS = (0, Fraction(1, 5))
_TRIES = 3
_LOOK_SECONDS = 4.0
_TURNS = {Kind.SIMPLE: 1.0, Kind.LINEAR: 4.0, Kind.MULTIPLIES: 4.0}
"""The seconds of each solver's first turn."""

_QUICK = (Kind.SIMPLE,)
_THOROUGH = (Kind.LINEAR, Kind.MULTIPLIES)
_MEET_SECONDS = 1.0
_FIRST_PEOPLE = 150
"""Half of the claims about edits that are false are so of one of these."""


def split_variables(query: Query) -> Sequence[Term]:
    """The variables of few values on which functions rest; more than two are left alone."""
    if not _unknown(query):
        return ()
    found = list(query.people.builder.splits)
    return found if len(found) == 1 else ()


def every_value(splits: Sequence[Term]) -> Iterator[tuple[int, ...]]:
    for term in splits:
        values = range(int(term.low), int(term.high) + 1)
        first = [v for v in _FIRST_TERMS if v in values]
        yield from ((v,) for v in dict.fromkeys([*first, values[0], values[-1], *values]))


def first_fixed(whole: Query, splits: Sequence[Term]) -> Iterator[Mapping[Term, Any]]:
    """Some values of variables with which all functions are linear."""
    factors = {v: None for some in whole.people.builder.factors for v in some}
    products = any(t.value.key == PRODUCT for t in _unknown(whole))
    usual = [(v,) for v in _FACTORS] if products else [()]
    terms = [*islice(every_value(splits), _TRIES)] or [()]
    for term, factor in product(terms, usual):
        fixed: dict[Term, Any] = dict(zip(splits, term, strict=True))
        for value in factor:
            fixed |= {v: min(max(Fraction(value), v.low), v.high) for v in factors}
        yield fixed


def _unknown(query: Query) -> Sequence[Term]:
    found = functions([query.broken])
    return [t for t in found if t.op is Op.APPLY and t.exact is None]


def _multiplies(query: Query) -> bool:
    return any(multiplies(term) for term in functions([query.broken]))


@dataclass(frozen=True, slots=True)
class Proved:
    """The claim holds of every applicant, in so many periods of parameters."""

    periods: int


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A person who breaks the claim, and what differs the second time, where there is one."""

    person: PersonValues
    changed: Mapping[str, Any]
    day: date
    verdicts: Sequence[Verdict]


@dataclass(frozen=True, slots=True)
class Undecided:
    """Neither was found; `why` names the part, or the time."""

    why: str


Result = Proved | Counterexample | Undecided


class _Stopped(Exception):
    """The search ends with a result."""

    def __init__(self, result: Result) -> None:
        super().__init__()
        self.result = result


def prove(question: Question, today: date, left: Left, *, likely: bool = True) -> Result:
    """Whether a claim holds from a day on; never guessed.

    Of one that is `likely` a solver is asked before people are made up.
    """
    found = periods(question.rulesets, today, question.starts)
    try:
        searches = [_Search(question, period, left) for period in found]
        if likely:
            searches = [s for s in searches if not s.holds_at_once(_QUICK)]
        # What is false is mostly so at a figure of the rules: a few people find that sooner than a
        # solver finds anything in its longer turns
        if likely:
            until = left() - _MEET_SECONDS
            for search in searches:
                search.meet(until, _FIRST_PEOPLE)
            searches = [s for s in searches if not s.holds_at_once(_THOROUGH)]
        # One that is not likely is false of plausible people, whom a solver finds at once
        most = MOST_PEOPLE if likely else _FIRST_PEOPLE
        until = left() - _MEET_SECONDS
        for search in searches:
            search.meet(until, most)
        for search in searches:
            search.run()
    except _Stopped as stopped:
        return stopped.result
    except SolverMissing:
        raise
    except NotEncodable as part:
        return Undecided(f"{part} cannot be put to a solver")
    except Exception as fault:  # noqa: BLE001  a claim is open where the prover fails, not false
        *_, (frame, line) = traceback.walk_tb(fault.__traceback__)
        where = f"{type(fault).__name__} in {Path(frame.f_code.co_filename).name} line {line}"
        return Undecided(f"the prover failed ({FAULT}: {where}): report it")
    return Proved(len(found))


class _Asking:
    """A query, and the solvers that are asked about it in turns."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.solvers: dict[Kind, Solver] = {}
        self.kinds = [Kind.SIMPLE, Kind.LINEAR]
        if _multiplies(query):
            self.kinds.append(Kind.MULTIPLIES)

    def turns(self, rounds: int | None = None) -> Iterator[tuple[Kind, float]]:
        """Which solver is asked next, and for how many seconds: ever longer."""
        for turn in count() if rounds is None else range(rounds):
            for kind in list(self.kinds):
                if kind in self.kinds:
                    yield kind, _TURNS[kind] * 4.0**turn


class _Search:
    """The search of one period; it ends quietly where the claim holds."""

    def __init__(self, question: Question, period: Period, left: Left) -> None:
        self.question = question
        self.period = period
        self.left = left

    @cached_property
    def asking(self) -> _Asking:
        return _Asking(self._pose({}))

    @cached_property
    def walk(self) -> Walk:
        return Walk(self.question, self.period)

    def holds_at_once(self, kinds: Container[Kind]) -> bool:
        """Whether the first turn of a solver of one of these kinds shows it."""
        try:
            for kind, seconds in self.asking.turns(rounds=1):
                if kind not in kinds:
                    continue
                if self._ask(self.asking, kind, seconds) is Satisfiability.IMPOSSIBLE:
                    return True
        except NotEncodable:  # a made-up person may break it
            pass
        return False

    def meet(self, until: float, most: int) -> None:
        """Raise _Stopped with one of so many people, made up until so many seconds are left."""
        end = max(until, 0)

        def has_time() -> bool:
            return self.left() > end

        found = self.walk.met(has_time, most)
        if found is not None:
            self._stop(*found)

    def run(self) -> None:
        """Look for a plausible person, then prove; raises _Stopped with anything else."""
        whole = self.asking.query
        splits = split_variables(whole)
        for fixed in first_fixed(whole, splits):
            self._try(whole if not fixed else self._pose(fixed), only_plausible=True)
        if self._holds(self.asking):
            return
        if not splits:
            raise _Stopped(Undecided(_parts_of(whole)))
        for values in every_value(splits):
            query = self._pose(dict(zip(splits, values, strict=True)))
            if not self._holds(_Asking(query)):
                raise _Stopped(Undecided(_parts_of(query)))

    def _pose(self, fixed: Mapping[Term, Any]) -> Query:
        named = {str(term.value): value for term, value in fixed.items()}
        return self.question.pose(self.period, named)

    def _try(self, query: Query, *, only_plausible: bool) -> None:
        """Raise _Stopped with a person that the evaluator confirms."""
        kind = Kind.MULTIPLIES if _multiplies(query) else Kind.LINEAR
        solver = self._prepared(query, Solver(kind, rounds=False))
        wanted = plausible(query.people) if only_plausible else []
        seconds = min(_LOOK_SECONDS, self._time())
        if solver.ask(seconds, *wanted) is Satisfiability.POSSIBLE:
            self._judge(query, solver)

    def _holds(self, asking: _Asking) -> bool:
        """Whether the claim holds; raises _Stopped with a person, or where time ends."""
        for kind, seconds in asking.turns():
            answer = self._ask(asking, kind, seconds)
            if answer is Satisfiability.IMPOSSIBLE:
                return True
            if answer is Satisfiability.POSSIBLE:
                self._judge(asking.query, asking.solvers[kind])
                if asking.kinds == [kind]:
                    self._try(asking.query, only_plausible=False)
                    return False
        raise AssertionError("turns have no end")

    def _ask(self, asking: _Asking, kind: Kind, seconds: float) -> Satisfiability:
        if kind not in asking.solvers:
            asking.solvers[kind] = self._prepared(asking.query, Solver(kind))
        answer = asking.solvers[kind].ask(min(seconds, self._time()))
        if answer is Satisfiability.POSSIBLE:
            # Of one that does not multiply: another that does may know better
            asking.kinds = [Kind.MULTIPLIES if Kind.MULTIPLIES in asking.kinds else kind]
        return answer

    def _time(self) -> float:
        seconds = self.left()
        if seconds <= 0:
            raise _Stopped(Undecided("the time was over"))
        return seconds

    def _prepared(self, query: Query, solver: Solver) -> Solver:
        terms = [*query.constraints, query.broken]
        for term in terms:
            solver.require(term)
        for value in (v.value for v in query.people.variables.values()):
            for term in (value.is_missing, value.tainted, value.term):
                solver.translated(term)  # declares it, so that it has a value in its range
        for term in axioms(query.people.builder, functions(terms)):
            solver.require(term)
        return solver

    def _judge(self, query: Query, solver: Solver) -> None:
        """Raise _Stopped where the evaluator confirms what the solver found."""
        person = found_person(query.people, solver)
        changed = {
            n: found_value(query.people, n, v, solver=solver) for n, v in query.changed.items()
        }
        day = person.day(self.period.start)
        if self.question.judged(person, changed, day) is not None:
            self._stop(person, changed, day)

    def _stop(self, person: PersonValues, changed: Mapping[str, Any], day: date) -> None:
        smaller, day = shrunk(self.question, person, changed, day=day, period=self.period)
        verdicts = self.question.judged(smaller, changed, day)
        assert verdicts is not None  # noqa: S101  shrinking keeps it
        raise _Stopped(Counterexample(smaller, changed, day, verdicts=verdicts))


def _parts_of(query: Query) -> str:
    found = {t.value.what for t in functions([query.broken]) if t.op is Op.APPLY and t.value.what}
    if found:
        return f"{' and '.join(sorted(found))} cannot be put to a solver exactly"
    return "the solver's person was not confirmed, so that rounding may decide"
