"""The keys under which a decision is found again: user, customer, hashed account and person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import chain

import msgspec

_BYTES = 16
USER, CUSTOMER, ACCOUNT, PERSON, DOCUMENT = (letter.encode() for letter in "UCAPD")
OWED_ACCOUNT, OWED_PERSON, OWED_CUSTOMER = OWED = tuple(letter.encode() for letter in "apc")
"""The kinds that an erasure leaves while a loan is open: by them that is found and nothing else."""

KEYED = frozenset({ACCOUNT, PERSON, DOCUMENT, *OWED})
"""The kinds that are hashed by a secret key; all but those of `OWED` go with consent."""
_NAMES = dict(zip("UCAPD", ("user", "customer", "account", "person", "payslips"), strict=True))
KEY_ID_BYTES = 4
SMALLEST_KEY = 32


class IdentityKey(msgspec.Struct, frozen=True):
    """A secret key of hashes; `id` is derived from it and no secret."""

    secret: bytes
    id: bytes

    @classmethod
    def of(cls, secret: bytes) -> IdentityKey:
        """The key of at least 32 bytes; raises ValueError for a shorter one."""
        if len(secret) < SMALLEST_KEY:
            raise ValueError(f"a key has {len(secret)} bytes: {SMALLEST_KEY} are needed")
        digest = hashlib.blake2b(b"id", key=secret[:64], digest_size=KEY_ID_BYTES)
        return cls(secret, digest.digest())

    def hash(self, kind: bytes, text: str) -> bytes:
        """The key of a text of a kind: kind, id of the secret, keyed hash."""
        digest = hashlib.blake2b(
            text.encode(), key=self.secret[:64], digest_size=_BYTES, person=kind
        )
        return kind + self.id + digest.digest()

    def __repr__(self) -> str:
        return f"IdentityKey({self.id.hex()})"


class HistoryKeys(msgspec.Struct, frozen=True):
    """All keys of one decision; an account, a person, a document has one key for each secret.

    `keyed` is False where there is no secret, so that accounts and persons are not known.
    """

    user: bytes
    customer: bytes | None = None
    accounts: tuple[tuple[bytes, ...], ...] = ()
    person: tuple[bytes, ...] = ()
    keyed: bool = False
    owed_customer: tuple[bytes, ...] = ()
    documents: tuple[bytes, ...] = ()

    @property
    def owed(self) -> tuple[bytes, ...]:
        """The keys under which an open loan of an erased person is found."""
        hashes = [*chain(*self.accounts), *self.person]
        return (*map(owed_key, hashes), *self.owed_customer)

    @property
    def all(self) -> tuple[bytes, ...]:
        customer = () if self.customer is None else (self.customer,)
        hashes = chain(*self.accounts, self.person, self.documents)
        return tuple(sorted({self.user, *customer, *hashes}))


def kind_of(key: bytes) -> str:
    name = _NAMES[key[:1].decode().upper()]
    return f"{name}, while a loan is open" if key[:1] in OWED else name


def owed_key(key: bytes) -> bytes:
    """The key that an erasure leaves, while a loan is open, in place of one of a keyed kind."""
    return key[:1].lower() + key[1:]


def owed_customer(
    caller: str, customer_ref: str, secrets: Iterable[IdentityKey]
) -> tuple[bytes, ...]:
    """The same of a customer, none where there is no customer_ref."""
    named = f"{caller}\x00{customer_ref}"
    return tuple(one.hash(OWED_CUSTOMER, named) for one in secrets) if customer_ref else ()


def user_key(user_id: str) -> bytes:
    return _plain(USER, user_id)


def history_keys(
    user_id: str,
    caller: str,
    customer_ref: str,
    secrets: tuple[IdentityKey, ...] = (),
    accounts: Iterable[str] = (),
    people: Iterable[str] = (),
    documents: Iterable[str] = (),
) -> HistoryKeys:
    """`people` are normalised; a customer_ref means something to its caller alone."""
    return HistoryKeys(
        user_key(user_id),
        _plain(CUSTOMER, f"{caller}\x00{customer_ref}") if customer_ref else None,
        tuple(
            tuple(secret.hash(ACCOUNT, account) for secret in secrets)
            for account in sorted({*accounts})
            if secrets
        ),
        tuple(secret.hash(PERSON, one) for one in sorted({*people}) for secret in secrets),
        bool(secrets),
        owed_customer(caller, customer_ref, secrets),
        tuple(one.hash(DOCUMENT, text) for text in sorted({*documents}) for one in secrets),
    )


def _plain(kind: bytes, text: str) -> bytes:
    return kind + hashlib.blake2b(text.encode(), digest_size=_BYTES, person=kind).digest()
