"""The rules to start with, and where their rollouts stand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from decision_service.alarms import Alarm, raised
from decision_service.config import ConfigError, Settings, SmileMode
from decision_service.edge.rpc.authenticator import Authenticator
from decision_service.language.diagnostics import Diagnostic, count, render
from decision_service.pipeline.ports import Clock
from decision_service.pipeline.rollout.journal import Rollouts
from decision_service.pipeline.rollout.plan_conflicts import plan_conflict_problems
from decision_service.pipeline.rollout.plan_migration import MigratedPlans, settle
from decision_service.pipeline.rollout.reload import NOTHING_LISTED, REFUSED
from decision_service.pipeline.rules.acceptance import ReadSigners, unacceptable, unapproved
from decision_service.pipeline.rules.active import ActiveRules
from decision_service.pipeline.rules.checks.blocked import blocked_names
from decision_service.pipeline.rules.last_good import keep, last_good_folder
from decision_service.pipeline.rules.loading import load_rules
from decision_service.starter import starter_rules
from decision_service.storage.rules_folder.files import RulesFolderMissing, read_rules
from decision_service.storage.store import Store
from decision_service.wiring.errors import StartError

log = structlog.get_logger("decision_service.wiring.rules")


class StartRules(msgspec.Struct, frozen=True):
    """The rules that decide, and where their rollouts stand."""

    active: ActiveRules
    rollouts: Rollouts


def rules_folder(settings: Settings) -> Path:
    """RULES_DIR; where that is neither set nor there, made-up people get the starter rules."""
    chosen = "rules_dir" in settings.model_fields_set or settings.rules_dir.exists()
    if settings.smile_mode is SmileMode.EMBEDDED and not chosen:
        return starter_rules()
    return settings.rules_dir


def refused_rules(root: Path, problems: Sequence[Diagnostic]) -> StartError:
    """Why a service does not start by the rules of a folder."""
    return StartError(
        f"the rules in {root} have {count(problems)}: mend them, and try "
        "`decision-service rules check`",
        tuple(map(render, problems)),
    )


def signers_of(settings: Settings, authenticator: Authenticator) -> ReadSigners | None:
    """Reads who may sign rules now; None where signatures are not required."""
    return (lambda: authenticator.signers) if settings.require_approval else None


async def open_rules(
    settings: Settings, root: Path, store: Store, clock: Clock, signers: ReadSigners | None = None
) -> StartRules:
    """The rules of the folder `root`, or the last good ones where it has mistakes.

    A version that has decided may have changed only beside the stand-in, on made-up people. With
    `signers` two of them must have signed what decides.
    Raises StartError with every problem of every file where there never was a good folder.
    """
    blocked = _blocked(settings)
    edits_used = settings.smile_mode is SmileMode.EMBEDDED
    try:
        folder = read_rules(root)
    except RulesFolderMissing as error:
        raise StartError(str(error)) from None
    loading = load_rules(folder, clock.now(), blocked)
    problems = loading.errors
    if loading.rulebook is not None:
        problems = await unacceptable(
            store, folder, loading.rulebook, clock.now(), edits_used=edits_used, signers=signers
        )
    if loading.rulebook is not None and not problems:
        await store.put_texts(loading.texts)
        settled = await settle(store, loading.rulebook, clock.now(), signed=signers is not None)
        if isinstance(settled, MigratedPlans):
            await keep(store, folder, clock.now())
            for problem in loading.nothing_listed:
                log.warning(NOTHING_LISTED, problem=render(problem))
            return _rules(settled, store, clock)
        problems = plan_conflict_problems(folder, settled)
    return await _last_good(root, blocked, store, problems, clock, signers)


def _blocked(settings: Settings) -> frozenset[str]:
    try:
        return blocked_names(settings)
    except ConfigError as error:
        raise StartError(str(error)) from None


def _rules(settled: MigratedPlans, store: Store, clock: Clock) -> StartRules:
    active = ActiveRules(settled.rulebook, clock.now())
    return StartRules(active, Rollouts(store, active, clock, settled.entries))


async def _last_good(
    root: Path,
    blocked: frozenset[str],
    store: Store,
    bad: tuple[Diagnostic, ...],
    clock: Clock,
    signers: ReadSigners | None,
) -> StartRules:
    problems = tuple(render(diagnostic) for diagnostic in bad)
    folder = await last_good_folder(store)
    good = None if folder is None else load_rules(folder, clock.now(), blocked).rulebook
    if good and signers and folder and unapproved(folder, good, folder, signers(), None):
        good = None
    signed = signers is not None
    settled = None if good is None else await settle(store, good, clock.now(), signed=signed)
    if not isinstance(settled, MigratedPlans):
        raise refused_rules(root, bad)
    for problem in problems:
        log.error(REFUSED, alarm=raised(Alarm.RULES_REFUSED), problem=problem)
    rules = _rules(settled, store, clock)
    rules.active.refuse(bad, clock.now())
    return rules
