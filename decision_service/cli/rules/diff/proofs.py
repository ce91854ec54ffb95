"""What is proved of a change, beside what it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from decision_service.cli.errors import CommandError, Exit
from decision_service.pipeline.trial.claims import proof_lines
from decision_service.proofs.solver import SolverMissing
from decision_service.ruleset.program.model import CompiledRuleset

ProveOption = Annotated[
    bool, typer.Option("--prove", help="prove what the change does to everybody (extra `prove`)")
]


def proved(old: CompiledRuleset, new: CompiledRuleset) -> list[str]:
    """What is proved of a change, a line a claim; raises CommandError."""
    try:
        return [*proof_lines(old, new, datetime.now(UTC), time.monotonic)]
    except SolverMissing as error:
        raise CommandError(str(error), Exit.USAGE) from None
