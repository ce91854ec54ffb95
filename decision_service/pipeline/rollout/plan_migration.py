"""Migration of running rollouts to changed plans, each rollout keeping its stage.

A plan that widens the one in force waits for two callers, and the one in force goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

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
        found: dict[str, tuple[PlanConflict, ...]] = {}
        entries: dict[str, JournalEntry] = {}
        products: dict[str, Product] = {}
        for name, loaded in rulebook.products.items():
            last = latest.get(name)
            if last is None:
                entries[name], in_force = _first(loaded, who, now), None
            else:
                in_force, lost = await _in_force(journal, loaded, last)
                found[name] = (*_new_clashes(loaded.plan, last), *(() if signed else lost))
                if found[name]:
                    continue
                wider = widenings(in_force, loaded.plan, last.after) if in_force else ()
                held = not signed and bool(in_force and in_force.second_person_above is not None)
                entries[name] = _entry(loaded.plan, last, wider, who, now, held=held)
            products[name] = replace(loaded, state=entries[name].after)
            if in_force is not None and entries[name].plan_digest != loaded.plan.digest:
                products[name] = replace(products[name], plan=in_force, waiting=loaded.plan)
        if any(found.values()):
            return UnmigratedPlan({name: some for name, some in found.items() if some})
        try:
            for name, entry in entries.items():
                if entry is not latest.get(name):
                    await journal.append(entry)
        except JournalMovedOn:
            continue
        return MigratedPlans(rulebook.with_products(products), entries)
    raise RolloutMovedOn("the rollouts kept moving while their plans were taken over: try again")


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


def _new_clashes(plan: Plan, last: JournalEntry) -> tuple[PlanConflict, ...]:
    """What of a plan does not fit; one that waits already is asked again once it is confirmed."""
    waits = last.after.proposed
    return () if waits and waits.goal == plan.digest else clashes(plan, last.after)


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
    waits = last.after.proposed
    waits = waits if waits and waits.kind is ProposalKind.PLAN else None
    if last.plan_digest == plan.digest and waits is None:
        return last
    if wider and held and waits and waits.goal == plan.digest:
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
