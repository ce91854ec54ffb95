"""What is proved of a change, beside what it is."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from decision_service.cli.errors import CommandError, Exit
from decision_service.impact.proofs import Proofs
from decision_service.pipeline.trial.claims import claim_proofs
from decision_service.proofs.solving.solver import SolverMissing
from decision_service.ruleset.program.model import CompiledRuleset

ProveOption = Annotated[
    bool, typer.Option("--prove", help="prove the change for all applicants (extra `workbench`)")
]


def proved(
    old: CompiledRuleset,
    new: CompiledRuleset,
    since: date | None = None,
    name: str = "",
) -> Proofs:
    """What is proved of a change from a day on, by default from today; raises CommandError.

    The new version may have a name of its own.
    """
    today = since or datetime.now(UTC).astimezone(new.zone).date()
    try:
        claims = tuple(claim_proofs(old, new, today, time.monotonic))
    except SolverMissing as error:
        raise CommandError(str(error), Exit.USAGE) from None
    return Proofs(f"v{old.version}", name or f"v{new.version}", today.isoformat(), claims)


def sentences(proofs: Proofs) -> list[str]:
    """A sentence a claim."""
    return [one.sentence for one in proofs.claims]
