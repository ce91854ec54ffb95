"""A cache of factor values by snapshot and ruleset, valid until a validity boundary passes."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, datetime

import msgspec
from msgspec.structs import replace

from decision_service.domain.factor import Factors
from decision_service.domain.needs import Needs
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf
from decision_service.factors.compute import compute
from decision_service.factors.match import PeopleRead, people_read
from decision_service.factors.registry import data_names
from decision_service.factors.validity import validity_boundaries
from decision_service.pipeline.decide.record_codec import pack_factors
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import LoadedFactors, load
from decision_service.user_cache import UserCache

MAX_CACHED = 512


class ComputedFactors(msgspec.Struct):
    """Factor values, their recorded form, and their form as loaded for a ruleset.

    `people` are what the applicant is compared with, None where no factor compares persons.
    """

    factors: Factors
    wire: bytes
    people: PeopleRead | None
    _loaded: LoadedFactors | None = None

    def loaded(self, ruleset: CompiledRuleset, as_of: AsOf) -> LoadedFactors:
        """The values loaded for the ruleset; loaded again for another timeline period or object."""
        loaded = self._loaded
        if loaded is None or loaded.period is not ruleset.program.timeline.at(as_of.date):
            loaded = self._loaded = load(ruleset, self.factors.values, as_of)
        return loaded


_Moment = tuple[date, bool, int, int | None]
"""All of the arguments of `compute` that are not the snapshot's or the ruleset's: the civil date,
whether the clock is in doubt, how many validity boundaries have passed, the requested term."""


class _CachedFactors(msgspec.Struct):
    boundaries: tuple[datetime, ...]
    moment: _Moment
    computed: ComputedFactors


class FactorCache:
    """The last result for each of the last few hundred pairs of snapshot and ruleset.

    Snapshot ids and ruleset digests name content, so a cached result equals a computed one.
    """

    def __init__(self, most: int = MAX_CACHED) -> None:
        self._entries: UserCache[_CachedFactors] = UserCache(most)

    def of(
        self, snapshot: Snapshot, snapshot_id: str, needs: Needs, digest: str, as_of: AsOf
    ) -> ComputedFactors:
        """What `factors.compute` gives for the snapshot of this id and the ruleset's needs.

        Factors of own facts are left out: no two decisions have the same.
        """
        key = (snapshot.user_id, snapshot_id, digest)
        cached = self._entries.get(key)
        boundaries = (
            validity_boundaries(snapshot, needs.policy) if cached is None else cached.boundaries
        )
        passed = bisect_left(boundaries, as_of.instant)
        moment = (as_of.date, as_of.doubtful, passed, needs.term_months)
        if cached is not None and cached.moment == moment:
            return cached.computed
        factors = compute(snapshot, replace(needs, factors=data_names(needs.factors)), as_of)
        people = people_read(snapshot, needs, as_of)
        computed = ComputedFactors(factors, pack_factors(factors), people)
        self._entries[key] = _CachedFactors(boundaries, moment, computed)
        return computed

    def forget(self, user_id: str) -> None:
        """Drop the cached values of a user whose data is erased."""
        self._entries.forget(user_id)
