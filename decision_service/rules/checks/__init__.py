"""Checks across constructs; a new one is a line here."""

from __future__ import annotations

from collections.abc import Callable

from decision_service.rules.checks.conditions import (
    check_always,
    check_approval,
    check_divisions,
    check_left_out,
    check_segments,
    check_shadowed,
    check_undefined,
)
from decision_service.rules.checks.declarations import (
    check_because,
    check_fitness,
    check_history,
    check_params,
    check_reason_factors,
    check_reasonless,
    check_unused,
)
from decision_service.rules.checks.scorecards import check_bands, check_bins, check_dead_zone
from decision_service.rules.checks.tables import check_cost, check_rows
from decision_service.rules.draft import RulesetDraft

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
    check_segments,
    check_shadowed,
    check_undefined,
    check_unused,
)
