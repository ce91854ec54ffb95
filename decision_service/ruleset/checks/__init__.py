"""Checks across constructs, each in a file of its own; a new one is a line here."""

from __future__ import annotations

from collections.abc import Callable

from decision_service.ruleset.checks.always import (
    check_always,
    check_divisions,
    check_left_out,
    check_undefined,
)
from decision_service.ruleset.checks.approval import check_approval
from decision_service.ruleset.checks.bands import check_bands
from decision_service.ruleset.checks.bins import check_bins
from decision_service.ruleset.checks.cost import check_cost
from decision_service.ruleset.checks.dead_zone import check_dead_zone
from decision_service.ruleset.checks.fitness import check_fitness
from decision_service.ruleset.checks.history import check_history
from decision_service.ruleset.checks.params import check_params
from decision_service.ruleset.checks.rows import check_rows
from decision_service.ruleset.checks.shadowed import check_shadowed
from decision_service.ruleset.checks.unexplained import (
    check_because,
    check_reason_factors,
    check_reasonless,
)
from decision_service.ruleset.checks.unused import check_unused
from decision_service.ruleset.reading.draft import RulesetDraft

Check = Callable[[RulesetDraft], None]

CHECKS: tuple[Check, ...] = (
    check_always,
    check_approval,
    check_bands,
    check_because,
    check_bins,
    check_cost,
    check_dead_zone,
    check_divisions,
    check_fitness,
    check_history,
    check_left_out,
    check_params,
    check_reason_factors,
    check_reasonless,
    check_rows,
    check_shadowed,
    check_undefined,
    check_unused,
)
