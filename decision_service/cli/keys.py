"""`keys`: of data, which wrap users' keys, of hashes of persons, and of the journals' seals."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from decision_service import __version__
from decision_service.cli.output import CommandError
from decision_service.decide.application import KEY_ID_BYTES
from decision_service.domain.errors import StoreError, visible
from decision_service.rollout_running.releases import take_over_last
from decision_service.rulebook.releases import ReleaseEntry
from decision_service.runtime.clock import SystemClock
from decision_service.runtime.config import load
from decision_service.runtime.settings import Settings, SmileMode
from decision_service.store import decisions, history
from decision_service.store import keys as wrapping
from decision_service.store.keys import DATA_KEYS, IDENTITY_KEYS, KeyFile, open_data_keys, wrap_all
from decision_service.store.seals import JOURNAL_KEYS, Seals, open_journal_keys
from decision_service.store.store import Store, open_database

Keys = tuple[KeyFile[Any], Path]
"""The keys of one kind, and their file."""


def _data(config: Path | None, file: Path | None) -> Keys:
    return DATA_KEYS, file or required(DATA_KEYS, data_key_file(load(config)))


def _identity(config: Path | None, file: Path | None) -> Keys:
    return IDENTITY_KEYS, file or identity_key_file(load(config))


def _journal(config: Path | None, file: Path | None) -> Keys:
    return JOURNAL_KEYS, file or required(JOURNAL_KEYS, load(config).journal_key_file)


def _add(found: Callable[..., Keys], **given: Path | None) -> None:
    keys, path = found(**given)
    with suppress(OSError):  # a name that is too long; making the file says so
        if not path.exists():
            sys.stdout.write(visible(f"New in {path.absolute().parent}: the file {path.name}\n"))
            sys.stdout.flush()
    with refusals():
        key = keys.add(path)
    sys.stdout.write(visible(f"{path} has the new key {key.id.hex()}\n"))
    sys.stderr.write("Copy the file to every machine, then start each process again.\n")


def _list(found: Callable[..., Keys], **given: Path | None) -> None:
    keys, path = found(**given)
    with refusals():
        ids = [key.id.hex() for key in keys.read(path)]
    sys.stdout.writelines(f"{one}\n" for one in ids)


add_data = partial(_add, _data)
list_data = partial(_list, _data)
add_identity = partial(_add, _identity)
list_identity = partial(_list, _identity)
add_journal = partial(_add, _journal)


def required(keys: KeyFile[Any], path: Path | None) -> Path:
    if path is None:
        raise CommandError(f"set {keys.setting}, or name a file by --file")
    return path


@contextmanager
def refusals() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise CommandError(error.message) from None


def key_id(text: str) -> bytes:
    try:
        given = bytes.fromhex(text)
    except ValueError:
        given = b""
    if len(given) != KEY_ID_BYTES:
        message = f"{text!r} is no id of a key: give the {2 * KEY_ID_BYTES} digits of `list`"
        raise CommandError(message)
    return given


def data_key_file(settings: Settings, store_url: str = "") -> Path | None:
    """DATA_KEY_FILE; for made-up people, where it is not set, the file beside the SQLite store."""
    if settings.data_key_file is not None or settings.smile_mode is not SmileMode.EMBEDDED:
        return settings.data_key_file
    return DATA_KEYS.beside(store_url or settings.store_url)


def keys_to_read_with(settings: Settings, store_url: str) -> Path | None:
    """The same for what reads a store and makes no file."""
    file = data_key_file(settings, store_url)
    return file if settings.data_key_file is not None or (file and file.exists()) else None


def rewrap(config: Path | None, file: Path | None) -> None:
    settings = load(config)
    path = file or required(DATA_KEYS, data_key_file(settings))
    with refusals():
        wrapped = asyncio.run(_rewrap(settings.store_url, path))
    sys.stdout.write(f"{wrapped} keys of users are wrapped anew, by the newest key of {path}\n")


def forget_data_key(key: str, config: Path | None, file: Path | None) -> None:
    settings = load(config)
    wanted = key_id(key)
    path = file or required(DATA_KEYS, data_key_file(settings))
    with refusals():
        _require_old(path, wanted)
        if wanted in asyncio.run(_used(settings.store_url)):
            message = f"{key} wraps users' keys: run `decision-service keys data rewrap` first"
            raise CommandError(message)
        DATA_KEYS.remove(path, wanted)
    sys.stdout.write(f"{key} is deleted from {path}; delete it from every copy of the file\n")


def _require_old(path: Path, wanted: bytes) -> None:
    ids = [key.id for key in DATA_KEYS.read(path)]
    newest = ids[0]
    older = ids[1:]
    if wanted == newest:
        message = f"{wanted.hex()} is the newest key of {path}, which wraps: `add` another first"
        raise CommandError(message)
    if wanted not in older:
        raise CommandError(f"{path} has no key {wanted.hex()}: see `list`")


async def _rewrap(url: str, path: Path) -> int:
    async with aclosing(await open_database(url)) as database:
        wrapped = await wrap_all(database, await open_data_keys(url, path, database))
        await database.scrub()
        return wrapped


async def _used(url: str) -> frozenset[bytes]:
    async with aclosing(await open_database(url)) as database:
        return await database.read(wrapping.data_key_ids)


def seal_journals(config: Path | None, file: Path | None, take_over: bool) -> None:
    settings = load(config)
    path = file or required(JOURNAL_KEYS, settings.journal_key_file)
    with refusals():
        sealed, first = asyncio.run(_sealed(settings.store_url, path, take_over=take_over))
    sys.stdout.write(f"{sealed} entries of journals are sealed, by the newest key of {path}\n")
    if first is not None:
        sys.stdout.write(
            f"The rules that decided last, {first.digest[:16]}, are the first release: nobody "
            "approved them, and they decide until two persons confirm another one.\n"
        )


async def _sealed(url: str, path: Path, *, take_over: bool) -> tuple[int, ReleaseEntry | None]:
    async with aclosing(await open_database(url)) as database:
        keys = await open_journal_keys(path, database)
        sealed = await database.write(partial(Seals(keys).seal_anew, take_over=take_over))
        store = Store(database, 0.0, 1, journal_keys=keys)
        first = await take_over_last(store, SystemClock().now(), __version__) if take_over else None
        return sealed, first


def identity_key_file(settings: Settings) -> Path:
    file = settings.identity_key_file or IDENTITY_KEYS.beside(settings.store_url)
    return required(IDENTITY_KEYS, file)


def forget_identity_key(key: str, config: Path | None) -> None:
    wanted = key_id(key)
    with refusals():
        gone = asyncio.run(_forget(load(config).store_url, wanted))
    sys.stdout.write(f"{gone} hashes under {key} are deleted; remove its line from the file\n")


async def _forget(url: str, wanted: bytes) -> int:
    async with aclosing(await open_database(url)) as database:
        gone = await database.write(partial(history.forget_key, key_id=wanted))
        after: str | None = ""
        while after is not None:
            work = partial(decisions.forget_key, key_id=wanted, after=after)
            after = await database.write(work)
        return gone
