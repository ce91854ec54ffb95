"""What to ask an applicant to connect: after a referral, and before the first decision."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from msgspec.structs import replace

from decision_service.domain.accounts import CONNECTED, GOVERNMENT, PROVIDER_TYPES, Kind
from decision_service.domain.decision import (
    Connect,
    DataRequest,
    Lacking,
    Outcome,
    ReferKind,
    Verdict,
)
from decision_service.domain.factor import Factors
from decision_service.domain.schemes import EmployerKind, country_of, schemes_of
from decision_service.domain.snapshot import Provider, Read, Snapshot
from decision_service.domain.values import AsOf, Cause
from decision_service.factors.compute import compute
from decision_service.factors.usage import FETCHED_KINDS
from decision_service.rules.evaluate import LACKING, Facts, evaluate
from decision_service.rules.program import CompiledRuleset

_WANTS_SOURCE = frozenset(
    {Cause.NO_DATA, Cause.NOT_CONNECTED, Cause.UNKNOWN_PROVIDER, Cause.EXPIRED}
)
"""The causes that another account would mend."""

_OF_INCOME = (Kind.EINCOMES, Kind.INCOMES, Kind.TRANSACTIONS)


def what_to_connect(ruleset: CompiledRuleset, verdict: Verdict, factors: Factors) -> Connect | None:
    """What a referral lacks a source of; None where it lacks none, and without a referral."""
    # No arriving data has a declined application decided again.
    if verdict.outcome is not Outcome.REFER:
        return None
    wanted = _wanted(verdict.data_requests)
    if not wanted:
        return None
    # An account that is connected was read, and did not have it
    held = {one.provider_id for one in factors.sources if one.status == CONNECTED}
    types: tuple[str, ...] = ()
    if verdict.refer_kind is ReferKind.DATA:
        types = completing_types(verdict.data_requests)
    return Connect(types, lacking(ruleset, wanted, factors.employer, without=held))


def needed_kinds(ruleset: CompiledRuleset, as_of: AsOf) -> tuple[Kind, ...]:
    """The kinds of data for want of which a ruleset refers whoever has connected nothing."""
    # Read and empty, not unread: what refers then, refers for want of a source.
    nothing = replace(Snapshot(""), **{kind.value: Read() for kind in FETCHED_KINDS})
    factors = compute(nothing, ruleset.needs, as_of)
    verdict = evaluate(ruleset, Facts(factors.values, {}, as_of))
    return _wanted(verdict.data_requests)


def not_held(kinds: Sequence[Kind], providers: Collection[Provider]) -> tuple[Kind, ...]:
    """Those of some needed kinds that no provider of the connected accounts supports."""
    held = {kind for kind in Kind for one in providers if kind.upper() in one.supported}
    # Income of any kind will do, as a platform shows it by its trips.
    if not held.isdisjoint(_OF_INCOME):
        held.add(Kind.EINCOMES)
    return tuple(kind for kind in kinds if kind not in held)


def lacking(
    ruleset: CompiledRuleset,
    kinds: Sequence[Kind],
    employer: EmployerKind | None,
    without: Collection[str] = (),
) -> tuple[Lacking, ...]:
    """Kinds of data with the schemes that keep them, `without` those that are no help."""
    known: Mapping[str, Provider] = ruleset.needs.policy.provider_types
    schemes = schemes_of(country_of(ruleset.currency), employer)
    offered = [known[one] for one in schemes if one in known and one not in without]
    return tuple(Lacking(kind, LACKING[kind], _keepers(kind, offered)) for kind in kinds)


def _keepers(kind: Kind, schemes: Sequence[Provider]) -> tuple[Provider, ...]:
    """The schemes that keep a kind, where only schemes do."""
    if PROVIDER_TYPES[kind] != (GOVERNMENT,):
        return ()
    return tuple(one for one in schemes if kind.upper() in one.supported)


def _wanted(requests: Sequence[DataRequest]) -> tuple[Kind, ...]:
    """The kinds that lack a source, in the catalogue's order."""
    missing = [request.missing for request in requests]
    kinds = {one.kind for one in missing if one.cause in _WANTS_SOURCE}
    return tuple(kind for kind in Kind if kind in kinds and kind in PROVIDER_TYPES)


def completing_types(requests: Sequence[DataRequest]) -> tuple[str, ...]:
    """Types of providers with all data that lacks a source, else some; none for other causes."""
    missing = [request.missing for request in requests]
    # What is broken refers all the same, so that no further account would complete the data.
    if any(one.cause.tainted and one.cause not in _WANTS_SOURCE for one in missing):
        return ()
    return types_holding(_wanted(requests))


def types_holding(kinds: Sequence[Kind]) -> tuple[str, ...]:
    """The vendor's types of providers that hold all of some kinds, else those that hold some."""
    holders = [PROVIDER_TYPES[kind] for kind in kinds]
    some = tuple(dict.fromkeys(chain.from_iterable(holders)))
    in_all = set(some).intersection(*holders)
    return tuple(one for one in some if one in in_all) or some
