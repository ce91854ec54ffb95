"""Comparison of two versions on the same recorded decisions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import msgspec
from msgspec.structs import replace

from decision_service.decide.codec import decode_facts, factors_from_wire, read_snapshot
from decision_service.decide.conclude import judge, with_answers
from decision_service.decide.replay import shell_of
from decision_service.domain.decision import Outcome
from decision_service.domain.errors import RulesetUnknown
from decision_service.domain.ports import DecisionLog, Filter, PagePosition, StoredEntry
from decision_service.rollout.impact import ImpactSums, LeftOut, NotCompared
from decision_service.rulebook.archive import RulesetArchive
from decision_service.rulebook.rulebook import Product, Rulebook
from decision_service.rules.evaluate import load
from decision_service.steering.pairs import DecidedCase, PairLog, RulesOnDay, second_opinion

_PAGE = 100


class RecordedCase(msgspec.Struct, frozen=True):
    entry: StoredEntry
    case: DecidedCase | LeftOut


class RecordedCases:
    def __init__(self, log: DecisionLog, archive: RulesetArchive) -> None:
        self._log = log
        self._archive = archive

    async def newest(
        self, product: Product, since: datetime, most: int
    ) -> AsyncIterator[RecordedCase]:
        """At most so many decisions by rules; raises StoreUnavailable."""
        async for entry in self._entries(product.name, since, most):
            case = await recorded_case(entry, self._archive, product.input_names)
            if isinstance(case, DecidedCase) and entry.snapshot_id is not None:
                body = await self._log.snapshot(entry.user_id, entry.snapshot_id)
                case = with_snapshot(case, body)
            yield RecordedCase(entry, case)

    async def _entries(
        self, product: str, since: datetime, most: int
    ) -> AsyncIterator[StoredEntry]:
        chosen = Filter(product=product, created_from=since)
        after: PagePosition | None = None
        left = most
        while left > 0:
            entries = await self._log.list(chosen, after, min(_PAGE, left))
            for entry in entries:
                if entry.outcome is not Outcome.NOT_ENROLLED:
                    left -= 1
                    yield entry
            if len(entries) < _PAGE:
                return
            after = PagePosition(entries[-1].created, entries[-1].decision_id)


async def recorded_case(
    entry: StoredEntry, archive: RulesetArchive, known: frozenset[str]
) -> DecidedCase | LeftOut:
    """Without its snapshot; `known` are inputs of any version. Raises StoreUnavailable."""
    try:
        ruleset = await archive.by_digest(entry.ruleset_digest or "")
        facts = decode_facts(entry.facts)
    except RulesetUnknown:
        return LeftOut.RULES_UNKNOWN
    except msgspec.DecodeError:
        return LeftOut.RECORD_UNREADABLE
    if facts.factors is None:
        return LeftOut.RECORD_UNREADABLE
    factors, shell = factors_from_wire(facts.factors), with_answers(shell_of(entry, facts), ruleset)
    loaded = load(ruleset, factors.values, shell.as_of)
    decision = judge(shell, ruleset, factors, facts.allowances, loaded)
    return DecidedCase(decision, ruleset, None, factors, shell.inputs, known, loaded)


def with_snapshot(case: DecidedCase, body: bytes | None) -> DecidedCase:
    return case if body is None else replace(case, snapshot=read_snapshot(body))


class ComparisonRequest(msgspec.Struct, frozen=True):
    """What to compare with the champion: a shadow by its version, the challenger for 0.

    For the challenger the newest `most` recorded decisions since then are judged again.
    """

    product: str
    shadow: int
    since: datetime
    most: int


async def judged_again(
    cases: RecordedCases, product: Product, version: int, question: ComparisonRequest
) -> ImpactSums:
    """The newest decisions as the champion and a version judge them; raises StoreUnavailable."""
    base, other = RulesOnDay(product.champion), RulesOnDay(product.versions[version])
    sums = ImpactSums()
    async for recorded in cases.newest(product, question.since, question.most):
        entry, case = recorded.entry, recorded.case
        if isinstance(case, LeftOut):
            sums.leave_out(case, entry.outcome)
            continue
        judged = await asyncio.to_thread(second_opinion, case, base, other)
        if isinstance(judged, NotCompared):
            sums.leave_out(judged.why, case.decision.rules_verdict.outcome, judged.lacking)
        else:
            sums.add(judged)
    return sums


class VersionComparison(msgspec.Struct, frozen=True):
    """Decisions as two versions judge them: before is the champion or what decided."""

    product: str
    live_version: int
    other_version: int
    since: datetime
    currency: str
    sums: ImpactSums


class CompareVersions:
    """Compares by stored shadow results, or by re-evaluating decisions; records nothing."""

    def __init__(
        self,
        log: DecisionLog,
        pairs: PairLog,
        archive: RulesetArchive,
        rulebook: Callable[[], Rulebook],
    ) -> None:
        self._cases = RecordedCases(log, archive)
        self._pairs = pairs
        self._rulebook = rulebook

    async def __call__(self, question: ComparisonRequest) -> VersionComparison:
        """Raises ProductUnknown, RulesetUnknown, StoreUnavailable."""
        product = self._rulebook().product(question.product)
        version = question.shadow or _challenger(product)
        if question.shadow:
            sums = await self._pairs.pair_sums(product.name, version, question.since)
            if not sums.everybody.applicants and not sums.left_out:
                _require_shadow(product, version)
        else:
            sums = await judged_again(self._cases, product, version, question)
        return VersionComparison(
            product=product.name,
            live_version=product.plan.versions.champion,
            other_version=version,
            since=question.since,
            currency=product.champion.currency,
            sums=sums,
        )


def _require_shadow(product: Product, version: int) -> None:
    shadows = [f"v{shadow.version}" for shadow in product.plan.versions.shadow]
    if f"v{version}" in shadows:
        return
    raise RulesetUnknown(
        f"v{version} is no shadow of {product.name} and left no results: the plan's shadows are "
        f"{', '.join(shadows) or 'none'}",
        product=product.name,
    )


def _challenger(product: Product) -> int:
    challenger = product.plan.versions.challenger
    if challenger is None:
        raise RulesetUnknown(
            f"the plan of {product.name} has no challenger: name a shadow's version instead",
            product=product.name,
        )
    return challenger.version
