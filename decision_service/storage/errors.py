"""The store's own errors, beyond those of its port.

    StoreError (domain)
    ├── StoreRefused       the store cannot be opened as it stands; an operator must act
    │   ├── StoreUrlInvalid    DECISION_STORE_URL names no store this service can use
    │   ├── StoreLocked        another process holds the SQLite file
    │   ├── StoreUnwritable    a path that does not exist or must not be written
    │   ├── StoreDamaged       the file is not a whole database
    │   ├── StoreUnreachable   the PostgreSQL server does not let us in
    │   ├── ServerTooOld       the PostgreSQL server is older than this program needs
    │   ├── SchemaUnfit        the tables are older, newer, missing, or somebody else's
    │   └── KeysUnfit          a file of secret keys cannot be used, or lacks one that is needed
    ├── EntryRefused       one entry cannot be stored, whatever the state of the store
    └── StoreUnavailable (domain)
        ├── StoreBusy (domain)     every connection is taken
        ├── LeaseLost (domain)     another process has taken the request over
        ├── HeldUp             another transaction holds a row for longer than is waited
        ├── ConnectionLost     the server went away; whether the last transaction counts is unknown
        └── RolledBack         the server undid the transaction for another's sake; run it again

Every message is one sentence with what to do and no password in it.
"""

from __future__ import annotations

from decision_service.domain.errors import StoreError, StoreUnavailable

RETRY_SECONDS = 1.0
"""When a caller may try again after a fault of the store."""


class StoreRefused(StoreError):
    """The store cannot be opened; an operator must act."""


class StoreUrlInvalid(StoreRefused):
    """DECISION_STORE_URL names no store that this service can use."""


class StoreLocked(StoreRefused):
    """Another process holds the SQLite file."""


class StoreUnwritable(StoreRefused):
    """The path does not exist, or may not be written."""


class StoreDamaged(StoreRefused):
    """The file is not a whole database; nothing was repaired or replaced."""


class StoreUnreachable(StoreRefused):
    """The PostgreSQL server does not answer, or does not let us in."""


class ServerTooOld(StoreRefused):
    """The PostgreSQL server is older than this program needs."""


class SchemaUnfit(StoreRefused):
    """The tables are older or newer than this program, missing, or somebody else's."""


class KeysUnfit(StoreRefused):
    """A file of secret keys cannot be used, or lacks a key that the store needs."""


class EntryRefused(StoreError):
    """One entry cannot be stored, whatever the state of the store; nothing of it was recorded."""


class HeldUp(StoreUnavailable):
    """Another transaction locks a row of one entry; the group's other entries may go on."""


class ConnectionLost(StoreUnavailable):
    """The server went away; a later read shows whether the last transaction was committed."""


class RolledBack(StoreUnavailable):
    """The server rolled the transaction back (deadlock, serialization failure)."""


def unavailable(sentence: str) -> StoreUnavailable:
    """A StoreUnavailable with a retry after one second."""
    return StoreUnavailable(sentence, retry_after=RETRY_SECONDS)
