"""The state of every rollout, moved only by a step that is journalled first; changed plans."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import msgspec
import structlog
from msgspec.structs import replace

from decision_service.domain.errors import PlanChanged, RolloutMovedOn, RolloutRefused
from decision_service.domain.ports import Clock, TextLog
from decision_service.rollout.keys import place_of
from decision_service.rollout.model import Plan, PlanConflict, TrackName
from decision_service.rollout.plan import PlanTexts, parse_plan
from decision_service.rollout.ports import (
    JournalAction,
    JournalEntry,
    JournalMovedOn,
    RolloutJournal,
)
from decision_service.rollout.state import (
    Proposal,
    ProposalKind,
    Refusal,
    RolloutState,
    StepResult,
    Switched,
    adopt,
    advance,
    clashes,
    confirm,
    fitting,
    initial_state,
    kill,
    revive,
    roll_back,
    widenings,
)
from decision_service.rulebook.folder import RuleFolder
from decision_service.rulebook.load import input_names
from decision_service.rulebook.rulebook import ActiveRules, Product, Rulebook
from decision_service.rules.language import yaml
from decision_service.rules.language.diagnostics import Diagnostic, Place, Report, Severity

SERVICE = "service"
"""The journal's `who` for first entries and changed plans that two persons did not sign."""

ATTEMPTS = 5
"""How often a step is retried after another process's step."""

log = structlog.get_logger("decision_service.rollouts")

REFRESH_SECONDS = 1.0
"""Seconds between readings of the journal, so that no process is two seconds late."""

_CODE = "P501"
_HINT = "bring back what the running rollout rests on, or move the rollout to 0 % first"


class PlansUnfit(Exception):
    """Changed plans do not fit their running rollouts, by product; nothing was changed."""

    def __init__(self, clashes: Mapping[str, tuple[PlanConflict, ...]]) -> None:
        super().__init__(", ".join(clashes))
        self.clashes = clashes


class PlanSteps(msgspec.Struct, frozen=True):
    """A rulebook with its rollouts' states; `fresh` are the entries that the journal lacks."""

    rulebook: Rulebook
    entries: Mapping[str, JournalEntry]
    fresh: tuple[JournalEntry, ...]


async def plan_steps(
    journal: RolloutJournal, rulebook: Rulebook, now: datetime, approved: str = ""
) -> PlanSteps:
    """What taking over a rulebook's plans brings; appends nothing.

    A rollout gets its first entry, and one for each change of its plan. A plan that widens the one
    in force, where that asks for two callers, waits for them, and the one in force goes on; what
    two persons `approved`, by their names, waits for no others. Raises PlansUnfit and
    StoreUnavailable.
    """
    latest = await journal.latest()
    moved: dict[str, Product] = {}
    entries: dict[str, JournalEntry] = {}
    found: dict[str, tuple[PlanConflict, ...]] = {}
    for name, loaded in rulebook.products.items():
        last = latest.get(name)
        in_force, lost = await _in_force(journal, loaded, last)
        held = not approved and bool(in_force and in_force.second_person_above is not None)
        kept = _last_entry(
            loaded,
            in_force,
            () if approved else lost,
            last=last,
            who=approved or SERVICE,
            now=now,
            held=held,
        )
        if isinstance(kept, JournalEntry):
            entries[name] = kept
            moved[name] = replace(loaded, state=kept.after)
            if in_force is not None and kept.plan_digest != loaded.plan.digest:
                moved[name] = replace(moved[name], plan=in_force, waiting=loaded.plan)
        else:
            found[name] = kept
    if found:
        raise PlansUnfit(found)
    fresh = tuple(one for name, one in entries.items() if one is not latest.get(name))
    return PlanSteps(rulebook.with_products(moved), entries, fresh)


AppendSteps = Callable[[Sequence[JournalEntry]], Awaitable[None]]
"""Appends entries, all or none; raises JournalMovedOn where a position is taken."""


def _last_entry(
    loaded: Product,
    in_force: Plan | None,
    lost: tuple[PlanConflict, ...],
    last: JournalEntry | None,
    who: str,
    now: datetime,
    *,
    held: bool,
) -> JournalEntry | tuple[PlanConflict, ...]:
    """The product's last entry, perhaps a new one, or why its plan does not fit.

    Where it is `held` a wider plan waits for two callers.
    """
    if last is None:
        return JournalEntry(
            product=loaded.name,
            position=1,
            at=now,
            who=who,
            why="the rollout begins",
            action=JournalAction.BEGIN,
            before=None,
            after=initial_state(loaded.plan, now),
            plan_digest=loaded.plan.digest,
        )
    waits = last.after.proposed
    if held and waits and waits.goal == loaded.plan.digest:  # asked once it is confirmed
        return last
    if found := (*clashes(loaded.plan, last.after), *lost):
        return found
    wider = widenings(in_force, loaded.plan, last.after) if in_force else ()
    return _entry(loaded.plan, last, wider, who=who, now=now, held=held)


async def _in_force(
    texts: TextLog, loaded: Product, last: JournalEntry | None
) -> tuple[Plan | None, tuple[PlanConflict, ...]]:
    """None and why where it does not fit; one without `second_person_above` has no conflict."""
    digest = loaded.plan.digest if last is None else last.plan_digest
    if digest == loaded.plan.digest:
        return loaded.plan, ()
    text = await texts.text(digest)
    if text is None:
        return None, (PlanConflict((), f"the plan in force ({digest[:16]}) is not in the store"),)
    names = {number: input_names(version) for number, version in loaded.versions.items()}
    stored = msgspec.json.decode(text.body, type=PlanTexts)
    reading = parse_plan(f"{loaded.name}/rollout.yaml", stored, loaded.name, versions=names)
    if reading.plan is not None:
        return replace(reading.plan, digest=digest), ()
    if "second_person_above" not in stored.plan:
        return None, ()
    error = next(one for one in reading.diagnostics if one.severity is Severity.ERROR)
    message = (
        f"the plan in force ({digest[:16]}) goes on until two callers confirm another one, and "
        f"these rules do not fit it: {error.message}"
    )
    return None, (PlanConflict(("champion",), message),)


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
        proposed = Proposal(ProposalKind.PLAN, plan.digest, "", at=now)
        waiting = replace(last.after, proposed=proposed)
        return replace(step, action=JournalAction.PROPOSE, after=waiting)
    after = adopt(plan, last.after, now)
    assert isinstance(after, RolloutState)  # noqa: S101 - a plan that clashes came no further
    if last.plan_digest == plan.digest:
        step = replace(step, why="the changed plan was taken back")
    return replace(step, action=JournalAction.PLAN, after=after, plan_digest=plan.digest)


class RolloutChange(msgspec.Struct, frozen=True):
    """A change of a product's rollout, who wants it and why; `ticket` is the lender's reference.

    With `plan_digest` and `position` it was decided on under that plan, at that entry of the
    journal, and is refused under another plan or once another entry has followed. A kill needs
    neither, since it must always work. `track` is what is moved up or down, `arm` what is killed or
    revived. `figures` are what it rests on, for the journal. `unmet` is what the stage lacks for a
    step up, which is then refused.
    """

    product: str
    who: str
    why: str
    ticket: str = ""
    plan_digest: str = ""
    position: int = 0
    figures: Mapping[str, str] = msgspec.field(default_factory=dict)
    track: TrackName | None = None
    arm: Switched = None
    unmet: str = ""


def stepped(
    product: Product,
    state: RolloutState,
    change: RolloutChange,
    action: JournalAction | None,
    now: datetime,
) -> StepResult:
    """The state after a step; no action confirms what another caller proposed."""
    plan = product.plan
    match action:
        case JournalAction.ADVANCE:
            above = advance(plan, state, change.track, now=now, who=change.who)
            if isinstance(above, Refusal) or not change.unmet:
                return above
            return Refusal(
                f"the present stage of {change.track or TrackName.GO_LIVE} of {product.name} "
                f"{change.unmet}: wait, or advance with --early and say why"
            )
        case JournalAction.ROLL_BACK:
            return roll_back(plan, state, change.track, now=now)
        case JournalAction.PAUSE | JournalAction.RESUME:
            return replace(state, paused=action is JournalAction.PAUSE)
        case JournalAction.KILL:
            return kill(state, change.arm)
        case JournalAction.REVIVE:
            return revive(plan, state, change.arm, who=change.who, now=now)
    return confirm(plan, product.waiting, state, who=change.who, now=now)


class Rollouts:
    """While the store cannot be read every rollout stays where it was last seen."""

    def __init__(
        self,
        journal: RolloutJournal,
        active_rules: ActiveRules,
        clock: Clock,
        latest: Mapping[str, JournalEntry],
    ) -> None:
        self._journal = journal
        self.active_rules = active_rules
        self._clock = clock
        self._latest = dict(latest)
        self._lock = asyncio.Lock()

    @classmethod
    async def start(cls, journal: RolloutJournal, rulebook: Rulebook, clock: Clock) -> Rollouts:
        """The rollouts of a rulebook, its plans taken over; raises as `take_over`."""
        rollouts = cls(journal, ActiveRules(Rulebook(), clock.now()), clock, latest={})
        await rollouts.take_over(rulebook)
        return rollouts

    @property
    def products(self) -> Mapping[str, Product]:
        """Each with its rollout's state, from memory."""
        return self.active_rules.current().products

    def product(self, name: str) -> Product:
        """Raises ProductUnknown."""
        return self.active_rules.current().product(name)

    def latest(self, product: str) -> JournalEntry:
        """The last step that this process knows of, from memory; raises ProductUnknown."""
        return self._latest[self.product(product).name]

    async def history(self, product: str, before: int | None, limit: int) -> Sequence[JournalEntry]:
        """At most `limit` steps, newest first; raises ProductUnknown or StoreUnavailable."""
        name = self.product(product).name
        return await self._journal.history(name, before, limit)

    async def refresh(self) -> None:
        async with self._lock:
            self._follow(await self._journal.latest())

    async def take_over(
        self, rulebook: Rulebook, append: AppendSteps | None = None, approved: str = ""
    ) -> None:
        """Activate a loaded rulebook, its rollouts keeping their states.

        `append` writes the steps of changed plans together with what brought them, and is called
        again where another step came first; without it they are appended alone. Where the journal
        has all of them already nothing is: a restart changes nothing. `approved` are the persons
        who confirmed the rules. Raises PlansUnfit, StoreUnavailable or RolloutMovedOn, having
        changed nothing.
        """
        async with self._lock:
            for _ in range(ATTEMPTS):
                now = self._clock.now()
                steps = await plan_steps(self._journal, rulebook, now, approved=approved)
                try:
                    await (append or self.append_alone)(steps.fresh)
                except JournalMovedOn:
                    continue
                self._latest = dict(steps.entries)
                self.active_rules.put(steps.rulebook, now)
                return
        raise RolloutMovedOn(
            "the rollouts kept moving while their plans were taken over: try again"
        )

    async def append_alone(self, steps: Sequence[JournalEntry]) -> None:
        """Append steps that no release brings; raises JournalMovedOn."""
        for step in steps:
            await self._journal.append(step)

    async def move(
        self, change: RolloutChange, action: JournalAction | None
    ) -> JournalEntry | None:
        """Take a step and return its entry; None, without an entry, where it changes nothing.

        No action confirms what waits.
        Raises ProductUnknown; RolloutRefused, where it cannot be taken; PlanChanged, where the plan
        is another than expected; RolloutMovedOn, where another step came first; StoreUnavailable.
        """
        product = change.product
        async with self._lock:
            for _ in range(ATTEMPTS):
                self._follow(await self._journal.latest())
                entry = self._entry(self.product(product), change, action)
                if entry.after == entry.before:
                    return None
                try:
                    await self._journal.append(entry)
                except JournalMovedOn:
                    continue
                self._follow({product: entry})
                return entry
        raise RolloutMovedOn(f"the rollout of {product} keeps moving: look again", product=product)

    def _follow(self, latest: Mapping[str, JournalEntry]) -> None:
        moved: dict[str, Product] = {}
        for name, product in self.products.items():
            entry = latest.get(name)
            if entry is not None and entry != self._latest[name]:
                self._latest[name] = entry
                moved[name] = _following(product, entry)
        if moved:
            self.active_rules.set_products(moved)

    def _entry(
        self, product: Product, change: RolloutChange, action: JournalAction | None
    ) -> JournalEntry:
        last = self._latest[product.name]
        _require_unmoved(product, last, change)
        now = self._clock.now()
        after = stepped(product, last.after, change, action=action, now=now)
        if isinstance(after, Refusal):
            raise RolloutRefused(after.message, product=product.name)
        action = _action(action, last.after, after)
        first = last.after.proposed
        confirmed = action is JournalAction.PLAN and first is not None
        return JournalEntry(
            product=product.name,
            position=last.position + 1,
            at=now,
            who=change.who,
            why=change.why,
            action=action,
            before=last.after,
            after=after,
            plan_digest=first.goal if confirmed and first else last.plan_digest,
            figures=change.figures,
            ticket=change.ticket,
        )


def _following(product: Product, entry: JournalEntry) -> Product:
    """The product where an entry brought it; a plan that waited may be in force now."""
    waiting = product.waiting
    if waiting is not None and entry.plan_digest == waiting.digest:
        product = replace(product, plan=waiting, waiting=None)
    return replace(product, state=fitting(product.plan, entry.after, product.state))


def _action(
    action: JournalAction | None, before: RolloutState, after: RolloutState
) -> JournalAction:
    if after.proposed is not None and after.proposed != before.proposed:
        return JournalAction.PROPOSE
    if action is None and before.proposed is not None:
        return JournalAction(before.proposed.kind.value)
    return action or JournalAction.PROPOSE


def _require_unmoved(product: Product, last: JournalEntry, change: RolloutChange) -> None:
    digest = product.plan.digest
    if change.plan_digest and change.plan_digest != digest:
        raise PlanChanged(
            f"the plan of {product.name} has changed since: look at it again before moving",
            product=product.name,
            plan_digest=digest,
        )
    if change.plan_digest and digest != last.plan_digest:
        raise PlanChanged(
            f"the rollout of {product.name} runs under another plan than this process has read: "
            "publish the same rules to every process",
            product=product.name,
            plan_digest=last.plan_digest,
        )
    if change.position and change.position != last.position:
        raise RolloutMovedOn(
            f"the rollout of {last.product} has moved on: {last.who} took the step {last.action} "
            f"at {last.at:%Y-%m-%d %H:%M:%S} UTC: look again before moving",
            product=last.product,
            position=last.position,
        )


def plan_conflict_problems(folder: RuleFolder, unfit: PlansUnfit) -> tuple[Diagnostic, ...]:
    plans = {one.product: one.plan for one in folder.products if one.plan is not None}
    report = Report()
    for product, found in unfit.clashes.items():
        for clash in found:
            plan = plans[product]
            root = yaml.read(plan.path, plan.text, report)
            top = Place(plan.path, 1, 1, end=2)
            place = top if root is None else place_of(root, *clash.keys)
            report.error(_CODE, place, clash.message, _HINT)
    return tuple(found for found in report.diagnostics() if found.code == _CODE)
