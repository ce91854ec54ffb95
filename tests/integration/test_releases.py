"""The journals of releases and rollouts: appended, sealed, and verified against whoever edits rows.

Rows are edited by plain SQL here, as somebody does who may write to the database.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from decision_service.domain.actors import Actor, TokenSubject
from decision_service.domain.errors import StoreUnavailable
from decision_service.outbox.events import EventFilter
from decision_service.rollout.ports import JournalMovedOn
from decision_service.rulebook.releases import ReleaseAction, ReleaseEntry, release_text
from decision_service.store.errors import StoreRefused
from decision_service.store.releases import all_entries, releases
from decision_service.store.rollouts import history, latest, rollout_journal, texts
from decision_service.store.seals import JOURNAL_KEYS, JournalKeys, Seals
from decision_service.store.store import Store, migrate
from tests.dumps import SQLITE, load_sqlite, path_of
from tests.kits.decision_log import NOON
from tests.kits.history_log import SECRET
from tests.kits.postgres import Postgres
from tests.kits.rollout_journal import FIRST, OTHER, PRODUCT, SECOND, RolloutJournalKit
from tests.kits.stores import opened

CONTENT = release_text("a folder — ñandú ₱".encode())
JUANA = Actor("office", TokenSubject("https://id.example", "juana"))
PROPOSED = ReleaseEntry(
    1, NOON, ReleaseAction.PROPOSE, CONTENT.digest, by=Actor("service"), program="0.5.0"
)
CONFIRMED = ReleaseEntry(
    2,
    NOON + timedelta(microseconds=1),
    ReleaseAction.CONFIRM,
    CONTENT.digest,
    about=1,
    by=JUANA,
    signed_in=NOON - timedelta(minutes=3),
    why="looked at “it” — ñandú",
    ticket="RISK-7",
    accepted=("guarantee gone: `x`", "limit"),
    program="0.5.0",
)
RELEASED = replace(
    CONFIRMED,
    position=3,
    action=ReleaseAction.RELEASE,
    by=Actor("office", TokenSubject("https://id.example", "ben")),
    accepted=(),
)
ENTRIES = (PROPOSED, CONFIRMED, RELEASED)
THIRD = replace(SECOND, position=3, before=SECOND.after, ticket="")
STEPS = (FIRST, SECOND, THIRD)
TABLES = {"releases": releases, "rollout_journal": rollout_journal}
COLUMNS = [(name, column.name) for name, table in TABLES.items() for column in table.c]
NULLABLE = [(table, name) for table, name in COLUMNS if TABLES[table].c[name].nullable]

Edit = Callable[[sa.Connection], object]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "journal-keys"
    JOURNAL_KEYS.add(file)
    return file


@pytest.fixture
async def store(url: str, keys: Path) -> AsyncIterator[Store]:
    """A sealed store with three entries in each journal, and another product's first step."""
    async with opened(url, journal_keys=keys) as store:
        await fill(store)
        yield store


async def fill(store: Store) -> None:
    await store.add_release(PROPOSED, CONTENT)
    await store.add_release(CONFIRMED)
    await store.add_release(RELEASED, steps=[FIRST, OTHER])
    await store.append(SECOND)
    await store.append(THIRD)


def changed(statement: str, **given: object) -> Edit:
    """An edit by SQL, as somebody writes it who may write to the database."""
    return lambda connection: connection.execute(sa.text(statement), given)


def seals_of(file: Path) -> Seals:
    """What a process verifies by that has just started."""
    return Seals(JournalKeys(file, JOURNAL_KEYS.read(file)))


def read_all(connection: sa.Connection, seals: Seals) -> tuple[object, ...]:
    """Both journals, as a process reads them at its start."""
    steps = latest(connection, seals)
    return (
        all_entries(connection, (), seals),
        steps,
        [history(connection, one, None, 10, seals) for one in steps],
    )


class Undone(Exception):
    pass


async def refusal(store: Store, edits: list[Edit], seals: Seals) -> str:
    """What is said of the journals after edits, which are undone; empty where nothing is."""
    said = ""

    def work(connection: sa.Connection) -> None:
        nonlocal said
        for edit in edits:
            edit(connection)
        try:
            read_all(connection, seals)
        except StoreUnavailable as error:
            said = error.message
        raise Undone

    with pytest.raises(Undone):
        await store._database.write(work)
    return said


async def rows(store: Store, table: sa.Table) -> list[dict[str, Any]]:
    found = await store._database.read(lambda c: c.execute(sa.select(table)).all())
    return [row._asdict() for row in found]


class TestSealedRollouts(RolloutJournalKit):
    """The suite of the rollouts' journal holds with seals as without."""

    @pytest.fixture
    async def log(self, url: str, keys: Path) -> AsyncIterator[Store]:
        async with opened(url, journal_keys=keys) as store:
            yield store


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "without a key"])
async def test_entries_come_back_as_they_were_given(url: str, keys: Path, *, sealed: bool) -> None:
    """Every field, in the process that wrote them and in another one, and the content too."""
    for _ in range(2):
        async with opened(url, journal_keys=keys if sealed else None) as store:
            if not await store.releases():
                await fill(store)
            assert (*await store.releases(),) == ENTRIES
            assert (*await store.releases(),) == ENTRIES
            assert await store.release_content(CONTENT.digest) == CONTENT.body
            assert dict(await store.latest()) == {PRODUCT: THIRD, OTHER.product: OTHER}
            assert [*await store.history(PRODUCT, None, 10)] == [THIRD, SECOND, FIRST]
            seals = [row["seal"] for table in TABLES.values() for row in await rows(store, table)]
            assert [bool(one) for one in seals] == [sealed] * 7


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "without a key"])
async def test_of_many_entries_for_one_position_one_wins(
    url: str, keys: Path, *, sealed: bool
) -> None:
    """Two processes race with content and steps: all of one of them is there, nothing of others."""
    file = keys if sealed else None
    async with opened(url, journal_keys=file) as store:
        bodies = [release_text(f"folder {number}".encode()) for number in range(6)]
        rivals = [replace(PROPOSED, digest=one.digest) for one in bodies]
        steps = [[replace(FIRST, why=one.digest)] for one in bodies]
        other = Store(store._database, 0.0, 1, journal_keys=_journal_keys(file))
        given = zip([store, other] * 3, rivals, bodies, steps, strict=True)
        done = await asyncio.gather(
            *(one.add_release(*what) for one, *what in given), return_exceptions=True
        )
        refused = [one for one in done if one is not None]
        assert [type(one) for one in refused] == [JournalMovedOn] * 5
        winner = done.index(None)
        assert (*await store.releases(),) == (*await other.releases(),) == (rivals[winner],)
        assert dict(await store.latest()) == {PRODUCT: steps[winner][0]}
        found = [await store.text(one.digest) for one in bodies]
        assert found == [one if number == winner else None for number, one in enumerate(bodies)]


def _journal_keys(file: Path | None) -> JournalKeys | None:
    return None if file is None else JournalKeys(file, JOURNAL_KEYS.read(file))


async def test_a_taken_step_keeps_the_release_out(store: Store) -> None:
    """Neither the entry nor its content nor its other steps are kept, and no event is."""
    fresh = release_text(b"another folder")
    entry = replace(PROPOSED, position=4, digest=fresh.digest)
    before = (await store.outbox.page(0, await store.outbox.end(), EventFilter(), 100)).events
    steps = [replace(OTHER, product="new-ph"), replace(SECOND, why="another one")]
    with pytest.raises(JournalMovedOn):
        await store.add_release(entry, fresh, steps)
    assert (*await store.releases(),) == ENTRIES
    assert dict(await store.latest()) == {PRODUCT: THIRD, OTHER.product: OTHER}
    assert await store.text(fresh.digest) is None
    after = (await store.outbox.page(0, await store.outbox.end(), EventFilter(), 100)).events
    assert after == before


async def test_steps_of_a_release_have_their_events(store: Store) -> None:
    found = await store.outbox.page(0, await store.outbox.end(), EventFilter(), 100)
    stepped = [(one.product, one.position) for one in found.events if one.product]
    assert stepped == [(PRODUCT, 1), (OTHER.product, 1), (PRODUCT, 2), (PRODUCT, 3)]
    of_rules = [(one.type, one.position) for one in found.events if not one.product]
    assert of_rules == [
        ("rules.proposed", 1),
        ("rules.confirmed", 2),
        ("rules.confirmed", 3),
        ("rules.loaded", 3),
    ]


async def test_the_same_release_again_is_there_already(store: Store) -> None:
    """With its steps; another entry, or other steps with it, is refused."""
    await store.add_release(RELEASED, steps=[FIRST, OTHER])
    await store.add_release(PROPOSED, CONTENT)
    for entry, steps in (
        (replace(RELEASED, why="another"), [FIRST, OTHER]),
        (RELEASED, [replace(THIRD, position=4)]),
        (replace(RELEASED, position=4), [FIRST]),
    ):
        with pytest.raises(JournalMovedOn):
            await store.add_release(entry, steps=steps)
    assert (*await store.releases(),) == ENTRIES
    assert (await store.latest())[PRODUCT] == THIRD


async def test_an_entry_that_leaves_a_gap_is_refused(store: Store) -> None:
    """The place between is empty, so nothing could say what came before."""
    with pytest.raises(StoreUnavailable, match="entry 9 in the table releases does not follow"):
        await store.add_release(replace(RELEASED, position=9))
    with pytest.raises(StoreUnavailable, match=f"entry 9 of {PRODUCT} in the table rollout_jou"):
        await store.append(replace(THIRD, position=9))


async def test_content_has_the_digest_of_its_entry(store: Store) -> None:
    entry = replace(PROPOSED, position=4)
    with pytest.raises(ValueError, match="is not the digest of the content"):
        await store.add_release(entry, replace(CONTENT, body=b"another"))
    with pytest.raises(ValueError, match="the entry is about"):
        await store.add_release(entry, release_text(b"another"))


async def test_content_that_was_edited_is_refused(store: Store) -> None:
    """However it is asked for, also where it is proposed again, and where its kind is edited."""
    damaged = f"the release {CONTENT.digest} in the table texts is missing or is not what was rele"
    await store._database.write(lambda c: c.execute(sa.update(texts).values(body=b"forged")))
    for read in (store.release_content, store.text):
        with pytest.raises(StoreUnavailable, match=damaged):
            await read(CONTENT.digest)
    with pytest.raises(StoreUnavailable, match=damaged):
        await store.last_text("release")
    with pytest.raises(StoreUnavailable, match=damaged):
        await store.add_release(replace(PROPOSED, position=4), CONTENT)
    await store._database.write(lambda c: c.execute(sa.update(texts).values(kind="plan")))
    with pytest.raises(StoreUnavailable, match=damaged):
        await store.release_content(CONTENT.digest)
    await store._database.write(lambda c: c.execute(sa.delete(texts)))
    with pytest.raises(StoreUnavailable, match=damaged):
        await store.release_content(CONTENT.digest)


@pytest.mark.parametrize(("table", "column"), COLUMNS)
async def test_no_column_can_be_edited(store: Store, keys: Path, table: str, column: str) -> None:
    """Neither of the first, the middle nor the last row: a start names the table and the place."""
    kind = TABLES[table].c[column]
    value = f"{column} + 1" if isinstance(kind.type, sa.BigInteger) else f"{column} || 'x'"
    forged = {
        "action": "'revive'" if table == "rollout_journal" else "'decline'",
        "position": "position + 40",
        "seal": "substr(seal, 1, 72) || CASE substr(seal, 73) WHEN '0' THEN '1' ELSE '0' END",
        "state_before": "'{}'",
        "subject": "'mallory'",
        "issuer": "'https://other.example'",
        "signed_in": "7",
    }
    value = forged.get(column, value)
    whose = f" AND product = '{PRODUCT}'" if table == "rollout_journal" else ""
    for position in (1, 2, 3):
        edit = changed(f"UPDATE {table} SET {column} = {value} WHERE position = {position}{whose}")
        said = await refusal(store, [edit], seals_of(keys))
        # A row of another product's name is in that one's journal, where it does not belong.
        place = r"entry \d of" if column == "product" else f"entry {position}"
        assert re.match(f"the {place}.* in the table {table} ", said), said
        assert "find out who wrote to the database" in said


@pytest.mark.parametrize(("table", "column"), NULLABLE)
async def test_a_value_cannot_be_taken_out(
    store: Store, keys: Path, table: str, column: str
) -> None:
    edit = changed(f"UPDATE {table} SET {column} = NULL WHERE position = 2")
    said = await refusal(store, [edit], seals_of(keys))
    assert "is not what was sealed there" in said


def _insert(connection: sa.Connection, table: sa.Table, **values: object) -> None:
    first = connection.execute(sa.select(table).order_by(table.c.position.desc())).first()
    assert first is not None
    connection.execute(sa.insert(table).values({**first._asdict(), **values}))


def _swap(connection: sa.Connection, t: sa.Table) -> None:
    """Give the second and third rows each other's place, with their seals."""
    mine = t.c.product == PRODUCT if "product" in t.c else sa.true()
    place = t.c.position
    for old, new in ((2, 90), (3, 2), (90, 3)):
        connection.execute(sa.update(t).where(mine, place == old).values(position=new))


LINES = {
    "a row is inserted": (lambda c, t: _insert(c, t, position=4), "entry 4"),
    "a row is inserted without a seal": (
        lambda c, t: _insert(c, t, position=4, seal=""),
        "entry 4.* has no seal",
    ),
    "the middle is removed": (
        lambda c, t: c.execute(sa.delete(t).where(t.c.position == 2)),
        "entry 2.* is missing",
    ),
    "the first is removed": (
        lambda c, t: c.execute(sa.delete(t).where(t.c.position == 1)),
        "entry 1.* is missing",
    ),
    "two are swapped": (_swap, "entry 2.* is not what was sealed there"),
    "all seals are blanked": (
        lambda c, t: c.execute(sa.update(t).values(seal="")),
        "entry 1.* was never sealed: run `decision-service keys journal seal --take-over` where",
    ),
    "a seal of an unknown key": (
        lambda c, t: c.execute(sa.update(t).values(seal="00000000" + ":" + "0" * 64)),
        "entry 1.* is sealed by the journal key 00000000, which this process lacks: put it into",
    ),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=str)
@pytest.mark.parametrize("what", LINES)
async def test_rows_cannot_be_added_moved_or_removed(
    store: Store, keys: Path, table: sa.Table, what: str
) -> None:
    edit, sentence = LINES[what]
    said = await refusal(store, [partial(edit, t=table)], seals_of(keys))
    assert re.search(sentence, said), said


async def test_rows_of_one_journal_fit_no_other(store: Store, keys: Path) -> None:
    """A step of one product is none of another, though its columns were sealed with this key."""
    [first] = [row for row in await rows(store, rollout_journal) if row["product"] == OTHER.product]
    forged = first | {"product": "new-ph"}
    edit: Edit = lambda c: c.execute(sa.insert(rollout_journal).values(forged))  # noqa: E731
    said = await refusal(store, [edit], seals_of(keys))
    assert said.startswith("the entry 1 of new-ph in the table rollout_journal is not what was")


async def test_a_journal_of_another_key_is_refused(url: str, keys: Path, tmp_path: Path) -> None:
    """Whoever copies the rows of a store of their own makes no start possible."""
    other = tmp_path / "other-keys"
    theirs = JOURNAL_KEYS.add(other)
    async with opened(url, journal_keys=other) as store:
        await fill(store)
    lost = f"sealed by the journal key {theirs.id.hex()}, which {keys} lacks: put the key back$"
    with pytest.raises(StoreRefused, match=lost):
        await Store.open(url, journal_keys=keys)
    with pytest.raises(StoreRefused, match="DECISION_JOURNAL_KEY_FILE is not set: put the key ba"):
        await Store.open(url)


async def test_a_running_process_refuses_a_shorter_journal(store: Store, keys: Path) -> None:
    """Also one that was read in full by another; at a start what is gone cannot be known."""
    seals = seals_of(keys)
    await store._database.read(partial(read_all, seals=seals))
    last = changed("DELETE FROM releases WHERE position = 3")
    every = changed("DELETE FROM releases")
    steps = changed("DELETE FROM rollout_journal WHERE position > 1")
    product = changed("DELETE FROM rollout_journal WHERE product = :of", of=OTHER.product)
    of = f"of {PRODUCT} in the table rollout_journal"
    for edit, sentence in (
        (last, "the entry 3 in the table releases was read by this process and is gone, the last"),
        (every, "the entry 3 in the table releases was read by this process and is gone, the las"),
        (steps, f"the entry 3 {of} was read by this process and is gone, the last one is 1: rest"),
        (product, f"the entry 1 of {OTHER.product} in the table rollout_journal was read by thi"),
    ):
        assert (await refusal(store, [edit], seals)).startswith(sentence)
        assert await refusal(store, [edit], seals_of(keys)) == ""


async def test_a_running_process_refuses_what_differs_from_what_it_read(
    store: Store, keys: Path
) -> None:
    """An entry of the very same key that took the place of another: it was sealed elsewhere."""
    seals = seals_of(keys)
    await store._database.read(partial(read_all, seals=seals))

    def branched(connection: sa.Connection) -> None:
        """What a restored backup became, in which other people went on."""
        for table in TABLES.values():
            connection.execute(sa.delete(table).where(table.c.position == 3))
        again = seals_of(keys)
        for name, position in ((releases, 3), (rollout_journal, 3)):
            row = {**_row(connection, name), "position": position, "why": "another reason"}
            assert again.add(connection, name, row)

    said = await refusal(store, [branched], seals)
    assert said.startswith("the entry 3")
    assert "is not what this process read before" in said
    assert await refusal(store, [branched], seals_of(keys)) == ""


def _row(connection: sa.Connection, table: sa.Table) -> dict[str, Any]:
    mine = table.c.product == PRODUCT if "product" in table.c else sa.true()
    query = sa.select(table).where(mine).order_by(table.c.position.desc())
    found = connection.execute(query).first()
    assert found is not None
    return found._asdict()


async def test_a_page_of_history_is_verified(store: Store) -> None:
    """Whichever row of it was edited or removed since the process began."""
    assert (await store.latest())[PRODUCT] == THIRD
    edit = changed("UPDATE rollout_journal SET why = 'x' WHERE position = 2")
    await store._database.write(edit)
    assert (await store.latest())[PRODUCT] == THIRD  # nothing is taken from the row
    assert [*await store.history(PRODUCT, 2, 5)] == [FIRST]
    with pytest.raises(StoreUnavailable, match=f"entry 2 of {PRODUCT} .* not what this process"):
        await store.history(PRODUCT, None, 5)
    await store._database.write(changed("DELETE FROM rollout_journal WHERE position = 2"))
    with pytest.raises(StoreUnavailable, match=f"entry 2 of {PRODUCT} .* is missing"):
        await store.history(PRODUCT, None, 5)


async def test_nothing_is_added_behind_an_edited_row(store: Store) -> None:
    """A new entry would else seal what was forged."""
    await store._database.write(changed("UPDATE releases SET why = 'x' WHERE position = 3"))
    with pytest.raises(StoreUnavailable, match="entry 3 in the table releases is not what"):
        await store.add_release(replace(RELEASED, position=4))
    await store._database.write(changed("UPDATE rollout_journal SET why = 'x' WHERE position = 3"))
    with pytest.raises(StoreUnavailable, match=f"entry 3 of {PRODUCT} in the table rollout_jour"):
        await store.append(replace(THIRD, position=4))


async def test_the_last_entry_is_looked_at_each_time(store: Store) -> None:
    """One that was edited since is refused by a process that has read it, and nothing follows."""
    await store.releases()
    await store.latest()
    for table in TABLES:
        await store._database.write(changed(f"UPDATE {table} SET why = 'x' WHERE position = 3"))
    for use in (
        store.releases,
        partial(store.add_release, replace(RELEASED, position=4)),
        store.latest,
        partial(store.append, replace(THIRD, position=4)),
    ):
        with pytest.raises(StoreUnavailable, match=r"entry 3 .*is not what this process read"):
            await use()


async def test_what_was_verified_is_not_read_again(store: Store) -> None:
    """However long the journals are: of each its last row is looked at, and what is new."""
    assert (*await store.releases(),) == ENTRIES
    assert (await store.latest())[PRODUCT] == THIRD
    for table in TABLES:
        await store._database.write(changed(f"UPDATE {table} SET why = 'x' WHERE position = 1"))
    later = replace(RELEASED, position=4)
    await store.add_release(later)
    assert (*await store.releases(),) == (*ENTRIES, later)
    await store._database.write(
        changed(
            "UPDATE rollout_journal SET why = :w WHERE position = 1 AND product = :p",
            w=OTHER.why,
            p=OTHER.product,
        )
    )
    assert (await store.latest())[PRODUCT] == THIRD


async def test_a_step_that_is_not_committed_is_not_remembered(store: Store) -> None:
    """A transaction that fails leaves no entry, and so the journal is not shorter than before."""
    steps = [replace(THIRD, position=4), replace(THIRD, position=5), replace(OTHER, why="taken")]
    await store.latest()
    with pytest.raises(JournalMovedOn):
        await store.add_release(replace(RELEASED, position=4), steps=steps)
    assert (await store.latest())[PRODUCT] == THIRD
    await store.add_release(replace(RELEASED, position=4), steps=steps[:2])
    assert (await store.latest())[PRODUCT] == steps[1]
    assert len(await store.releases()) == 4


async def test_a_rotation(url: str, keys: Path) -> None:
    """Old keys verify, the newest seals; after all is sealed anew the old one is needed no more."""
    [old] = JOURNAL_KEYS.read(keys)
    async with opened(url, journal_keys=keys) as running:
        await fill(running)
        await running.releases()
        await running.latest()
        new = JOURNAL_KEYS.add(keys)
        later = Store(running._database, 0.0, 1, journal_keys=_journal_keys(keys))
        await later.add_release(replace(RELEASED, position=4))
        ids = [row["seal"][:8] for row in await rows(running, releases)]
        assert ids == [old.id.hex()] * 3 + [new.id.hex()]
        # The running process reads the file again for a key that it does not know yet.
        assert len(await running.releases()) == 4
        sealed = await running._database.write(seals_of(keys).seal_anew)
        assert sealed == 8
        JOURNAL_KEYS.remove(keys, old.id)
        # What it had read is sealed by another key now, and is the same.
        assert len(await running.releases()) == 4
        assert (await running.latest())[PRODUCT] == THIRD
        assert await refusal(running, [], seals_of(keys)) == ""
    JOURNAL_KEYS.remove(keys, new.id)
    JOURNAL_KEYS.add(keys)
    with pytest.raises(
        StoreRefused, match=f"sealed by the journal key {old.id.hex()}|{new.id.hex()}"
    ):
        await Store.open(url, journal_keys=keys)


async def test_an_edited_journal_is_not_sealed_anew(store: Store, keys: Path) -> None:
    """Not by the command's way of renewing, with the flag or without."""
    for edit in (
        changed("UPDATE releases SET why = 'x' WHERE position = 2"),
        changed("DELETE FROM rollout_journal WHERE position = 2"),
        changed("UPDATE releases SET seal = ''"),
        changed("UPDATE releases SET seal = '' WHERE position = 3"),
    ):
        for take_over in (False, True):
            renew = partial(seals_of(keys).seal_anew, take_over=take_over)

            def work(connection: sa.Connection, edit: Edit = edit, renew: Any = renew) -> None:
                edit(connection)
                renew(connection)

            with pytest.raises(StoreUnavailable, match="find out who wrote to the database"):
                await store._database.write(work)
    assert await refusal(store, [], seals_of(keys)) == ""


async def test_a_journal_that_lost_its_seals_beside_a_sealed_one_is_not_taken_over(
    store: Store, keys: Path
) -> None:
    """The sentence names no command, so that nobody is led to believe what was forged."""
    await store._database.write(changed("UPDATE releases SET seal = ''"))
    with pytest.raises(StoreUnavailable, match="so that these cannot be taken over: restore the"):
        await store._database.write(partial(seals_of(keys).seal_anew, take_over=True))


async def test_a_forged_journal_is_not_taken_over_by_a_process_that_runs(
    store: Store, keys: Path
) -> None:
    """Where all seals were blanked, and an operator was made to take the rows over."""
    seals = seals_of(keys)
    await store._database.read(partial(read_all, seals=seals))
    edits = [
        changed("UPDATE releases SET seal = ''"),
        changed("UPDATE rollout_journal SET seal = ''"),
        changed("UPDATE releases SET caller = 'x' WHERE position = 2"),
        partial(seals_of(keys).seal_anew, take_over=True),
    ]
    said = await refusal(store, edits, seals)
    assert said == (
        "the entry 2 in the table releases is not what this process read before: restore the "
        "database's backup, and find out who wrote to the database"
    )
    assert await refusal(store, edits, seals_of(keys)) == ""  # as SECURITY says of the flag


async def test_a_store_without_seals_is_taken_over_once(url: str, keys: Path) -> None:
    """With a key nothing is read or written until its rows are sealed, which takes the flag."""
    async with opened(url) as before:
        await fill(before)
        later = Store(before._database, 0.0, 1, journal_keys=_journal_keys(keys))
        for use in (
            later.releases,
            later.latest,
            partial(later.add_release, replace(RELEASED, position=4)),
            partial(later.append, replace(OTHER, product="new-ph")),
        ):
            with pytest.raises(StoreUnavailable, match="never sealed: run `decision-service keys"):
                await use()
        with pytest.raises(StoreUnavailable, match="never sealed"):
            await before._database.write(seals_of(keys).seal_anew)
        take_over = partial(seals_of(keys).seal_anew, take_over=True)
        assert await before._database.write(take_over) == 7
        assert (*await later.releases(),) == ENTRIES
        assert (await later.latest())[PRODUCT] == THIRD
        await later.append(replace(THIRD, position=4))
        # A process from before has no key: it reads on, and adds nothing between what is sealed.
        assert (await before.latest())[PRODUCT] == replace(THIRD, position=4)
        for add in (
            partial(before.append, replace(THIRD, position=5)),
            partial(before.append, replace(OTHER, product="new-ph")),
            partial(before.add_release, replace(RELEASED, position=4)),
        ):
            with pytest.raises(StoreUnavailable, match="set DECISION_JOURNAL_KEY_FILE, and start"):
                await add()
    async with opened(url, journal_keys=keys) as store:
        assert (*await store.releases(),) == ENTRIES


async def test_steps_go_on_while_the_journal_is_sealed_anew(postgres: Postgres, keys: Path) -> None:
    """Whoever seals waits for who adds, and the reverse: the chain is whole after both."""
    url = postgres.migrated()
    async with opened(url, journal_keys=keys) as one, opened(url, journal_keys=keys) as other:
        await one.append(FIRST)
        steps = [replace(THIRD, position=number) for number in range(2, 30)]

        async def stepping() -> None:
            for step in steps:
                await one.append(step)

        async def sealing() -> None:
            for _ in range(10):
                await other._database.write(seals_of(keys).seal_anew)

        JOURNAL_KEYS.add(keys)
        await asyncio.gather(stepping(), sealing())
        assert await refusal(other, [], seals_of(keys)) == ""
        assert (await other.latest())[PRODUCT] == steps[-1]
        assert [*await one.history(PRODUCT, None, 50)] == [*reversed(steps), FIRST]


async def test_values_that_a_file_alone_takes_are_refused(tmp_path: Path, keys: Path) -> None:
    """SQLite holds bytes and fractions in any column, which no seal is about."""
    async with opened(f"sqlite:///{tmp_path}/decisions.db", journal_keys=keys) as store:
        await fill(store)
        for value in ("x'414243'", "1.5"):
            for column in ("at", "seal", "why"):
                edit = changed(f"UPDATE releases SET {column} = {value} WHERE position = 2")
                said = await refusal(store, [edit], seals_of(keys))
                assert said.startswith("the entry 2 in the table releases "), (column, value)


async def test_a_store_of_a_release_is_taken_over(tmp_path: Path, keys: Path) -> None:
    """The steps that it recorded are the same with their seals."""
    path = tmp_path / "decisions.db"
    url = load_sqlite(path_of("0031", SQLITE).read_text(encoding="utf-8"), path)
    await migrate(url, init=True)
    beside = tmp_path / "decisions.db.identity-keys"
    beside.write_text(f"{base64.b64encode(SECRET.secret).decode()}\n")
    async with opened(url) as store:
        assert [*await store.history(PRODUCT, None, 5)] == [SECOND, FIRST]
        assert not await store.releases()
        await store._database.write(partial(seals_of(keys).seal_anew, take_over=True))
    async with opened(url, journal_keys=keys) as store:
        assert [*await store.history(PRODUCT, None, 5)] == [SECOND, FIRST]
        await store.add_release(PROPOSED, CONTENT)
        assert (*await store.releases(),) == (PROPOSED,)
