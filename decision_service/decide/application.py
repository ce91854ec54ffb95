"""An application as it came in, and the keys by which it and its person are found again."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import msgspec
from msgspec import structs

from decision_service.decide.codec import value_to_wire
from decision_service.domain.decision import RequestFields
from decision_service.domain.factor import Input, Observed, value_sent
from decision_service.domain.person import GivenApplicant, Match
from decision_service.domain.ports import ReplyStyle

_BYTES = 16
USER = b"U"
CUSTOMER = b"C"
ACCOUNT = b"A"
PERSON = b"P"
DOCUMENT = b"D"
OWED_ACCOUNT = b"a"
OWED_PERSON = b"p"
OWED_CUSTOMER = b"c"
OWED = (OWED_ACCOUNT, OWED_PERSON, OWED_CUSTOMER)
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
        # BLAKE2b takes no key of more than 64 bytes.
        digest = hashlib.blake2b(b"id", key=secret[:64], digest_size=KEY_ID_BYTES)
        return cls(secret, digest.digest())

    def hash(self, kind: bytes, text: str) -> bytes:
        """The key of a text of a kind: kind, id of the secret, keyed hash."""
        # `person` keeps the kinds apart: a name and an account of one text share no hash.
        digest = hashlib.blake2b(
            text.encode(), key=self.secret[:64], digest_size=_BYTES, person=kind
        )
        return kind + self.id + digest.digest()

    # A log or a traceback that prints a key shows no secret.
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


def _hashes(kind: bytes, text: str, secrets: Iterable[IdentityKey]) -> tuple[bytes, ...]:
    return tuple(one.hash(kind, text) for one in secrets)


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
    # Without a secret an account has no hash at all, and not an empty row of them.
    known = sorted({*accounts}) if secrets else ()
    of_people = (_hashes(PERSON, one, secrets) for one in sorted({*people}))
    of_documents = (_hashes(DOCUMENT, one, secrets) for one in sorted({*documents}))
    return HistoryKeys(
        user_key(user_id),
        _plain(CUSTOMER, f"{caller}\x00{customer_ref}") if customer_ref else None,
        tuple(_hashes(ACCOUNT, one, secrets) for one in known),
        person=tuple(chain.from_iterable(of_people)),
        keyed=bool(secrets),
        owed_customer=owed_customer(caller, customer_ref, secrets),
        documents=tuple(chain.from_iterable(of_documents)),
    )


def _plain(kind: bytes, text: str) -> bytes:
    return kind + hashlib.blake2b(text.encode(), digest_size=_BYTES, person=kind).digest()


BASIC = ReplyStyle(full=False)

_REQUEST = b"R"
PLAIN_BYTES = 32
"""The digest of a request, before the hash of its applicant where there is one."""


# Digests are stored: no field is ever added here. A later one counts by itself.
OF_0_3_0 = (
    "user_id",
    "product",
    "application_id",
    "customer_ref",
    "inputs",
    "style",
    "applicant",
)
"""The fields of a request's digest in release 0.3.0, in its order."""

NOT_COUNTED = {
    "request_id": "the digest is stored under it",
    "wait_timeout": "how long a caller waits changes no answer",
    "earlier": "the service sets it where it decides again",
}
"""The fields in which two requests that are the same may differ, and why."""


class EarlierDecision(msgspec.Struct, frozen=True):
    """`first` began the chain; `match` is kept, since the applicant's words are not."""

    first: str
    replaced: str
    match: Match | None = None


class Application(RequestFields, frozen=True):
    """One request to decide.

    `request_id` is empty when the client sent none. `inputs` holds what the client sent, with
    `requested_amount` (Money) and `requested_term_months` (int) among them. `wait_timeout` is in
    seconds. `applicant` is who applies, as the client says; it is compared in memory, and neither
    stored nor logged. `earlier` is set where it is decided again.
    """

    inputs: Mapping[str, Input] = msgspec.field(default_factory=dict)
    wait_timeout: float = 0.0
    style: ReplyStyle = BASIC
    applicant: GivenApplicant | None = None
    earlier: EarlierDecision | None = None

    def content(self, *, full: bool | None = None) -> bytes:
        """SHA-256 of every field but `NOT_COUNTED`, in another view where `full` is given.

        Of the applicant only whether one was sent; `request_content` has the rest. Requests that
        differ in their view alone are the same: see `is_recorded_in_full`.
        """
        fields: list[object] = [
            self.user_id,
            self.product,
            self.application_id,
            self.customer_ref,
            [[name, *self._counted(name)] for name in sorted(self.inputs)],
            self.style.full if full is None else full,
            # Not who: a plain hash would show a birth date, which is one of 40,000 (0112).
            *([] if self.applicant is None else ["applicant"]),
        ]
        for field in structs.fields(self):
            if field.name in OF_0_3_0 or field.name in NOT_COUNTED:
                continue
            value = getattr(self, field.name)
            # A request without the field keeps the digest that an earlier release stored.
            if value != _default(field):
                # Sorted, since the order in which a mapping was sent says nothing.
                fields.append([field.name, msgspec.msgpack.encode(value, order="sorted")])
        return hashlib.sha256(msgspec.msgpack.encode(fields)).digest()

    def _counted(self, name: str) -> list[object]:
        """An input's value, and its day and consent where they were sent: without, as of old."""
        given = self.inputs[name]
        value = value_to_wire(value_sent(given))
        return [value, given.day, given.consent] if isinstance(given, Observed) else [value]


def _default(field: structs.FieldInfo) -> object:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def request_content(application: Application, caller: str, secrets: Sequence[IdentityKey]) -> bytes:
    """What is stored of a request to recognise it; the hash is under the first of the secrets."""
    plain = application.content()
    if application.applicant is None or not secrets:
        return plain
    return plain + _keyed(application, caller, secrets[0])


def is_same_request(
    stored: bytes, application: Application, caller: str, secrets: Sequence[IdentityKey]
) -> bool:
    """In whichever view; a hash under a secret that is gone leaves the digest to decide."""
    if is_recorded_in_full(stored, application) is None:
        return False
    key_id = hashed_under(stored)
    secret = next((one for one in secrets if one.id == key_id), None)
    # The secret was taken away, and with it the only way to compare the applicant (0112).
    if secret is None:
        return True
    return hmac.compare_digest(stored[PLAIN_BYTES:], _keyed(application, caller, secret))


def hashed_under(stored: bytes) -> bytes:
    """The id of the secret under which stored content has a hash; empty without one."""
    start = PLAIN_BYTES + len(_REQUEST)
    return stored[start : start + KEY_ID_BYTES]


def is_recorded_in_full(stored: bytes, application: Application) -> bool | None:
    """Whether the reply recorded with stored content is in FULL view; None of another request."""
    asked = application.style.full
    for full in (asked, not asked):
        if hmac.compare_digest(stored[:PLAIN_BYTES], application.content(full=full)):
            return full
    return None


def _keyed(application: Application, caller: str, secret: IdentityKey) -> bytes:
    # The request's id is in it: hashes of two requests do not show that they are of one person.
    fields = [caller, application.request_id, application.user_id, application.applicant]
    return secret.hash(_REQUEST, msgspec.json.encode(fields).decode())
