"""Stored forms: of what replay needs of a decision, and of snapshots."""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import structs

from decision_service.domain.accounts import Kind
from decision_service.domain.actors import TokenSubject
from decision_service.domain.decision import Assignment, ListAnswer
from decision_service.domain.factor import (
    Evidence,
    Factors,
    FactorValue,
    Input,
    KindStatus,
    Observed,
    SourceUse,
    Value,
    value_sent,
)
from decision_service.domain.person import NO_OWN_FACTS, OwnFacts
from decision_service.domain.ports import Allowances, SnapshotBody
from decision_service.domain.snapshot import (
    Contribution,
    EstimatedIncome,
    Income,
    KnownCount,
    Read,
    Snapshot,
    Transaction,
)
from decision_service.domain.values import AsOf, Missing, Money, Month

Wire = list[str]
"""A value as [type letter, text] or, for money, [letter, currency, minor units]."""

Observation = tuple[str, str]
"""The civil day on which an input was observed outside, and the reference of the consent."""

_ENCODER = msgspec.msgpack.Encoder()

# Of one decision's factor values: damaged bytes may not unpack without end.
_LARGEST = 16 << 20
# Made once: msgspec goes through all fields of the type whenever one is made.
_SNAPSHOT_DECODER = msgspec.msgpack.Decoder(Snapshot)


def value_to_wire(value: Value) -> Wire:
    """The value with its type's letter, exact and the same for equal values."""
    # First what nearly every application sends.
    if isinstance(value, Money):
        return ["m", value.currency, str(value.minor)]
    # Before whole numbers, since a bool is an int in Python.
    if isinstance(value, bool):
        return ["f", "1" if value else "0"]
    if isinstance(value, int):
        return ["i", str(value)]
    if isinstance(value, Decimal):
        return ["n", str(value)]
    if isinstance(value, date):
        return ["d", value.isoformat()]
    return ["t", value]


def value_from_wire(wire: Wire) -> Value:
    """The value that `value_to_wire` was given; raises ValueError on anything else."""
    match wire:
        case ["f", text]:
            return text == "1"
        case ["i", text]:
            return int(text)
        case ["n", text]:
            return Decimal(text)
        case ["m", currency, minor]:
            return Money(currency, int(minor))
        case ["d", text]:
            return date.fromisoformat(text)
        case ["t", text]:
            return text
        case _:
            raise ValueError("a stored value has no known type")


# Nothing in it can refer to it, so that the collector need not follow one for each factor.
class FactorWire(msgspec.Struct, frozen=True, array_like=True, gc=False):
    name: str
    value: Wire | None
    missing: tuple[Missing, ...]
    evidence: Evidence


class FactorsWire(msgspec.Struct, frozen=True, array_like=True):
    values: tuple[FactorWire, ...]
    kinds: dict[Kind, KindStatus]
    sources: tuple[SourceUse, ...]
    oldest_used_sync: datetime | None


class StoredFacts(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All that replay needs besides snapshot and texts.

    `own_values` are those of own facts. `answers` are what lists of keys said of the inputs.
    `first_decision` began the chain of one that was made again. `sender` is the person whose ID
    token sent the application of the whole chain, of the lender's staff. `observations` are of some
    of the `inputs`.
    """

    instant: datetime
    zone: str
    assignment: Assignment
    inputs: dict[str, Wire]
    languages: tuple[str, ...] = ()
    fetched: datetime | None = None
    upstream_calls: int = 0
    doubtful: bool = False
    own: OwnFacts = NO_OWN_FACTS
    own_values: tuple[FactorWire, ...] = ()
    # Here, since the recorded reply may not have them.
    withheld_tags: tuple[str, ...] = ()
    answers: tuple[ListAnswer, ...] = ()
    allowances: Allowances | None = None
    first_decision: str = ""
    sender: TokenSubject | None = None
    # Old records hold factor values unpacked; those that are stored now are packed.
    factors: FactorsWire | None = None
    packed_factors: bytes | None = None
    # Apart from `inputs`, so that a process of an earlier release can still read these.
    observations: dict[str, Observation] = msgspec.field(default_factory=dict)

    @property
    def sent(self) -> dict[str, Input]:
        """The inputs as they were sent: old records have no days of observation."""
        found: dict[str, Input] = {}
        for name, wire in self.inputs.items():
            value = value_from_wire(wire)
            observed = self.observations.get(name)
            if observed is not None:
                day, consent = observed
                found[name] = Observed(value, date.fromisoformat(day), consent)
            else:
                found[name] = value
        return found

    @property
    def as_of(self) -> AsOf:
        return AsOf.at(self.instant, ZoneInfo(self.zone), doubtful=self.doubtful)


_DECODER = msgspec.msgpack.Decoder(StoredFacts)
_FACTORS = msgspec.msgpack.Decoder(FactorsWire)


def encode_facts(facts: StoredFacts) -> bytes:
    return _ENCODER.encode(facts)


def pack_factors(factors: Factors) -> bytes:
    """Factor values as a part of the facts that are stored: a fifth of their plain form."""
    # Level 9: they are packed once for all decisions on a reading and day, and stored with each.
    return zlib.compress(_ENCODER.encode(factors_to_wire(factors)), 9)


def decode_facts(body: bytes) -> StoredFacts:
    """Read a stored form back; raises msgspec.ValidationError when it is not one."""
    facts = _DECODER.decode(body)
    if facts.packed_factors is None:
        return facts
    try:
        # Of `zlib.decompress` the length of the result has no bound.
        packed = zlib.decompressobj().decompress(facts.packed_factors, _LARGEST)
    except zlib.error as error:
        raise msgspec.ValidationError("the stored factor values cannot be unpacked") from error
    factors = _FACTORS.decode(packed)
    if facts.own_values:
        factors = structs.replace(factors, values=(*factors.values, *facts.own_values))
    return structs.replace(facts, factors=factors, packed_factors=None)


def factors_to_wire(factors: Factors) -> FactorsWire:
    """Factor values ready to be stored, in name order."""
    return FactorsWire(
        values=values_to_wire(factors.values),
        kinds=dict(factors.kinds),
        sources=factors.sources,
        oldest_used_sync=factors.oldest_used_sync,
    )


def values_to_wire(values: Mapping[str, FactorValue]) -> tuple[FactorWire, ...]:
    # Sorted, so that equal values are equal bytes.
    ordered = [values[name] for name in sorted(values)]
    return tuple(
        FactorWire(
            v.name,
            None if v.value is None else value_to_wire(v.value),
            v.missing,
            evidence=v.evidence,
        )
        for v in ordered
    )


def factors_from_wire(wire: FactorsWire) -> Factors:
    values = {
        w.name: FactorValue(
            w.name,
            None if w.value is None else value_from_wire(w.value),
            w.missing,
            evidence=w.evidence,
        )
        for w in wire.values
    }
    return Factors(values, wire.kinds, wire.sources, oldest_used_sync=wire.oldest_used_sync)


def inputs_to_wire(inputs: Mapping[str, Input]) -> dict[str, Wire]:
    """The values alone; `observations_to_wire` has the days of those that were observed outside."""
    return {name: value_to_wire(value_sent(given)) for name, given in inputs.items()}


def observations_to_wire(inputs: Mapping[str, Input]) -> dict[str, Observation]:
    return {
        name: (given.day.isoformat(), given.consent)
        for name, given in inputs.items()
        if isinstance(given, Observed)
    }


def snapshot_body(snapshot: Snapshot) -> SnapshotBody:
    """The snapshot ready to be stored; equal content of one user has an equal id."""
    body = _ENCODER.encode(snapshot)
    digest = hashlib.sha256(snapshot.user_id.encode() + b"\0" + body).hexdigest()
    counts = tuple(_counts(snapshot))
    return SnapshotBody(f"snap_{digest[:40]}", snapshot.user_id, zlib.compress(body), counts=counts)


def read_snapshot(body: bytes) -> Snapshot:
    """A stored snapshot; raises msgspec.ValidationError where its content is none."""
    return _SNAPSHOT_DECODER.decode(zlib.decompress(body))


def _counts(snapshot: Snapshot) -> Iterator[KnownCount]:
    for kind in Kind:
        read: Read[Any] | None = None
        if kind is not Kind.ACCOUNTS:
            read = getattr(snapshot, kind.value)
        if read is None:
            continue
        newest = _newest_months(kind, read.records)
        for source, count in sorted(Counter(r.source for r in read.records).items()):
            yield KnownCount(source, kind, count, newest=newest.get(source))


def _newest_months(kind: Kind, records: Iterable[Any]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    gave = _GAVE.get(kind)
    if gave is None:
        return found
    for record in records:
        month = gave(record)
        if month is not None and month > found.get(record.source, -1):
            found[record.source] = month
    return found


def _paid(record: Income) -> int | None:
    """The month of the pay's last day, where its first amount of net, gross and base is there."""
    amounts = (one for one in (record.net, record.gross, record.base) if one is not None)
    return Month.of(record.end or record.start).index if next(amounts, 0) > 0 else None


def _dated(record: Transaction | Contribution) -> int | None:
    return Month.of(record.date).index if record.amount > 0 else None


def _estimated(record: EstimatedIncome) -> int | None:
    return record.month if record.amount > 0 else None


_GAVE: Mapping[Kind, Callable[[Any], int | None]] = {
    Kind.EINCOMES: _estimated,
    Kind.INCOMES: _paid,
    Kind.TRANSACTIONS: _dated,
    Kind.CONTRIBUTIONS: _dated,
}
"""In which month a record of a kind gave something; None for one that gave nothing."""
