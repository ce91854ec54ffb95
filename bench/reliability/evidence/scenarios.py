"""One scenario after another: dice choose an applicant, a fault and a place, `truth` judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from random import Random

from bench.people.population import population
from bench.reliability.client import ADVANCE
from bench.reliability.evidence.desk import Answer, Desk
from bench.reliability.evidence.faults import ACCOUNT_FAMILIES, FAMILIES, Family
from bench.reliability.evidence.truth import KINDS, Truth
from bench.reliability.vendor import person
from decision_service.standin.faults import Fault
from decision_service.standin.sandbox import person_like
from decision_service.standin.world import World
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import NOW, PRODUCT

MEMBERS = 22
LOST_CURSOR_PAGE = 10
LOST_CURSOR_NOTICED = 12
"""Records of a source that lost its cursor after ten: up to twelve, no more than a fifth is gone,
which the catalogue lets pass."""


@dataclass(slots=True)
class Tally:
    """What came out; `wrong` tells each scenario that went wrong, by its number."""

    clean: int = 0
    tainted: int = 0
    over_referred: int = 0
    wrong_approvals: int = 0
    wrong_declines: int = 0
    still_decided: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Scenarios:
    """Plays numbered scenarios of a seed; the same number is the same scenario."""

    seed: int
    world: World = field(init=False)
    desk: Desk = field(init=False)
    truth: Truth = field(init=False)
    tally: Tally = field(default_factory=Tally)
    _clean: dict[tuple[str, str], Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        today = NOW.date()
        people = {
            person(name, 0): partial(person_like, name, person(name, 0), today) for name in _FOUR
        }
        self.world = World(today, people | dict(population(self.seed, MEMBERS, today).builders))
        self.desk = Desk(self.world)
        self.truth = Truth(self.world, self.desk.book)

    async def play(self, number: int) -> None:
        """One scenario, judged."""
        dice = Random(f"{self.seed}-{number}")
        user_id = dice.choice(list(self.world.builders))
        product = dice.choice((PRODUCT, ADVANCE))
        choice = dice.random()
        if choice < 0.12 and self._has_accounts(user_id):
            await self._accounts(number, dice, user_id, product)
        elif 0.12 <= choice < 0.18 and self._contributions(user_id) > LOST_CURSOR_NOTICED:
            await self._lost_cursor(number, user_id, product)
        else:
            await self._kind(number, dice, user_id, product)

    async def _kind(self, number: int, dice: Random, user_id: str, product: str) -> None:
        kind = dice.choice(KINDS)
        family = dice.choice([one for one in FAMILIES if one.concerns(kind)])
        faults = family.make(dice, kind)
        page = dice.choice((150, 150, 60))
        before = self.desk.app.faults.hits
        answer = await self.desk.decide(user_id, product, *faults, page_size=page)
        happened = self.desk.app.faults.hits > before
        what = f"#{number} {family.name} in {kind} of {user_id} for {product}"
        if family.taints and happened:
            await self._judge_tainted(what, answer, user_id, product, kind)
        else:
            await self._judge_clean(what, answer, user_id, product)

    async def _accounts(self, number: int, dice: Random, user_id: str, product: str) -> None:
        family: Family = dice.choice(ACCOUNT_FAMILIES)
        answer = await self.desk.decide(user_id, product, *family.make(dice, "accounts"))
        self.tally.tainted += 1
        self._count(answer)
        if answer.decided:
            self._blame(f"#{number} {family.name} of {user_id} for {product}", answer)

    async def _lost_cursor(self, number: int, user_id: str, product: str) -> None:
        """A page that ends a list too soon is noticed by what was read before."""
        log = InMemoryDecisionLog()
        await self.desk.decide(user_id, product, log=log)
        fault = Fault("lost_cursor", "/contributions")
        answer = await self.desk.decide(
            user_id, product, fault, page_size=LOST_CURSOR_PAGE, log=log
        )
        what = f"#{number} a lost cursor of {user_id} for {product}"
        await self._judge_tainted(what, answer, user_id, product, "contributions")

    async def _judge_clean(self, what: str, answer: Answer, user_id: str, product: str) -> None:
        key = user_id, product
        if key not in self._clean:
            self._clean[key] = await Desk(self.world, self.desk.book).decide(user_id, product)
        self.tally.clean += 1
        self._count(answer)
        if answer != self._clean[key]:
            self.tally.over_referred += 1
            self.tally.wrong.append(f"{what}: {answer}, clean it is {self._clean[key]}")

    async def _judge_tainted(
        self, what: str, answer: Answer, user_id: str, product: str, kind: str
    ) -> None:
        self.tally.tainted += 1
        self._count(answer)
        if not answer.decided:
            return
        possible = await self.truth.outcomes(user_id, product, kind)
        if possible == {answer.outcome}:
            self.tally.still_decided += 1
        else:
            self._blame(f"{what}: {sorted(possible)} are possible", answer)

    def _has_accounts(self, user_id: str) -> bool:
        """Whether the list of accounts says anything of this applicant."""
        return any(source.account for source in self.world.builders[user_id]().sources)

    def _contributions(self, user_id: str) -> int:
        """The contributions of the source that has the most."""
        sources = self.world.builders[user_id]().sources
        return max((len(source.of("contributions")) for source in sources), default=0)

    def _blame(self, what: str, answer: Answer) -> None:
        if answer.outcome == "APPROVE":
            self.tally.wrong_approvals += 1
        else:
            self.tally.wrong_declines += 1
        self.tally.wrong.append(f"{what}: {answer}")

    def _count(self, answer: Answer) -> None:
        counts = self.tally.outcomes
        counts[answer.outcome] = counts.get(answer.outcome, 0) + 1


_FOUR = ("George", "Ryan", "Anisha")
