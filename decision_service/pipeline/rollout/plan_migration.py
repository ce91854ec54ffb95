"""Migration of running rollouts to changed plans, each rollout keeping its stage.

A plan that widens the one in force waits for two callers, and the one in force goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from decision_service.domain.errors import RolloutMovedOn
from decision_service.language.diagnostics import Severity
from decision_service.pipeline.ports import TextLog
from decision_service.pipeline.rollout_ports import (
    JournalAction,
    JournalEntry,
    JournalMovedOn,
    RolloutJournal,
)
from decision_service.pipeline.rules.products import input_names
from decision_service.pipeline.rules.publishing.manifest import Publication
from decision_service.pipeline.rules.rulebook import Product, Rulebook
from decision_service.rollout.model import Plan
from decision_service.rollout.plan import parse_plan
from decision_service.rollout.state import (
    PlanConflict,
    Proposal,
    ProposalKind,
    RolloutState,
    adopt,
    clashes,
    initial_state,
)
from decision_service.rollout.widening import widenings

SERVICE = "service"
"""The journal's `who` for first entries and changed plans that two persons did not sign."""

ATTEMPTS = 5
"""How often a step is retried after another process's step."""


class MigratedPlans(msgspec.Struct, frozen=True):
    """A rulebook with its rollouts' states from the journal, and each product's last entry."""

    rulebook: Rulebook
    entries: Mapping[str, JournalEntry]


class UnmigratedPlan(msgspec.Struct, frozen=True):
    """The changed plans that do not fit their running rollouts; nothing was changed."""

    clashes: Mapping[str, tuple[PlanConflict, ...]]


async def settle(
    journal: RolloutJournal, rulebook: Rulebook, now: datetime, *, signed: bool = False
) -> MigratedPlans | UnmigratedPlan:
    """Give a product's rollout its first entry, and one for each change of its plan.

    A plan that widens the one in force, where that asks for two callers, waits for them, and the
    one in force goes on; rules that two persons `signed` wait for no others. Where all is in the
    journal already nothing is appended: a restart changes nothing. Raises StoreUnavailable, and
    RolloutMovedOn where other processes never stop coming first.
    """
    who = _signers(rulebook.published) if signed else SERVICE
    for _ in range(ATTEMPTS):
        latest = await journal.latest()
        settled = {
            name: await _settled(journal, loaded, latest.get(name), who, now, signed=signed)
            for name, loaded in rulebook.products.items()
        }
        found = {name: one for name, one in settled.items() if not isinstance(one, _Settled)}
        if found:
            return UnmigratedPlan(found)
        kept = {name: one for name, one in settled.items() if isinstance(one, _Settled)}
        entries = {name: one.entry for name, one in kept.items()}
        try:
            for name, entry in entries.items():
                if entry is not latest.get(name):
                    await journal.append(entry)
        except JournalMovedOn:
            continue
        moved = {name: one.product for name, one in kept.items()}
        return MigratedPlans(rulebook.with_products(moved), entries)
    raise RolloutMovedOn("the rollouts kept moving while their plans were taken over: try again")


class _Settled(NamedTuple):
    product: Product
    entry: JournalEntry


async def _settled(
    texts: TextLog,
    loaded: Product,
    last: JournalEntry | None,
    who: str,
    now: datetime,
    *,
    signed: bool,
) -> _Settled | tuple[PlanConflict, ...]:
    """A product by the plan in force with its last entry, or why its plan does not fit."""
    if last is None:
        entry = _first(loaded, who, now)
        return _Settled(replace(loaded, state=entry.after), entry)
    in_force, lost = await _in_force(texts, loaded, last)
    held = not signed and bool(in_force and in_force.second_person_above is not None)
    waits, entry = last.after.proposed, last
    if not (held and waits and waits.goal == loaded.plan.digest):  # else asked once confirmed
        found = (*clashes(loaded.plan, last.after), *(() if signed else lost))
        if found:
            return found
        wider = widenings(in_force, loaded.plan, last.after) if in_force else ()
        entry = _entry(loaded.plan, last, wider, who, now, held=held)
    product = replace(loaded, state=entry.after)
    if in_force is not None and entry.plan_digest != loaded.plan.digest:
        product = replace(product, plan=in_force, waiting=loaded.plan)
    return _Settled(product, entry)


def _signers(published: Publication | None) -> str:
    both = (published.proposed_by, published.approved_by) if published else ()
    return ", ".join(one.name for one in both if one) or SERVICE


async def _in_force(
    texts: TextLog, loaded: Product, last: JournalEntry
) -> tuple[Plan | None, tuple[PlanConflict, ...]]:
    """The plan in force, from its stored text; None and why where that does not fit these rules.

    A plan without `second_person_above` holds no other back, and conflicts with none.
    """
    digest = last.plan_digest
    if digest == loaded.plan.digest:
        return loaded.plan, ()
    text = await texts.text(digest)
    if text is None:
        return None, (PlanConflict((), f"the plan in force ({digest[:16]}) is not in the store"),)
    names = {number: input_names(version) for number, version in loaded.versions.items()}
    body = text.body.decode()
    reading = parse_plan(f"{loaded.name}/rollout.yaml", body, loaded.name, names)
    if reading.plan is not None:
        return replace(reading.plan, digest=digest), ()
    if "second_person_above" not in body:
        return None, ()
    error = next(one for one in reading.diagnostics if one.severity is Severity.ERROR)
    message = (
        f"the plan in force ({digest[:16]}) goes on until two callers confirm another one, and "
        f"these rules do not fit it: {error.message}"
    )
    return None, (PlanConflict(("versions",), message),)


def _first(product: Product, who: str, now: datetime) -> JournalEntry:
    return JournalEntry(
        product=product.name,
        position=1,
        at=now,
        who=who,
        why="the rollout begins",
        action=JournalAction.BEGIN,
        before=None,
        after=initial_state(product.plan, now),
        plan_digest=product.plan.digest,
    )


def _entry(
    plan: Plan, last: JournalEntry, wider: Sequence[str], who: str, now: datetime, *, held: bool
) -> JournalEntry:
    """The product's last entry; a new one for a plan that changed, waits, or was taken back.

    Where it is `wider` it waits if it is `held`.
    """
    waits = last.after.proposed is not None and last.after.proposed.kind is ProposalKind.PLAN
    if last.plan_digest == plan.digest and not waits:
        return last
    why = f"the plan changed{': ' if wider else ''}{'; '.join(wider)}"
    step = replace(
        last, position=last.position + 1, at=now, who=who, why=why, before=last.after, figures={},
        ticket="",
    )  # fmt: skip
    if wider and held:
        proposed = Proposal(ProposalKind.PLAN, plan.digest, "", now)
        waiting = replace(last.after, proposed=proposed)
        return replace(step, action=JournalAction.PROPOSE, after=waiting)
    after = adopt(plan, last.after, now)
    assert isinstance(after, RolloutState)  # noqa: S101 - a plan that clashes came no further
    if last.plan_digest == plan.digest:
        step = replace(step, why="the changed plan was taken back")
    return replace(step, action=JournalAction.PLAN, after=after, plan_digest=plan.digest)
