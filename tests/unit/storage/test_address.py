"""STORE_URL, as operators write it."""

from pathlib import Path

import pytest

from decision_service.store.engine import (
    PostgresServer,
    SqliteFile,
    parse_journal,
    parse_store_url,
)
from decision_service.store.errors import StoreUrlInvalid
from tests.kits.cases import cases


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///decision.db", "decision.db"),
        ("sqlite:////var/lib/decisions.db", "/var/lib/decisions.db"),
        ("sqlite:///data/a b.db", "data/a b.db"),
    ],
)
def test_a_sqlite_url_is_a_path(url: str, path: str) -> None:
    """Three slashes are relative to the working directory, four absolute."""
    assert parse_store_url(url) == SqliteFile(Path(path))


def test_companions_of_a_file_keep_its_whole_name() -> None:
    """The lock of a.db is a.db.lock in the same folder."""
    assert SqliteFile(Path("data/a.db")).companion(".lock") == Path("data/a.db.lock")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_the_usual_names_of_postgres_mean_one_driver(scheme: str) -> None:
    """Whatever an operator's platform calls it, asyncpg is asked."""
    address = parse_store_url(f"{scheme}://u:p@db.example:5433/credit")
    assert isinstance(address, PostgresServer)
    assert address.url.drivername == "postgresql+asyncpg"
    assert (address.url.host, address.url.port) == ("db.example", 5433)
    assert address.url.password == "p"


def test_sslmode_is_given_to_the_driver_by_its_own_name() -> None:
    """`sslmode=verify-full`, as libpq spells it, becomes the driver's `ssl`."""
    address = parse_store_url("postgresql://u@h/credit?sslmode=verify-full")
    assert isinstance(address, PostgresServer)
    assert dict(address.url.query) == {"ssl": "verify-full"}


def test_a_shown_address_hides_its_password() -> None:
    """What is logged of a URL holds user, host and database but no password."""
    address = parse_store_url("postgresql://u:hunter2@h/credit")
    assert isinstance(address, PostgresServer)
    assert address.shown == "postgresql://u:***@h/credit"


def test_a_journal_is_a_file_or_a_database() -> None:
    """A file by its path; a database on the store's server is seen to be there."""
    assert parse_journal("/var/lib/erasures") == Path("/var/lib/erasures")
    journal = parse_journal("postgresql://u:p@h:5432/erasures")
    store = parse_store_url("postgresql://v@h/credit")
    assert isinstance(journal, PostgresServer)
    assert isinstance(store, PostgresServer)
    assert journal.server == store.server


@pytest.mark.parametrize("given", ["mysql://u:hunter2@h/db", "postgresql://u:hunter2@h", "a\nb"])
def test_a_journal_that_is_neither_is_refused(given: str) -> None:
    """The sentence has the setting and no password."""
    with pytest.raises(StoreUrlInvalid, match="DECISION_ERASURE_JOURNAL") as refused:
        parse_journal(given)
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize(("url", "word"), cases("storage/address"))
def test_a_url_that_is_no_store_is_refused_in_one_sentence(url: str, word: str) -> None:
    """The sentence names what is wrong and repeats no password."""
    with pytest.raises(StoreUrlInvalid) as refused:
        parse_store_url(url)
    assert word in refused.value.message
    assert "STORE_URL" in refused.value.message
    assert "hunter2" not in refused.value.message
    assert "\n" not in refused.value.message
