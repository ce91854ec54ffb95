"""A lender that decides by the shipped rules on a real store, lends and reports."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from msgspec.structs import replace

from decision_service.casework.outcomes import (
    LoanOutcome,
    LoanStatus,
    RecordOutcome,
    ReportRelation,
)
from decision_service.decide.application import history_keys
from decision_service.decide.codec import decode_facts, factors_from_wire
from decision_service.decide.replay import ReadDecisions
from decision_service.domain.person import FoundPerson
from decision_service.domain.ports import StoredEntry
from decision_service.domain.snapshot import Income, Provider, Read, Snapshot, Source
from decision_service.domain.values import Money, Month
from decision_service.factors.match import recognised_by
from decision_service.rulebook.archive import CompilationThread, RulesetArchive
from decision_service.rulebook.folder import read_rules
from decision_service.store.store import Store
from tests.fakes.world import (
    NOW,
    RULES,
    SECRETS,
    ScriptedSource,
    World,
    application,
    rulebook,
    steady_earner,
)

FIFTY = {"requested_amount": Money("PHP", 5_000_000), "requested_term_months": 12}
ANA, BEA = (FoundPerson(name, date(1990, 5, 4)) for name in ("Ana Cruz", "Bea Reyes"))
_PERSON = sorted(recognised_by(ANA.name, ANA.birth_date))


def snapshot(user_id: str, account: str, person: FoundPerson) -> Snapshot:
    """A steady earner of another account, whose name the account tells."""
    told = steady_earner(user_id)
    parts = {
        kind: replace(read, records=tuple(replace(one, source=account) for one in read.records))
        for kind in ("eincomes", "contributions", "employments", "identities")
        if (read := getattr(told, kind)) is not None
    }
    people = replace(parts["identities"], people=(replace(person, source=account),))
    accounts = tuple(replace(one, id=account) for one in told.accounts)
    return replace(told, accounts=accounts, **(parts | {"identities": people}))


def _paid(told: Snapshot, source: str, slips: tuple[int, ...]) -> Snapshot:
    """The snapshot with payslips of the latest months from a source."""
    months = [Month(2026 * 12 + 10).plus(-back) for back in range(len(slips), 0, -1)]
    records = tuple(
        Income(
            f"{source}-{month}", source, "Acme Inc", month.first_day, month.last_day, "Monthly",
            "PHP", None, None, net,
        )
        for month, net in zip(months, slips, strict=True)
    )  # fmt: skip
    before = told.incomes.records if told.incomes else ()
    payroll = Provider("sprout_ph", "SYSTEM", ("INCOMES", "EMPLOYMENTS", "IDENTITIES"))
    providers = (*told.providers, payroll)
    return replace(told, incomes=Read(before + records), providers=providers)


class Desk:
    """A lender that decides by the shipped rules, lends and erases."""

    def __init__(self, store: Store) -> None:
        self.source = ScriptedSource()
        self.store = store
        secrets = store.identity_keys or SECRETS
        self.world = World(
            source=self.source, log=store, book=rulebook(read_rules(RULES)), secrets=secrets
        )
        archive = RulesetArchive(store, lambda: self.world.book, CompilationThread())
        self.reads = ReadDecisions(store, archive)
        self.drawn = 0
        self.record = RecordOutcome(
            self.reads,
            store,
            archive,
            clock=self.world.clock,
            reviews_of=store.reviews.of_decision,
            on_overdrawn=self._overdrawn,
        )

    def _overdrawn(self) -> None:
        self.drawn += 1

    async def decide(
        self,
        user_id: str,
        account: str,
        person: FoundPerson,
        customer_ref: str = "",
        *,
        slips: tuple[int, ...] = (),
        payroll: bool = False,
    ) -> StoredEntry:
        """The decision on an application of 50,000 by a user with one account."""
        self.world.clock.wall = NOW
        told = snapshot(user_id, account, person)
        if slips:
            told = replace(told, sources=(Source("u-1", "UPLOAD", "user-provided", NOW),))
            told = _paid(told, "u-1", slips)
        if payroll:
            paying = replace(told.accounts[0], id=f"p-{user_id}", provider_id="sprout_ph")
            told = replace(told, accounts=(*told.accounts, paying))
            told = _paid(told, paying.id, slips)
        self.source.snapshot = told
        asked = application(
            request_id=f"r-{user_id}-{self.source.asked}",
            user_id=user_id,
            inputs=FIFTY,
            customer_ref=customer_ref,
        )
        return await self.world.decide(leases=self.store.leases)(asked, self.world.call("los"))

    async def report(
        self,
        decision_id: str,
        status: LoanStatus = LoanStatus.BOOKED,
        days: int = 0,
        *,
        correction: bool = False,
        **changes: Any,
    ) -> ReportRelation:
        """Report the loan of 50,000, so many days later."""
        self.world.clock.wall = NOW + timedelta(days=days)
        as_of = self.world.clock.wall.date()
        told = LoanOutcome(decision_id, "LN-1", as_of, status)
        if status is LoanStatus.BOOKED:
            told = replace(
                told,
                disbursed=Money("PHP", 5_000_000),
                disbursed_on=NOW.date(),
                instalment=Money("PHP", 500_000),
            )
        report = replace(told, **changes)
        return (await self.record(report, "los", correction=correction)).comparison

    async def owed(self) -> int:
        """Under how many of the keys that erasures leave there is a decision."""
        keys = history_keys("", "los", "C-1", self.world.secrets, ("a-1",), _PERSON)
        return sum(bool(past.last) for past in (await self.store.past(keys.owed)).values())


def value(entry: StoredEntry, name: str) -> Any:
    """A factor's recorded value."""
    return factors_from_wire(decode_facts(entry.facts).factors).values[name].value
