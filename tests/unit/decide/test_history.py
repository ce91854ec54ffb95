"""What past decisions come to, and when they are looked up."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from decision_service.decide.application import IdentityKey, history_keys, owed_key
from decision_service.decide.codec import decode_facts, factors_from_wire
from decision_service.decide.flow import UserLocks
from decision_service.decide.history import (
    MOST_PAST,
    HistoryOf,
    LookedUp,
    Past,
    PastDecision,
    ReportedLoans,
    history_of,
    reuse_of,
)
from decision_service.decide.snapshots import Ages, SnapshotCache
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import StoreUnavailable
from decision_service.domain.person import History, Reuse
from decision_service.domain.values import AsOf, Money
from decision_service.rulebook.folder import read_rules
from tests.fakes.in_memory import InMemoryDecisionLog
from tests.fakes.world import RULES, SECRETS, ScriptedSource, SetClock, World, application, rulebook
from tests.kits.cases import cases

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from decision_service.domain.ports import DecisionEntry, FetchResult, StoredEntry

MANILA = ZoneInfo("Asia/Manila")

AS_OF = AsOf.at(datetime(2026, 11, 26, 12, tzinfo=MANILA), MANILA)

CASES = cases("history/figures")

OLD, NEW = (IdentityKey.of(bytes([number]) * 32) for number in (1, 2))


def noon(day):
    """Noon in Manila of a day; None where there is none."""
    return day and datetime.combine(day, time(12), MANILA).astimezone(UTC)


def centavos(pesos):
    """The amount in minor units; None where there is none."""
    return None if pesos is None else pesos * 100


def past_decision(number, row, **changes):
    told = row.get("loans")
    loans = None
    if told is not None:
        owed = [centavos(told.get(name, 0)) for name in ("left", "due")]
        counts = [told.get(name, 0) for name in ("open", "overdue", "repaid")]
        loans = ReportedLoans(*owed, *counts, centavos(told.get("drawn")))
    fields = {
        "decision_id": f"dec_{number}",
        "user_id": "user-1",
        "caller": "los",
        "customer_ref": "",
        "product": row.get("product", "personal-loan-ph"),
        "outcome": Outcome(row["outcome"]),
        "created": noon(row["day"]),
        "currency": row.get("currency", "PHP"),
        "approved": centavos(row.get("approved")),
        "instalment": centavos(row.get("instalment")),
        "expires": noon(row.get("expires")),
        "loans": loans,
        "reviewed": noon(row.get("reviewed")),
        "replaced": row.get("replaced", False),
    }
    return PastDecision(**(fields | changes))


def figures(history):
    """The figures as a case writes them."""
    amounts = {}
    for name in ("exposure", "instalments"):
        amount = getattr(history, name)
        amounts[name] = f"unclear {history.unclear}" if amount is None else amount // 100
    return {
        "applications": [*history.applications],
        "approvals": [*history.approvals],
        "declines": [*history.declines],
        "last_decline": history.last_decline or "none",
        "open_offers": history.open_approvals,
        "open_loans": history.open_loans,
        "overdue_loans": history.overdue_loans,
        "repaid_loans": history.repaid_loans,
        **amounts,
    }


def of(past, unreported=30, as_of=AS_OF):
    """The history over some past."""
    return history_of(HistoryOf("personal-loan-ph", "PHP", as_of), past, unreported_days=unreported)


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_past_decisions_come_to_the_figures_of_the_case(case):
    """Each figure that a case names is what its past comes to."""
    decided = tuple(past_decision(number, row) for number, row in enumerate(case["past"]))
    keys = case.get("found_by", ["user"])
    history = of([Past(len(decided), decided)] * len(keys), case.get("unreported_days", 30))
    found = figures(history)
    assert {name: found[name] for name in case["figures"]} == case["figures"]


def test_more_than_can_be_read_leaves_the_exposure_unclear():
    """A thousand decisions under a key hide an older loan: counts stay, sums do not."""
    row = {"outcome": "DECLINE", "day": date(2026, 11, 26)}
    many = tuple(past_decision(number, row) for number in range(MOST_PAST))
    found = figures(of([Past(MOST_PAST, many)]))
    assert found["exposure"] == "unclear PARTIAL"
    assert found["applications"] == [MOST_PAST] * 4


@given(st.lists(st.sampled_from(CASES["cases"]), max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_past_decisions_means_nothing(chosen, rng):
    """Whatever the order and the keys they are found by, the figures are the same."""
    rows = [row for case in chosen for row in case["past"]]
    decided = [past_decision(number, row) for number, row in enumerate(rows)]
    shuffled = rng.sample(decided, len(decided))
    half = Past(len(decided), tuple(shuffled[: len(decided) // 2]))
    assert of([Past(len(decided), tuple(decided))]) == of([Past(9, tuple(shuffled)), half])


@given(st.sampled_from(CASES["cases"]), st.sampled_from(CASES["cases"]))
def test_more_past_never_lowers_what_is_owed_or_counted(one, other):
    """Another decision adds to counts and exposure, or leaves the exposure unclear."""
    rows = [*one["past"], *other["past"]]
    decided = tuple(past_decision(number, row) for number, row in enumerate(rows))
    less, more = (of([Past(9, part)]) for part in (decided[: len(one["past"])], decided))
    assert all(a <= b for a, b in zip(less.applications, more.applications, strict=True))
    assert more.exposure is None or (less.exposure or 0) <= more.exposure


def test_second_uses_are_users_and_customers_other_than_this_one():
    """Users of the busiest account and of the person, customers of the same caller."""
    keys = history_keys("user-1", "los", "C-1", (OLD, NEW), ("a-1", "a-2"), ["cruz juan 1990"])
    row = {"outcome": "APPROVE", "day": date(2026, 11, 1)}
    mine = past_decision(1, row, customer_ref="C-2")
    theirs = [past_decision(n, row, user_id=f"user-{n}", caller="crm") for n in (2, 3)]
    past = {
        keys.user: Past(2, (mine, past_decision(9, row, caller="crm", customer_ref="C-9"))),
        keys.accounts[0][0]: Past(1, (theirs[0],)),
        keys.accounts[0][1]: Past(1, (theirs[1], mine)),
        keys.person[0]: Past(1, (theirs[1],)),
    }
    assert reuse_of(keys, past, "user-1", "los", "C-1") == Reuse(3, 2, 2, keyed=True)
    assert reuse_of(keys, {}, "user-1", "los", "") == Reuse(1, 1, 1, keyed=True)
    unkeyed = history_keys("user-1", "los", "C-1", (), ("a-1",), ["cruz juan 1990"])
    assert reuse_of(unkeyed, {}, "user-1", "los", "C-1") == Reuse(None, 1, None)


def test_a_customer_reference_means_something_to_its_caller_alone():
    """Two callers' customers of one reference are two customers."""
    one, other = (history_keys("u", caller, "C-1").customer for caller in ("los", "crm"))
    assert one != other
    assert history_keys("u", "los", "").customer is None


def test_a_hash_names_its_key_and_hides_the_rest():
    """Keys give different hashes that begin with kind and key; a key never prints its secret."""
    one, other = (key.hash(b"A", "a-1") for key in (OLD, NEW))
    assert one[:5] == b"A" + OLD.id
    assert one[5:] != other[5:]
    assert b"a-1" not in one
    assert repr(OLD) == f"IdentityKey({OLD.id.hex()})"
    with pytest.raises(ValueError, match="a key has 31 bytes: 32 are needed"):
        IdentityKey.of(b"x" * 31)


def test_a_history_that_is_empty_has_an_exposure_of_nothing():
    """Nothing on record is nothing owed, not something that cannot be told."""
    assert of([]) == History("PHP", unreported_days=30)


OTHER = "a-2"


class WatchedLog(InMemoryDecisionLog):
    """Notes which keys each visit asks for, beside or without a request."""

    def __init__(self) -> None:
        super().__init__()
        self.beside: list[set[bytes]] = []
        self.alone: list[set[bytes]] = []
        self.held: list[DecisionEntry] | None = None
        self.before_next_commit: list[DecisionEntry] = []

    async def look_up(self, caller: str, request_id: str, keys: Collection[bytes] = ()) -> LookedUp:
        """As the log, noted."""
        self.beside += [{*keys}] if keys else []
        return await super().look_up(caller, request_id, keys)

    async def past(self, keys: Collection[bytes]) -> Mapping[bytes, Past]:
        """As the log, noted."""
        self.alone.append({*keys})
        return await super().past(keys)

    async def commit(self, entry: DecisionEntry) -> StoredEntry:
        """As the log, after what comes in between; what is held stays on its way."""
        if self.held is not None:
            self.held.append(entry)
            raise StoreUnavailable("on its way")
        while self.before_next_commit:
            await super().commit(self.before_next_commit.pop())
        return await super().commit(entry)


class Vendor(ScriptedSource):
    """A vendor whose readings are as old as the clock says."""

    def __init__(self, clock: SetClock) -> None:
        super().__init__()
        self._clock = clock

    async def gather(self, *args: Any, **named: Any) -> FetchResult:
        """As told, now."""
        return replace(await super().gather(*args, **named), fetched=self._clock.now())


@pytest.fixture
def world() -> World:
    """A world that decides by the rules as they ship, and whose log is watched."""
    log, clock, book = WatchedLog(), SetClock(), rulebook(read_rules(RULES))
    return World(Vendor(clock), log, clock, book, SnapshotCache(log, Ages()))


def seen(entry: StoredEntry) -> int:
    """How many applications of the day were on record before a decision."""
    value = factors_from_wire(decode_facts(entry.facts).factors).values["history.applications_1d"]
    return int(value.value)


async def test_a_known_person_costs_one_visit(world: World) -> None:
    """The first decision reads what is on record by itself, the second beside the request."""
    decide = world.decide()
    first = await decide(application(request_id="r-1"), world.call())
    second = await decide(application(request_id="r-2"), world.call())
    assert len(world.log.alone) == 1
    assert world.log.beside == world.log.alone
    assert (seen(first), seen(second)) == (0, 1)


async def test_another_customer_number_is_not_known_yet(world: World) -> None:
    """Keys are those of the same caller and customer; else all are read by themselves."""
    decide = world.decide()
    await decide(application(request_id="r-1"), world.call())
    await decide(application(request_id="r-2", customer_ref="C-1"), world.call())
    assert world.log.beside == []
    assert len(world.log.alone) == 2


async def test_after_the_vendor_was_read_all_is_read_anew(world: World) -> None:
    """What was looked up before the vendor's answer is not used after it."""
    decide = world.decide()
    await decide(application(request_id="r-1"), world.call())
    world.clock.wall += timedelta(hours=25)
    await decide(application(request_id="r-2"), world.call())
    assert world.log.alone[1:] == world.log.beside == world.log.alone[:1]


async def test_an_account_that_is_new_is_read_by_itself(world: World) -> None:
    """Another process read it from the vendor: what was not looked up is read before deciding."""
    here, there = world.decide(), world.decide()
    await here(application(request_id="r-1"), world.call())
    account = replace(world.source.snapshot.accounts[0], id=OTHER)
    accounts = (*world.source.snapshot.accounts, account)
    world.source.snapshot = replace(world.source.snapshot, accounts=accounts)
    world.clock.wall += timedelta(hours=25)
    await there(application(request_id="r-2"), world.call())
    await here(application(request_id="r-3"), world.call())
    [[key]] = history_keys("u-1", "anonymous", "", SECRETS, (OTHER,)).accounts
    assert world.log.alone[-1] == {key, owed_key(key)}


async def test_erased_keys_are_not_looked_up(world: World) -> None:
    """Of a user whose data is erased no key stays cached."""
    decide = world.decide()
    await decide(application(request_id="r-1"), world.call())
    decide.forget("u-1")
    await decide(application(request_id="r-2"), world.call())
    assert world.log.beside == []


async def test_what_came_in_between_is_seen(world: World) -> None:
    """A decision that another process recorded after the look-up moves the history: read again."""
    here, there = world.decide(), world.decide()
    await here(application(request_id="r-1"), world.call())
    world.log.held = held = []
    with pytest.raises(StoreUnavailable):
        await there(application(request_id="r-2"), world.call())
    world.log.held = None
    world.log.before_next_commit = [replace(one, fence="") for one in held]
    third = await here(application(request_id="r-3"), world.call())
    assert seen(third) == 2
    assert len(world.log.alone) == 3


async def test_who_waits_for_others_reads_what_they_left(world: World) -> None:
    """Of twenty at once on a known person none is decided twice, and each sees all before it."""
    decide = world.decide()
    await decide(application(request_id="r-0"), world.call())
    calls = [decide(application(request_id=f"r-{n}"), world.call()) for n in range(1, 21)]
    made = await asyncio.gather(*calls)
    assert sorted(map(seen, made)) == list(range(1, 21))
    assert world.log.commits == 21


async def test_a_turn_tells_whether_others_had_theirs_before() -> None:
    """The first has it at once; the second waits; one that leaves holds nobody up."""
    turns, go, told = UserLocks(), asyncio.Event(), []

    async def work() -> None:
        async with turns.of("user-1") as waited:
            told.append(waited)
            await go.wait()

    first, second, third = (asyncio.create_task(work()) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()
    go.set()
    await asyncio.gather(first, second, third, return_exceptions=True)
    assert told == [False, True]
    assert len(turns) == 0


FIFTY_THOUSAND = {"requested_amount": Money("PHP", 5_000_000), "requested_term_months": 12}


def shipped_world() -> World:
    """A world that decides by the rules as they ship."""
    return World(book=rulebook(read_rules(RULES)))


def asked(number: int, **changes: object):
    """An application of 50,000 over a year."""
    return application(request_id=f"r-{number}", inputs=FIFTY_THOUSAND, **changes)


def value(entry, name):
    """A factor's recorded value; None where it is missing."""
    return factors_from_wire(decode_facts(entry.facts).factors).values[name].value


async def test_two_users_of_one_account_are_decided_one_after_another():
    """Fifty at once, by turns for either user and at either replica: each sees all before it."""
    here = shipped_world()
    decide = [here.decide(), here.decide()]
    calls = [
        decide[n % 2](asked(n, user_id=f"user-{n // 2 % 2}"), here.call(seconds=60))
        for n in range(50)
    ]
    made = await asyncio.gather(*calls)
    assert [one.outcome for one in made].count(Outcome.APPROVE) <= 1
    assert sorted(value(one, "history.applications_1d") for one in made) == list(range(50))


async def test_an_account_is_entered_once_and_again_after_half_a_year():
    """Later decisions of a user add nothing under a hash that leads to the user already."""
    here = shipped_world()
    decide = here.decide()
    [[key]] = history_keys("user-1", "anonymous", "", SECRETS, ("a-1",)).accounts
    for number, days in enumerate((0, 1, 180, 1)):
        here.clock.wall += timedelta(days=days)
        await decide(asked(number, user_id="user-1"), here.call())
    assert (await here.log.past([key]))[key].last == 2


async def test_a_repeated_request_counts_once():
    """The same request twice is one application to the next."""
    here = shipped_world()
    decide = here.decide()
    for _ in range(2):
        await decide(asked(1), here.call())
    second = await decide(asked(2), here.call())
    assert value(second, "history.applications_1d") == 1


async def test_another_user_of_the_account_is_looked_at_for_what_the_first_one_owes():
    """Nobody is declined for what may be a spouse's; the same customer under both users is."""
    here = shipped_world()
    decide = here.decide()
    await decide(asked(1, user_id="user-1", customer_ref="C-1"), here.call())
    second = await decide(asked(2, user_id="user-2"), here.call())
    assert second.outcome is Outcome.REFER
    assert value(second, "history.exposure") == Money("PHP", 0)
    assert value(second, "history.linked_exposure") == Money("PHP", 5_000_000)
    assert value(second, "reuse.users_of_account") == 2
    third = await decide(asked(3, user_id="user-2", customer_ref="C-1"), here.call())
    assert third.outcome is Outcome.DECLINE
    assert value(third, "history.exposure") == Money("PHP", 5_000_000)


async def test_without_a_key_second_uses_cannot_be_ruled_out():
    """Nothing is hashed: the same account is not found, and the shipped rules refer."""
    here = shipped_world()
    here.secrets = ()
    made = await here.decide()(asked(1), here.call())
    assert made.outcome is Outcome.REFER
    assert value(made, "reuse.users_of_account") is None
