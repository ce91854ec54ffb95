"""What the databases read to answer: lists, pins and figures look at no more than they need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, event

from decision_service.author.backtest import replica as backtest
from decision_service.author.backtest.replica import KeyRange
from decision_service.domain.decision import Arm, Outcome
from decision_service.domain.ports import Filter, PagePosition
from decision_service.store import arms, commit, decisions, outcomes
from decision_service.store import erasure as expiry
from decision_service.store.columns import microseconds
from decision_service.store.engine import Database
from decision_service.store.store import open_database
from tests.kits.decision_log import ENTRY, NOON
from tests.kits.postgres import Postgres

ALONE = [
    (Filter(), "created"),
    (Filter(user_id="x"), "user_id"),
    (Filter(application_id="x"), "application_id"),
    (Filter(customer_ref="x"), "customer_ref"),
    (Filter(product="x"), "product"),
    (Filter(outcome=Outcome.REFER), "outcome"),
    (Filter(caller="x"), "caller"),
]
TOGETHER = [
    (Filter(caller="x", user_id="x", product="x", outcome=Outcome.REFER), "user_id"),
    (Filter(caller="x", application_id="x", outcome=Outcome.REFER), "application_id"),
    (Filter(caller="x", customer_ref="x", product="x"), "customer_ref"),
    (Filter(caller="x", product="x", created_from=NOON), "product"),
]
TIES_ALONE = "USE TEMP B-TREE FOR LAST TERM OF ORDER BY"


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    """A new file."""
    database = await open_database(f"sqlite:///{tmp_path}/decisions.db")
    yield database
    await database.aclose()


@pytest.fixture
async def server(postgres: Postgres) -> AsyncIterator[Database]:
    """A new database of PostgreSQL's."""
    database = await open_database(postgres.migrated())
    yield database
    await database.aclose()


_OF_ONE = 40
_MANY = f"""
INSERT INTO decisions SELECT (jsonb_populate_record(one, jsonb_build_object(
    'decision_id', 'dec_' || n, 'request_id', n, 'created', created - n) || CASE
    WHEN n % {_OF_ONE} > 0 THEN jsonb_build_object('user_id', n, 'application_id', n,
        'customer_ref', n, 'product', n % {_OF_ONE}, 'caller', n % {_OF_ONE})
    ELSE '{{"user_id": "x", "application_id": "x", "customer_ref": "x", "product": "x",
        "caller": "x", "outcome": "REFER"}}' END
)).* FROM decisions AS one, generate_series(1, 5000) AS n
"""


def filled(connection: Connection) -> None:
    """Decisions of whom a filter chooses, one of every `_OF_ONE`, and the planner's figures.

    What it supposes of an empty table depends on when the server last looked at that.
    """
    connection.execute(decisions.decisions.insert().values(decisions.row(decisions.stored(ENTRY))))
    connection.exec_driver_sql(_MANY)
    connection.exec_driver_sql("ANALYZE decisions")


def one_statement(
    connection: Connection, work: Callable[[Connection], object], place: int = 0
) -> tuple[str, tuple[object, ...]]:
    """One statement of some work, the first unless told, and its parameters."""
    seen: list[tuple[str, tuple[object, ...]]] = []

    def note(
        _: object, __: object, statement: str, parameters: tuple[object, ...], *___: object
    ) -> None:
        seen.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    work(connection)
    event.remove(connection, "before_cursor_execute", note)
    return seen[place]


def plan_of(
    connection: Connection, work: Callable[[Connection], object], place: int = 0
) -> list[str]:
    """How the database means to carry out one statement of some work."""
    statement, parameters = one_statement(connection, work, place)
    of_sqlite = connection.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN " if of_sqlite else "EXPLAIN "
    found = connection.exec_driver_sql(explain + statement, parameters)
    return [row[3] if of_sqlite else row[0] for row in found]


def second_page(chosen: Filter) -> Callable[[Connection], object]:
    """What reads a page of a list that is not its first."""
    return lambda c: decisions.page(c, chosen, PagePosition(NOON, "d"), 50)


@pytest.mark.parametrize(("chosen", "index"), ALONE + TOGETHER)
async def test_every_filter_reads_one_index_newest_first(
    sqlite: Database, chosen: Filter, index: str
) -> None:
    """A page is found through the index of what leaves the fewest; only ties are sorted."""
    first, *rest = await sqlite.read(lambda c: plan_of(c, second_page(chosen)))
    assert first.startswith(f"SEARCH decisions USING INDEX decisions_{index} (")
    assert "created<?" in first
    assert rest == [TIES_ALONE]


@pytest.mark.parametrize(("chosen", "index"), ALONE)
async def test_postgres_finds_every_filters_index(
    server: Database, chosen: Filter, index: str
) -> None:
    """The index of what leaves few decisions serves the order too, but for ties."""

    def explained(connection: Connection) -> list[str]:
        filled(connection)
        return plan_of(connection, second_page(chosen))

    plan = "\n".join(await server.write(explained))
    assert f"Index Scan Backward using decisions_{index} on decisions" in plan
    assert "Presorted Key: created" in plan


OF_ANY_ID = ("application_id", "customer_ref", "user_id")


@pytest.mark.parametrize("place", range(4))
async def test_any_id_reads_the_index_of_each_column_that_may_hold_it(
    sqlite: Database, server: Database, place: int
) -> None:
    """One step to a decision or its review, and no more than a page of those of a person."""
    chosen = Filter(any_id="x")
    more = replace(chosen, caller="x", product="x", decided_again=True)
    plan = await sqlite.read(lambda c: plan_of(c, second_page(more), place))

    def explained(connection: Connection) -> list[str]:
        filled(connection)
        return plan_of(connection, second_page(chosen), place)

    of_postgres = "\n".join(await server.write(explained))
    if place == 0:
        assert "USING INDEX sqlite_autoindex_decisions_1 (decision_id=?)" in plan[0]
        assert "Index Scan on decisions_pkey" in of_postgres
    else:
        index = f"decisions_{OF_ANY_ID[place - 1]}"
        assert plan[0].startswith(f"SEARCH decisions USING INDEX {index} (")
        assert "created<?" in plan[0]
        assert f"Index Scan Backward using {index} on decisions" in of_postgres


async def test_what_rollouts_ask_for_is_read_in_order(sqlite: Database) -> None:
    """A pin is one step in its index, and sums over a time read that time's rows alone."""
    covering = "SEARCH arm_decisions USING COVERING INDEX arm_decisions_"
    pin = await sqlite.read(lambda c: plan_of(c, lambda c: arms.pin(c, "loan", "u", NOON)))
    assert pin == [f"{covering}pin (product=? AND unit=? AND created>?)"]
    champion = Arm.CHAMPION
    sums = await sqlite.read(
        lambda c: plan_of(c, lambda c: arms.approved(c, "loan", champion, NOON))
    )
    assert sums == ["SEARCH arm_decisions USING PRIMARY KEY (product=? AND created>?)"]
    day = await sqlite.read(lambda c: plan_of(c, lambda c: arms.day_totals(c, "loan", NOON)))
    assert day[0] == f"{covering}granted (product=? AND created>?)"
    first, *_ = await sqlite.read(
        lambda c: plan_of(c, lambda c: arms.day_totals(c, "loan", NOON), place=1)
    )
    assert first == (
        "SEARCH reviews USING COVERING INDEX reviews_charged (product=? AND charged_at>?)"
    )


async def test_a_backtest_finds_first_decisions_by_user_and_goes_on_where_it_was(
    sqlite: Database,
) -> None:
    """Pages far into a window cost as much as its first one."""
    whole, reached = KeyRange(NOON, NOON + timedelta(days=90)), NOON + timedelta(days=45)

    def page(connection: Connection) -> object:
        after = PagePosition(reached, "d")
        return backtest.applicants(connection, "loan", whole, NOON, after, 50)

    plan = await sqlite.read(lambda c: plan_of(c, page))
    by_user = "USING INDEX decisions_user_id (user_id=? AND created>? AND created<?)"
    assert f"SEARCH earlier {by_user}" in plan
    _, given = await sqlite.read(lambda c: one_statement(c, page))
    assert given.count(microseconds(reached)) == 2  # the index is entered there, ties are left out


async def test_what_is_due_is_found_oldest_first(sqlite: Database) -> None:
    """Clearing away reads the oldest decisions and no others."""
    first, *_ = await sqlite.write(lambda c: plan_of(c, lambda c: expiry.expire(c, NOON, 10)))
    assert (
        first == "SEARCH decisions USING INDEX decisions_counts_until (lent=? AND counts_until<?)"
    )


async def test_reports_of_a_loan_and_of_a_decision_are_found_by_key(sqlite: Database) -> None:
    """A report looks at its loan's alone, and a decision's loans at its own."""
    found = await sqlite.read(lambda c: plan_of(c, lambda c: outcomes.of_loan(c, "los", "LN-1")))
    assert found == [
        "SEARCH loan_outcomes USING INDEX sqlite_autoindex_loan_outcomes_1 (caller=? AND loan_id=?)"
    ]
    first, *_ = await sqlite.read(lambda c: plan_of(c, lambda c: outcomes.newest(c, "dec_1")))
    assert first == "SEARCH loan_outcomes USING INDEX loan_outcomes_decision_id (decision_id=?)"


@pytest.mark.parametrize("rows", [1, 16, 128])
async def test_a_commit_is_planned_once_and_looks_rows_up_by_key(
    postgres: Postgres, rows: int
) -> None:
    """A plan that serves every group reads no table from end to end, though all are empty."""
    database = await open_database(postgres.migrated())
    statement = commit.looking("postgresql", rows)
    given = ", ".join("NULL" for _ in range(statement.count("$")))

    def planned(connection: Connection) -> tuple[str, tuple[int, int]]:
        connection.exec_driver_sql(f"PREPARE committing AS {statement}")
        plan = connection.exec_driver_sql(f"EXPLAIN VERBOSE EXECUTE committing ({given})").all()
        counted = connection.exec_driver_sql(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements "
            "WHERE name = 'committing'"
        ).one()
        return "\n".join(row[0] for row in plan), tuple(counted)

    plan, plans = await database.commit(planned)
    await database.aclose()
    assert plans == (1, 0)
    assert "Seq Scan" not in plan
    assert "Index Scan using warm_pkey" in plan
