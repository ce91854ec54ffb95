"""Labelled people decided by several versions of the rules: what is referred, who is approved."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import msgspec
import yaml
from msgspec.structs import replace

from bench.people.ordinary import FLAWS, ORDINARY
from bench.people.readings import noon_of, read_people
from decision_service.decide.admit import bound_inputs
from decision_service.domain.decision import Outcome, Verdict
from decision_service.domain.factor import Factors
from decision_service.domain.needs import Needs
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.values import AsOf, Money
from decision_service.factors.compute import compute
from decision_service.rulebook.rulebook import Product
from decision_service.rules.evaluate import Facts, evaluate
from decision_service.rules.inputs import list_answers
from decision_service.rules.program import CompiledRuleset
from tests.fakes.world import NEWCOMER

GOOD, BAD, UNKNOWABLE = "GOOD", "BAD", "UNKNOWABLE"
LOAN, ADVANCE = "personal-loan-ph", "gig-advance-ph"
PRODUCTS = {"loan": LOAN, "advance": ADVANCE}
AMOUNTS = {LOAN: (8_000, 12_000, 20_000, 30_000), ADVANCE: (1_500, 2_000, 3_000, 5_000)}
TERMS = {LOAN: 6, ADVANCE: 1}
NOT_READY = "NOT_READY"
"""The outcome where the data is still on its way: the loan system is asked to come back."""
_LITTLE = 2
"""How many of the amounts, from the smallest, those ask for who ask for little."""

_HERE = Path(__file__).parent


class Label(msgspec.Struct, frozen=True, rename={"truth": "is"}, forbid_unknown_fields=True):
    """What is known of the people of a profile, or of a group of the ordinary ones.

    `asks` names products, `people` is how many of 400 there are; the `plain` ones ask for little.
    """

    truth: str
    asks: tuple[str, ...]
    why: str
    profile: str = ""
    group: str = ""
    people: int = 0
    plain: bool = False


class _Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ordinary: tuple[Label, ...]
    profiles: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """One application on one day: who asked, and what each pair of versions answered."""

    seed: int
    number: int
    profile: str
    label: Label
    product: str
    day: date
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome with the codes of its reasons; `in_full` where all that was asked is granted."""

    outcome: str
    reasons: tuple[str, ...] = ()
    in_full: bool = False


@cache
def labels() -> Mapping[str, Label]:
    """The label of each profile of the judged population."""
    found = msgspec.convert(yaml.safe_load((_HERE / "labels.yaml").read_text()), _Labels)
    by_group = {one.group: one for one in found.ordinary}
    known = {one.profile: one for one in found.profiles}
    lacking = tuple(f"_{flaw.__name__}" for flaw in FLAWS)
    for profile in ORDINARY:
        label = by_group[profile.split("_")[1]]
        if profile.endswith(lacking) and label.truth == GOOD:
            label = replace(label, truth=UNKNOWABLE, why="links are not complete", plain=False)
        known[profile] = label
    return known


def profiles() -> tuple[str, ...]:
    """The profiles of 400 people, one after another: half of them ordinary."""
    others = [one for one in labels().values() for _ in range(one.people)]
    named = [one.profile for one in others]
    return (*ORDINARY, *named)


def shown_as(profile: str) -> str:
    """A profile as tables name it: the ordinary ones by group and by what their links lack."""
    if profile not in ORDINARY:
        return profile
    _, group, _, *flaw = profile.split("_")
    return " ".join(("ordinary", group, *flaw))


def judge(
    rulesets: Sequence[Mapping[str, tuple[Product, CompiledRuleset]]],
    seeds: Iterable[int],
    days: Sequence[date],
) -> Iterator[Judged]:
    """Every application of the seeds' people on the days, answered by each set of versions.

    `rulesets` are sets of versions by product name.
    """
    for seed in seeds:
        for day in days:
            needs = next(iter(rulesets[0].values()))[1].needs
            readings = read_people(seed, profiles(), day, needs)
            for number, reading in enumerate(readings):
                yield from _applications(rulesets, seed, number, day, reading)


def _applications(
    rulesets: Sequence[Mapping[str, tuple[Product, CompiledRuleset]]],
    seed: int,
    number: int,
    day: date,
    reading: Snapshot | None,
) -> Iterator[Judged]:
    profile = profiles()[number]
    label = labels()[profile]
    for name in label.asks:
        product = PRODUCTS[name]
        offered = AMOUNTS[product][: _LITTLE if label.plain else None]
        # Over the seeds one person asks for each of the amounts
        amount = offered[(number + seed) % len(offered)]
        versions = [chosen[product] for chosen in rulesets]
        answers = _answers(versions, reading, day, amount)
        yield Judged(seed, number, profile, label, product, day, tuple(answers))


def _answers(
    versions: Sequence[tuple[Product, CompiledRuleset]],
    reading: Snapshot | None,
    day: date,
    amount: int,
) -> Iterator[Answer]:
    """What each version answers; versions of one data policy share the factors of a reading."""
    if reading is None:
        yield from (Answer(NOT_READY) for _ in versions)
        return
    asked = Money("PHP", amount * 100)
    shared: list[tuple[Needs, Factors]] = []
    names = {name for _, ruleset in versions for name in ruleset.needs.factors}
    for product, ruleset in versions:
        term = TERMS[product.name]
        given = {"requested_amount": asked, "requested_term_months": term}
        as_of = AsOf.at(noon_of(day), ruleset.zone)
        inputs = bound_inputs(product, ruleset, given, as_of)
        needs = replace(ruleset.needs, factors=tuple(sorted(names)), term_months=term)
        factors = next((known for other, known in shared if other == needs), None)
        if factors is None:
            factors = compute(reading, needs, as_of, NEWCOMER)
            shared.append((needs, factors))
        values = {name: factors.values[name] for name in ruleset.needs.factors}
        answers = list_answers(ruleset, inputs, as_of.date)
        verdict = evaluate(ruleset, Facts(values, inputs, as_of, answers=answers))
        yield _answered(verdict, asked)


def _answered(verdict: Verdict, asked: Money) -> Answer:
    reasons = tuple(reason.code for reason in verdict.reasons)
    approved = verdict.outcome is Outcome.APPROVE
    return Answer(
        verdict.outcome.value, reasons, approved and verdict.approved_amount == asked.minor
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """What one pair of versions made of the people."""

    decided: int
    outcomes: Mapping[str, int]
    referred_good: int
    bad: int
    bad_approved: int
    bad_by_profile: Mapping[str, int]
    good: int
    good_approved: int
    plain: int
    plain_in_full: int

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson interval, 95 %, of the share of bad people approved on any of the days."""
        return wilson(self.bad_approved, self.bad)


def figures(found: Sequence[Judged], place: int) -> Figures:
    """Count people where several days matter, and applications everywhere else."""
    outcomes = Counter(one.answers[place].outcome for one in found)
    refused = [one for one in found if one.answers[place].outcome == Outcome.REFER]
    by_person: dict[tuple[int, int], list[Judged]] = {}
    for one in found:
        by_person.setdefault((one.seed, one.number), []).append(one)
    bad, approved_bad = 0, Counter[str]()
    good, good_approved, plain, plain_in_full = 0, 0, 0, 0
    for applications in by_person.values():
        answers = [one.answers[place] for one in applications]
        lent = [one.outcome == Outcome.APPROVE for one in answers]
        label = applications[0].label
        if label.truth == BAD:
            bad += 1
            approved_bad[shown_as(applications[0].profile)] += any(lent)
        if label.truth == GOOD:
            good += 1
            good_approved += all(lent)
        if label.plain:
            plain += 1
            plain_in_full += all(one.in_full for one in answers)
    return Figures(
        decided=len(found),
        outcomes=outcomes,
        referred_good=sum(one.label.truth == GOOD for one in refused),
        bad=bad,
        bad_approved=approved_bad.total(),
        bad_by_profile=+approved_bad,
        good=good,
        good_approved=good_approved,
        plain=plain,
        plain_in_full=plain_in_full,
    )


def wilson(hits: int, tried: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson's score; 0 to 1 where nothing was tried."""
    if not tried:
        return 0.0, 1.0
    z = 1.959964
    share = hits / tried
    middle = share + z * z / (2 * tried)
    spread = z * math.sqrt(share * (1 - share) / tried + z * z / (4 * tried * tried))
    whole = 1 + z * z / tried
    return max((middle - spread) / whole, 0.0), min((middle + spread) / whole, 1.0)
