"""Acceptance: whether rules without errors may replace those that have decided before."""

from __future__ import annotations

from decision_service.language.diagnostics import Diagnostic
from decision_service.pipeline.ports import DecisionLog
from decision_service.pipeline.rules.last_good import last_good_folder
from decision_service.pipeline.rules.loading import RuleFolder
from decision_service.pipeline.rules.publication import downgrades
from decision_service.pipeline.rules.rulebook import Rulebook
from decision_service.pipeline.rules.used_versions import altered


async def unacceptable(
    log: DecisionLog, folder: RuleFolder, rulebook: Rulebook, *, edits_used: bool
) -> tuple[Diagnostic, ...]:
    """Problems of rules older than those that decide, or that change a version that has decided.

    The latter is allowed where `edits_used`, on made-up people.
    """
    older = await downgrades(log, folder, await last_good_folder(log))
    if older or edits_used:
        return older
    return await altered(log, folder, rulebook)
