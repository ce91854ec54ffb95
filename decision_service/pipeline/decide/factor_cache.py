"""Remembers what was last computed from a snapshot, for as long as it cannot have changed."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, datetime

import msgspec

from decision_service.domain.factor import Factors
from decision_service.domain.needs import Needs
from decision_service.domain.snapshot import Snapshot
from decision_service.domain.time import AsOf
from decision_service.factors.compute import compute
from decision_service.factors.turning import validity_boundaries
from decision_service.pipeline.decide.record_codec import pack_factors
from decision_service.ruleset.program.model import CompiledRuleset
from decision_service.ruleset.run.evaluator import Loaded, load
from decision_service.user_cache import UserCache

MOST_REMEMBERED = 512


class Computed(msgspec.Struct):
    """Factor values, the same as they are recorded, and as a ruleset took them."""

    factors: Factors
    wire: bytes
    _loaded: Loaded | None = None

    def loaded(self, ruleset: CompiledRuleset, as_of: AsOf) -> Loaded:
        """The values as the ruleset takes them, which was loaded again if it is another object."""
        loaded = self._loaded
        if loaded is None or loaded.period is not ruleset.program.timeline.at(as_of.date):
            loaded = self._loaded = load(ruleset, self.factors.values, as_of)
        return loaded


_Moment = tuple[date, bool, int, int | None]
"""All of the arguments of `compute` that are not the snapshot's or the ruleset's: the civil date,
whether the clock is in doubt, how many validity boundaries have passed, the requested term."""


class _Remembered(msgspec.Struct):
    boundaries: tuple[datetime, ...]
    moment: _Moment
    computed: Computed


class KnownFactors:
    """The last result for each of the last few hundred pairs of snapshot and ruleset.

    Snapshots are named by their content, rulesets by their digest, so that a result that is
    remembered is the one that would be computed.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._known: UserCache[_Remembered] = UserCache(most)

    def of(
        self, snapshot: Snapshot, snapshot_id: str, needs: Needs, digest: str, as_of: AsOf
    ) -> Computed:
        """What `factors.compute` gives for the snapshot of this id and the ruleset's needs."""
        key = (snapshot.user_id, snapshot_id, digest)
        known = self._known.get(key)
        boundaries = (
            validity_boundaries(snapshot, needs.policy) if known is None else known.boundaries
        )
        passed = bisect_left(boundaries, as_of.instant)
        moment = (as_of.date, as_of.doubtful, passed, needs.term_months)
        if known is not None and known.moment == moment:
            return known.computed
        factors = compute(snapshot, needs, as_of)
        computed = Computed(factors, pack_factors(factors))
        self._known[key] = _Remembered(boundaries, moment, computed)
        return computed

    def forget(self, user_id: str) -> None:
        """Drop what was computed of a user, whose data is erased."""
        self._known.forget(user_id)
