"""What is proved of the rules that a backtest compares."""

from __future__ import annotations

from datetime import date

from decision_service.cli.errors import CommandError, Exit
from decision_service.cli.rules.diff.proofs import proved
from decision_service.impact.proofs import Proofs
from decision_service.pipeline.backtest.compared import ComparedRules


def proofs_of(compared: ComparedRules, since: date | None) -> Proofs:
    """The changed version beside the champion; raises CommandError where nothing is changed."""
    champion, changed = compared.product.champion, compared.changed
    if changed.digest == champion.digest:
        raise CommandError(
            f"--prove has one version, v{champion.version} as it stands: change it with --with or "
            "--set",
            Exit.USAGE,
        )
    return proved(champion, changed, since, compared.name)
